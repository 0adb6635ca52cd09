"""Pika 2.x through fal: fal's queue protocol, one endpoint for text, one for a picture, one for two.

URL: https://queue.fal.run. Auth: `Authorization: Key <key>`. Read: 2026-11-22; fal-client 1.0.3.
Limits: 2 to 40 requests run at once for an account; what exceeds that waits in the queue: accepted, not refused.
Files: a public CDN, kept as long as the lifecycle header says. Status, result and cancel drop the endpoint's sub-path;
their URLs are rebuilt from the id, because the ones in the answer would be given our key.
Money: nothing is reported; 5xx is free, a refusal (422) is billed where a runner spent time on it. `inference_time`
says whether one did, and then the refusal counts as a whole clip: not confirmed, and the safe side of the ledger.
Not there: look-up by a reference of ours, so a lost answer waits for its callback. Not confirmed: whether a request
that is cancelled while it runs is billed (so only what waits is cancelled); the host of the keys (`WORKER_KEYS_URL`;
older: rest.alpha.fal.ai); the price of 10 s (taken as twice that of 5 s). A first
and a last frame go to `pikaframes`, as one transition, at a price of its own. `pikascenes` would take references: its
price, and the name of its field for pictures, are not confirmed, so it is not used.
"""

import binascii
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import msgspec
from dailies_contracts import FailureKind
from runtime.clock import Clock

from provider_workers.adapters.http import Call, Reply, VendorHttp, Wrong, kind_of_status
from provider_workers.adapters.http_adapter import HttpAdapter
from provider_workers.adapters.images import data_uri_of
from provider_workers.adapters.key_set import KeySet
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

BASE_URL = "https://queue.fal.run"
KEYS_URL = "https://rest.fal.ai"
KEYS_PATH = "/.well-known/jwks.json"
APP = "/fal-ai/pika"
KEPT_S = 172_800
"""fal keeps the file for so long: as long as we watch a clip that was given up."""
SIGNATURE_AGE_S = 300.0
NOT_FOUND, UNPROCESSABLE = 404, 422

TYPES: dict[str, FailureKind] = {
    "content_policy_violation": "refused",
    "bad_request": "invalid_request",
    "image_too_large": "invalid_request",
    "image_too_small": "invalid_request",
    "image_load_error": "invalid_request",
    "file_download_error": "invalid_request",
    "file_too_large": "invalid_request",
    "client_cancelled": "unclassified",  # by us: the job is over
    "client_disconnected": "unavailable",
    "internal_error": "unavailable",
    "internal_server_error": "unavailable",
    "downstream_service_error": "unavailable",
    "downstream_service_unavailable": "unavailable",
    "generation_timeout": "unavailable",
    "request_timeout": "unavailable",
    "startup_timeout": "unavailable",
    "runner_server_error": "unavailable",
    "runner_incomplete_response": "unavailable",
    "runner_scheduling_failure": "unavailable",
    "runner_connection_timeout": "unavailable",
    "runner_disconnected": "unavailable",
    "runner_connection_refused": "unavailable",
    "runner_connection_error": "unavailable",
}
CANNOT_TELL = frozenset({401, 403, 408, 429})
"""Answers to a fetch of the result that are about the fetch, not about the task."""
IN_PROGRESS = "still in progress"
LOCKED = "locked"
"""A 403 whose sentence has this word means that the balance is spent (or, rarely, that an administrator locked it)."""


class Problem(msgspec.Struct, frozen=True):
    """One entry of `detail` where the model itself complains."""

    type: str = ""
    msg: str = ""


class Trouble(msgspec.Struct, frozen=True):
    """An error's body: `detail` is a sentence of the queue or a list of the model."""

    detail: str | list[Problem] = ""
    error_type: str = ""


class Queued(msgspec.Struct, frozen=True):
    """Answer to a submit."""

    request_id: str


class Metrics(msgspec.Struct, frozen=True):
    """`metrics`: seconds that a runner worked; absent where none did."""

    inference_time: float | None = None


class Status(msgspec.Struct, frozen=True):
    """How a request stands."""

    status: str = ""
    metrics: Metrics | None = None
    error: Any = None
    error_type: str | None = None

    @property
    def has_failed_runner(self) -> bool:
        """Tell whether the request failed for a reason whose result is a 5xx; a refusal's is a 422."""
        if not (self.error or self.error_type):
            return False
        return TYPES.get(self.error_type or "", "unavailable") == "unavailable"

    @property
    def inference_s(self) -> float:
        """Time that a runner worked."""
        return (self.metrics and self.metrics.inference_time) or 0.0


class File(msgspec.Struct, frozen=True):
    """`video` of a result."""

    url: str = ""


class Result(msgspec.Struct, frozen=True):
    """What the model gives."""

    video: File = File()


class Called(msgspec.Struct, frozen=True):
    """A callback's body, as far as it is used."""

    request_id: str


def to_request(order: Order) -> tuple[str, dict[str, Any]]:
    """Turn an order into path and body of the submit; the body is the model's input, without a wrapper."""
    version = order.model.removeprefix("pika-")
    path = f"{APP}/{quote(version, safe='')}/{_endpoint(order)}"
    if order.callback_url:
        path += f"?fal_webhook={quote(order.callback_url, safe='')}"
    body: dict[str, Any] = {
        "prompt": order.prompt,
        "resolution": order.resolution,
        # Left out it would be the vendor's own for text, which nobody has asked for.
        "negative_prompt": order.negative_prompt,
    }
    if order.seed is not None:
        body["seed"] = order.seed
    return path, body | _shape_of(order) | order.parameters


def _endpoint(order: Order) -> str:
    if order.first_frame is None:
        return "text-to-video"
    return "image-to-video" if order.last_frame is None else "pikaframes"


def _shape_of(order: Order) -> dict[str, Any]:
    """Say how long a clip is and what decides its shape: the aspect that was asked for, else the first frame."""
    if order.first_frame is None:
        return {"duration": order.duration_s, "aspect_ratio": order.aspect_ratio}
    if order.last_frame is None:
        return {"duration": order.duration_s, "image_url": data_uri_of(order.first_frame)}
    frames = [data_uri_of(frame) for frame in (order.first_frame, order.last_frame)]
    return {"image_urls": frames, "transitions": [{"duration": order.duration_s}]}


def from_response(status: Status, result: Reply, trouble: Trouble) -> Outcome:
    """Turn a completed request into its outcome: a failure is a result whose fetch answers with the failure's status.

    Args:
        status: The request's, `COMPLETED`.
        result: Answer to the fetch of the result; it was about the task.
        trouble: The same answer read as an error's body.
    """
    if result.is_ok:
        url = _video_url(result.body)
        if not url:
            return Failed(kind="bad_output", vendor_code="no_output", charged_usd_micros=None)
        return Succeeded(output=Output(url=url), render_ms=round(status.inference_s * 1_000) or None)
    if IN_PROGRESS in str(trouble.detail):
        return Running()
    if result.status == NOT_FOUND:  # completed, and its payload is no longer kept
        return Failed(kind="bad_output", vendor_code="no_result", charged_usd_micros=None)
    kind, code = kind_of(trouble, result, known=status.error_type or "")
    is_billed = kind != "unavailable" and status.inference_s > 0
    return Failed(kind=kind, vendor_code=code, charged_usd_micros=None if is_billed else 0)


def kind_of(trouble: Trouble, reply: Reply, *, known: str = "") -> tuple[FailureKind, str]:
    """Classify an error by its types, else by its status.

    Args:
        trouble: The error's body.
        reply: The answer that carried it.
        known: A type that is known from elsewhere.
    """
    problems = trouble.detail if isinstance(trouble.detail, list) else []
    own = trouble.error_type or reply.headers.get("x-fal-error-type", "") or known
    types = [each for each in (*(problem.type for problem in problems), own) if each]
    # Of several complaints a refusal counts first: repairing the others would not help.
    for code in sorted(types, key=lambda each: TYPES.get(each) != "refused"):
        if code in TYPES:
            return TYPES[code], code
    if reply.status == UNPROCESSABLE:
        return "invalid_request", types[0] if types else "unprocessable"
    return kind_of_status(reply.status, is_submit=False), types[0] if types else ""


def signed_bytes(headers: Mapping[str, str], body: bytes) -> bytes:
    """Give what fal signs of a callback; header names in lower case."""
    names = ("request-id", "user-id", "timestamp")
    parts = [headers.get(f"x-fal-webhook-{name}", "") for name in names]
    return "\n".join([*parts, hashlib.sha256(body).hexdigest()]).encode()


class Pika(HttpAdapter):
    """One account of fal, for Pika's models."""

    takes_last_frame = True

    def __init__(self, account: Account, client: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__(account, client, clock, base_url=BASE_URL)
        self._headers = {"authorization": f"Key {account.needed('api_key')}"}
        keys = urlsplit(account.keys_url or (account.base_url or KEYS_URL).rstrip("/") + KEYS_PATH)
        keys_http = VendorHttp(client, account, f"{keys.scheme}://{keys.netloc}", clock=clock)
        self._keys = KeySet(keys_http, keys.path, provider=account.provider)

    async def submit(self, order: Order) -> Submission:
        """Order one clip."""
        path, body = to_request(order)
        kept = msgspec.json.encode({"expiration_duration_seconds": KEPT_S}).decode()
        headers = self._headers | {"x-fal-object-lifecycle-preference": kept}
        reply = await self._send(Call("POST", path, headers, body, is_submit=True))
        return Submission(provider_task_id=self._http.read(reply, Queued, is_submit=True).request_id)

    async def poll(self, task: TaskRef) -> Outcome:
        """Ask how a request stands, and fetch its result once it has completed."""
        path = _path_of(task)
        reply = await self._http.send(Call("GET", f"{path}/status", self._headers))
        if reply.status == NOT_FOUND:
            return Absent()
        self._check(reply)
        status = self._http.read(reply, Status)
        if status.status != "COMPLETED":
            return Running()
        result = await self._http.send(Call("GET", path, self._headers))
        trouble = _trouble_of(result)
        # A hiccup of the queue looks like a failed runner; the status says whether it was one.
        in_between = result.status >= 500 and not status.has_failed_runner  # noqa: PLR2004
        if result.status in CANNOT_TELL or in_between:
            self._check(result)
        return from_response(status, result, trouble)

    async def cancel(self, task: TaskRef) -> bool:
        """Take a request out of the queue; one that runs may be billed all the same, and is left to its end."""
        path = _path_of(task)
        shown = await self._http.send(Call("GET", f"{path}/status", self._headers))
        if not shown.is_ok or self._http.read(shown, Status).status != "IN_QUEUE":
            return False
        reply = await self._http.send(Call("PUT", f"{path}/cancel", self._headers))
        if reply.status in (400, NOT_FOUND):  # it has completed, or is not known
            return False
        self._check(reply)
        return True

    async def parse_callback(self, headers: Mapping[str, str], body: bytes) -> CallbackHint | None:
        """Read a callback, signed with one of fal's published keys."""
        named = {name.lower(): value for name, value in headers.items()}
        timestamp = named.get("x-fal-webhook-timestamp", "")
        if not timestamp.isdigit() or abs(self._http.clock().timestamp() - int(timestamp)) > SIGNATURE_AGE_S:
            return None
        try:
            signature = binascii.unhexlify(named.get("x-fal-webhook-signature", ""))
            request_id = msgspec.json.decode(body, type=Called).request_id
        except (ValueError, msgspec.MsgspecError):
            return None
        if not await self._keys.verifies(signature, signed_bytes(named, body)):
            return None
        return CallbackHint(provider_task_id=request_id)

    def _wrong_with(self, reply: Reply, *, is_submit: bool) -> Wrong | None:
        if reply.is_ok:
            return None
        trouble = _trouble_of(reply)
        kind, code = kind_of(trouble, reply)
        if reply.status == 403 and LOCKED in str(trouble.detail).lower():  # noqa: PLR2004 (named by the vendor)
            kind, code = "quota", "locked"
        elif is_submit and reply.status >= 500 and (not code or reply.status == 504):  # noqa: PLR2004
            kind = "outcome_unknown"  # not the queue's own word, or its timeout: it may have been taken
        return Wrong(kind, code)


def _path_of(task: TaskRef) -> str:
    return f"{APP}/requests/{quote(task.provider_task_id, safe='')}"


def _trouble_of(reply: Reply) -> Trouble:
    try:
        return msgspec.json.decode(reply.body, type=Trouble)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Trouble()


def _video_url(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=Result).video.url
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


ADAPTERS = {"pika": Pika}
