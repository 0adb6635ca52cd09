"""Luma Dream Machine.

URL: https://api.lumalabs.ai. Auth: `Authorization: Bearer <key>`. Read: 2026-11-22 (lumaai 1.21.0,
docs.lumalabs.ai). Limits: 10 generations in flight and 20 submits a minute on the Build tier; refused with 429.
Reference: none of its own, but a generation echoes its request, and the callback address in it carries our clip id. So
a lost answer is looked up in the list where the worker has a callback address. The echo is not promised: absence is
believed only where every recent generation shows one.
Money: nothing is reported; the catalogue's price of the length that was ordered counts.
Pictures: a first and a last frame, by public HTTPS URL alone, so the object store must be reachable for the vendor.
Files: not said how long. Callbacks: at every change of state, not signed, tried four times within half a second.
Not there: seed, negative prompt, sound (a second call, priced apart), percentage, cancel. `DELETE` is documented only
as deletion: whether it stops or refunds is open, and afterwards nobody can ask what was billed, so it is not used.
Not confirmed: status and words where credits are used up (402, or 400 or 403 that speaks of credits) and of the rate
limit (429, Retry-After honoured where it comes), that failed and moderated generations are not billed, the order of the
list (checked, not trusted).
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from dailies_contracts import FailureKind
from runtime.clock import Clock

from provider_workers.adapters.http import Call, Reply, Wrong, kind_of_status
from provider_workers.adapters.http_adapter import HttpAdapter
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import (
    Absent,
    CallbackHint,
    Failed,
    Order,
    Outcome,
    Output,
    Running,
    Submission,
    Succeeded,
    TaskRef,
)
from provider_workers.domain.callback_url import clip_id_in
from provider_workers.domain.failures import ProviderError

BASE_URL = "https://api.lumalabs.ai"
GENERATIONS = "/dream-machine/v1/generations"
RESOLUTIONS = {"480p": "540p"}
"""Its lowest has 540 lines; the others are spelled as we do."""
LIST_SIZE = 100
MAX_LIST_PAGES = 50
CLOCK_LEEWAY = timedelta(minutes=5)
"""How far the vendor's clock may be off ours."""
REASONS: tuple[tuple[str, FailureKind], ...] = (
    ("failed to read user input frames", "invalid_request"),
    ("failed to moderate image", "invalid_request"),  # it could not fetch the picture
    ("moderation", "refused"),
    ("blacklisted", "refused"),
    ("credit", "quota"),
    ("not supported", "invalid_request"),
    ("concurren", "throttled"),
    ("rate limit", "throttled"),
)
"""Words of `failure_reason` and `detail`, the first that is found counts. There are no codes."""
STATUS_IN_TEXT = re.compile(r"^(\d{3}): ")
"""The vendor writes the status of an inner call in front of some reasons: `400: prompt not allowed because …`."""
BY_INNER_STATUS: dict[str, FailureKind] = {"400": "invalid_request", "402": "quota", "422": "invalid_request"}
GATEWAY_TIMEOUT = 504


class Request(msgspec.Struct, frozen=True):
    """What a generation says it was asked for."""

    callback_url: str | None = None


class Assets(msgspec.Struct, frozen=True):
    """`assets`."""

    video: str | None = None


class Generation(msgspec.Struct, frozen=True):
    """A generation as submit, poll, list and callback show it."""

    id: str
    state: str = ""
    failure_reason: str | None = None
    created_at: datetime | None = None
    assets: Assets | None = None
    request: Request | None = None

    @property
    def reference(self) -> str:
        """Our id, from the callback address that the generation was ordered with."""
        return clip_id_in((self.request and self.request.callback_url) or "")


class Listing(msgspec.Struct, frozen=True):
    """One page of the list."""

    generations: list[Generation]
    has_more: bool | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """Body of an error answer; `detail` is a sentence, or a list of them where the shape is wrong."""

    detail: Any


def to_request(order: Order) -> dict[str, Any]:
    """Turn an order into the body of the submit."""
    body: dict[str, Any] = {
        "generation_type": "video",
        "model": order.model,
        "prompt": order.prompt,
        "aspect_ratio": order.aspect_ratio,
        "duration": f"{order.duration_s}s",
        "resolution": RESOLUTIONS.get(order.resolution, order.resolution),
    }
    if order.camera:
        body["concepts"] = [{"key": order.camera}]
    frames = {"frame0": order.first_frame, "frame1": order.last_frame}
    keyframes = {name: {"type": "image", "url": frame.url} for name, frame in frames.items() if frame is not None}
    if keyframes:
        body["keyframes"] = keyframes
    if order.callback_url:
        body["callback_url"] = order.callback_url
    return body | order.parameters


def from_response(generation: Generation) -> Outcome:
    """Turn a generation into its outcome."""
    reference = generation.reference
    match generation.state:
        case "completed":
            url = (generation.assets and generation.assets.video) or ""
            if not url:
                return Failed(kind="bad_output", vendor_code="no_video", charged_usd_micros=None, reference=reference)
            return Succeeded(output=Output(url=url), reference=reference)
        case "failed":
            kind, code = kind_of_text(generation.failure_reason or "")
            return Failed(kind=kind or "unavailable", vendor_code=code or "failed", reference=reference)
        case _:
            return Running(reference=reference)


def kind_of_text(text: str) -> tuple[FailureKind | None, str]:
    """Classify a sentence of the vendor, with a short code for people on call; None where it says nothing we know."""
    lowered = text.lower()
    for words, kind in REASONS:
        if words in lowered:
            return kind, words.replace(" ", "_")
    inner = STATUS_IN_TEXT.match(text)
    if inner is not None:
        return BY_INNER_STATUS.get(inner.group(1), "unavailable"), inner.group(1)
    return None, ""


def _kind_of_error(reply: Reply, *, is_submit: bool) -> tuple[FailureKind, str]:
    try:
        detail = msgspec.json.decode(reply.body, type=ErrorBody).detail
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return kind_of_status(reply.status, is_submit=is_submit), ""
    by_status = kind_of_status(reply.status, is_submit=is_submit and reply.status == GATEWAY_TIMEOUT)
    if by_status not in {"invalid_request", "auth"} or reply.status == httpx.codes.UNAUTHORIZED:
        return by_status, ""
    kind, code = kind_of_text(detail if isinstance(detail, str) else "")
    return kind or by_status, code


class Luma(HttpAdapter):
    """One account of Luma Dream Machine."""

    takes_last_frame = True

    def __init__(self, account: Account, client: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__(account, client, clock, base_url=BASE_URL)
        self._headers = {"authorization": f"Bearer {account.needed('api_key')}"}
        self.can_find = self.keeps_reference = account.has_callbacks

    async def submit(self, order: Order) -> Submission:
        """Order one clip; accepted is 201."""
        if any(frame is not None and not frame.url for frame in (order.first_frame, order.last_frame)):
            raise ProviderError("invalid_request", self._provider, vendor_code="picture_without_url")
        call = Call("POST", f"{GENERATIONS}/video", self._headers, to_request(order), is_submit=True)
        generation = self._http.read(await self._send(call), Generation, is_submit=True)
        return Submission(provider_task_id=generation.id, reference=clip_id_in(order.callback_url))

    async def poll(self, task: TaskRef) -> Outcome:
        """Ask how a generation stands; a deleted one is 404."""
        path = f"{GENERATIONS}/{quote(task.provider_task_id, safe='')}"
        reply = await self._http.send(Call("GET", path, self._headers))
        if reply.status == httpx.codes.NOT_FOUND:
            return Absent()
        self._check(reply)
        return from_response(self._http.read(reply, Generation))

    async def find(self, reference: str, *, since: datetime) -> Submission | None:
        """Look a generation up by the callback address that it echoes.

        Raises:
            ProviderError: The list does not tell: it leaves echoes out, is not in order, or is too long.
        """
        oldest = since - CLOCK_LEEWAY
        latest: datetime | None = None
        for number in range(MAX_LIST_PAGES):
            page = await self._page(number)
            for generation in page.generations:
                if generation.reference == reference:
                    return Submission(provider_task_id=generation.id, reference=reference)
                at = generation.created_at
                if at is None or (latest is not None and at > latest):
                    raise self._cannot_tell("list_not_in_order")
                if at < oldest:
                    return None
                if not generation.reference:
                    raise self._cannot_tell("no_echo")
                latest = at
            if not page.has_more:
                return None
        raise self._cannot_tell("list_too_long")

    async def parse_callback(self, headers: Mapping[str, str], body: bytes) -> CallbackHint | None:
        """Read a callback: the generation itself, not signed."""
        del headers
        try:
            return CallbackHint(provider_task_id=msgspec.json.decode(body, type=Generation).id)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    async def _page(self, number: int) -> Listing:
        path = f"{GENERATIONS}?limit={LIST_SIZE}&offset={number * LIST_SIZE}"
        return self._http.read(await self._send(Call("GET", path, self._headers)), Listing)

    def _cannot_tell(self, vendor_code: str) -> ProviderError:
        return ProviderError("unavailable", self._provider, vendor_code=vendor_code)

    def _wrong_with(self, reply: Reply, *, is_submit: bool) -> Wrong | None:
        return None if reply.is_ok else Wrong(*_kind_of_error(reply, is_submit=is_submit))


ADAPTERS = {"luma": Luma}
