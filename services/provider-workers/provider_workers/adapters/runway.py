"""Runway, its own Gen-4 models.

URL: https://api.dev.runwayml.com. Auth: `Authorization: Bearer key_…` and `X-Runway-Version` on every call.
Read: 2026-11-22 (runwayml 5.24.0, docs.dev.runwayml.com). Limits: tasks in flight and a day's tasks by account and
model; what is over the first waits at the vendor as THROTTLED, which is accepted; over the second is HTTP 429.
Reference: none, and no list of tasks, so a lost answer cannot be looked up. No callbacks. Files: 24 to 48 hours, and
every poll gives a fresh URL.
Money: `cost.credits` of an ended task, also of a failed one: moderated tasks cost what a success would. A credit is
0.01 USD at list price, `WORKER_UNIT_USD_MICROS` says what it costs us.
Cancel: a task that waits is refunded, one that runs is not, and a cancelled task may not be shown any more. So only
THROTTLED tasks are cancelled: what the others cost might never be known.
Not there: sound, negative prompt, camera control; last frame and references, which only the models have that it sells
for others.
Not confirmed: the whole list of failure codes (an unknown one is `unclassified`), Retry-After (honoured where it
comes), the words of the 429 of a day's limit (told by QUOTA_WORDS), the state of a cancelled task (CANCELLED or 404:
both are understood).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from dailies_contracts import FailureKind
from runtime.clock import Clock

from provider_workers.adapters.http import Call, Reply, Wrong, kind_of_status
from provider_workers.adapters.http_adapter import HttpAdapter
from provider_workers.adapters.images import base64_of
from provider_workers.adapters.upload import Form, Uploader
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import (
    Absent,
    CallbackHint,
    Failed,
    Image,
    Order,
    Outcome,
    Output,
    Running,
    Submission,
    Succeeded,
    TaskRef,
)
from provider_workers.domain.failures import ProviderError

BASE_URL = "https://api.dev.runwayml.com"
API_VERSION = "2024-11-06"
UNIT_USD_MICROS = 10_000
"""List price of one credit."""
MAX_DATA_URI_CHARS = 5_000_000
"""A larger picture is uploaded first (the vendor's limit is 5 MB as sent)."""
RATIOS = {
    ("720p", "16:9"): "1280:720",
    ("720p", "9:16"): "720:1280",
    ("720p", "1:1"): "960:960",  # from a picture only
}
"""The vendor names frame sizes, which are shape and resolution in one."""
THROTTLED = "THROTTLED"
"""Waits for an earlier task of ours. One that is PENDING may run before a cancel arrives."""
FAILURES: dict[str, FailureKind] = {
    "SAFETY": "refused",
    "INPUT_PREPROCESSING.SAFETY": "refused",
    "INPUT_PREPROCESSING.INTERNAL": "unavailable",
    "INTERNAL": "unavailable",  # INTERNAL.BAD_OUTPUT too: the vendor's own quality check, refunded
    "ASSET.INVALID": "invalid_request",
    "THIRD_PARTY.UNAVAILABLE": "unavailable",
    "THIRD_PARTY.INPUT_VALIDATION": "invalid_request",
}
"""By the longest known beginning of `failureCode`, in whole parts."""
NO_CREDITS = "enough credits"
"""Out of money is HTTP 400 and told by its sentence alone."""
QUOTA_WORDS = ("daily", "per day", "monthly", "spend")
"""A 429 with one of these is about the day or the month: no waiting of ours helps."""
GATEWAY_TIMEOUT = 504


class Credits(msgspec.Struct, frozen=True):
    """`cost`."""

    credits: float = 0.0


class Task(msgspec.Struct, frozen=True, rename="camel"):
    """A task as a poll shows it."""

    id: str
    status: str = ""
    output: list[str] | None = None
    failure_code: str | None = None
    cost: Credits | None = None


class Created(msgspec.Struct, frozen=True):
    """Answer to a submit."""

    id: str


class Upload(msgspec.Struct, frozen=True, rename="camel"):
    """Where to bring a file, and how a submit names it then."""

    upload_url: str
    fields: dict[str, str]
    runway_uri: str


class ErrorBody(msgspec.Struct, frozen=True):
    """Body of an error answer."""

    error: str


def to_request(order: Order, *, picture: str = "") -> tuple[str, dict[str, Any]]:
    """Turn an order into path and body of the submit.

    Args:
        order: The order.
        picture: Its first frame as the vendor takes it, a `data:` or `runway:` URI.

    Raises:
        KeyError: The vendor has no such shape at this resolution.
    """
    body: dict[str, Any] = {
        "model": order.model,
        "promptText": order.prompt,
        "ratio": RATIOS[order.resolution, order.aspect_ratio],
        "duration": order.duration_s,
    }
    if order.seed is not None:
        body["seed"] = order.seed
    body |= order.parameters
    if order.first_frame is None:
        return "/v1/text_to_video", body
    return "/v1/image_to_video", body | {"promptImage": picture}


def from_response(task: Task, *, unit_usd_micros: int) -> Outcome:
    """Turn a task into its outcome.

    Args:
        task: As the vendor shows it.
        unit_usd_micros: What a credit costs us.
    """
    cost = None if task.cost is None else round(task.cost.credits * unit_usd_micros)
    match task.status:
        case "SUCCEEDED" if task.output:
            return Succeeded(output=Output(url=task.output[0]), cost_usd_micros=cost)
        case "SUCCEEDED":
            return Failed(kind="bad_output", vendor_code="no_output", charged_usd_micros=cost)
        case "FAILED":
            code = task.failure_code or ""
            kind = kind_of_failure(code)
            # Where no cost is told: moderated tasks are billed like a success, other failures are refunded.
            charged = 0 if cost is None and kind != "refused" else cost
            return Failed(kind=kind, vendor_code=code or "failed", charged_usd_micros=charged)
        case "CANCELLED":
            return Failed(kind="unclassified", vendor_code="cancelled", charged_usd_micros=cost or 0)
        case _:
            return Running()


def kind_of_failure(code: str) -> FailureKind:
    """Classify a failed task; without a code the vendor blames itself."""
    if not code:
        return "unavailable"
    parts = code.upper().split(".")
    for n_parts in range(len(parts), 0, -1):
        kind = FAILURES.get(".".join(parts[:n_parts]))
        if kind is not None:
            return kind
    return "unclassified"


def _kind_of_error(reply: Reply, *, is_submit: bool) -> tuple[FailureKind, str]:
    try:
        text = msgspec.json.decode(reply.body, type=ErrorBody).error.lower()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return kind_of_status(reply.status, is_submit=is_submit), ""
    if NO_CREDITS in text:
        return "quota", "no_credits"
    kind = kind_of_status(reply.status, is_submit=is_submit and reply.status == GATEWAY_TIMEOUT)
    if kind == "throttled" and any(word in text for word in QUOTA_WORDS):
        return "quota", "limit"
    return kind, ""


def data_uri(image: Image) -> str:
    """Write a picture as a `data:` URI."""
    return f"data:{image.media_type};base64,{base64_of(image)}"


class Runway(HttpAdapter):
    """One account of Runway."""

    def __init__(self, account: Account, client: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__(account, client, clock, base_url=BASE_URL)
        self._headers = {
            "authorization": f"Bearer {account.needed('api_key')}",
            "x-runway-version": API_VERSION,
        }
        self._unit_usd_micros = account.unit_usd_micros or UNIT_USD_MICROS
        self._uploader = Uploader(client, account, self._base_url)

    async def submit(self, order: Order) -> Submission:
        """Order one clip; a large picture is uploaded first."""
        picture = "" if order.first_frame is None else await self._picture(order.first_frame)
        try:
            path, body = to_request(order, picture=picture)
        except KeyError as err:
            raise ProviderError("invalid_request", self._provider, vendor_code="no_such_ratio") from err
        reply = await self._send(Call("POST", path, self._headers, body, is_submit=True))
        return Submission(provider_task_id=self._http.read(reply, Created, is_submit=True).id)

    async def poll(self, task: TaskRef) -> Outcome:
        """Ask how a task stands; a deleted one is 404."""
        shown = await self._task(task)
        return Absent() if shown is None else from_response(shown, unit_usd_micros=self._unit_usd_micros)

    async def cancel(self, task: TaskRef) -> bool:
        """Cancel a task that waits for others; one that runs is billed all the same, and would no longer say so."""
        shown = await self._task(task)
        if shown is None or shown.status != THROTTLED:
            return False
        reply = await self._http.send(Call("DELETE", _path(task), self._headers))
        if reply.status == httpx.codes.NOT_FOUND:
            return False
        self._check(reply)
        return True

    async def parse_callback(self, headers: Mapping[str, str], body: bytes) -> CallbackHint | None:
        """Runway calls nobody back."""
        del headers, body
        return None

    async def _task(self, task: TaskRef) -> Task | None:
        reply = await self._http.send(Call("GET", _path(task), self._headers))
        if reply.status == httpx.codes.NOT_FOUND:
            return None
        self._check(reply)
        return self._http.read(reply, Task)

    async def _picture(self, image: Image) -> str:
        written = data_uri(image)
        if len(written) <= MAX_DATA_URI_CHARS:
            return written
        filename = f"frame.{image.media_type.rpartition('/')[2]}"
        body = {"filename": filename, "type": "ephemeral"}
        reply = await self._send(Call("POST", "/v1/uploads", self._headers, body))
        place = self._http.read(reply, Upload)
        await self._uploader.post(place.upload_url, Form(fields=place.fields, filename=filename, image=image))
        return place.runway_uri

    def _wrong_with(self, reply: Reply, *, is_submit: bool) -> Wrong | None:
        return None if reply.is_ok else Wrong(*_kind_of_error(reply, is_submit=is_submit))


ADAPTERS = {"runway": Runway}


def _path(task: TaskRef) -> str:
    return f"/v1/tasks/{quote(task.provider_task_id, safe='')}"
