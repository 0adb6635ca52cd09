"""MiniMax Hailuo 02, 2.3 and 2.3-Fast, API V1.

URL: https://api.minimax.io (global; https://api.minimaxi.com in China; keys are bound to a region). Auth: Bearer.
Read: 2026-11-22. Errors come with HTTP 200: the body's code counts, at whatever status, in one of two shapes.
Limits: 5 to 50 submits a minute (1002), tasks in flight (1041). A poll is two calls: the task, then the file, whose
`download_url` is good for an hour (an older page says nine): every poll makes a new one.
Callback: unsigned; creating a task blocks until our address has echoed a challenge, within 3 s. An address that did not
is refused, and the task is created once more without one, because polling is enough.
Money: nothing is reported; failed and moderated tasks are free. A length of 6 s or 10 s has a price of its own.
Pictures: a last frame with Hailuo 02 alone, not at 512P. `subject_reference` is of S2V-01, whose price and settings are
not confirmed: not used.
The prompt is sent as compiled: the vendor's own optimizer is off.
Not there: cancel, look-up by a reference of ours, seed, negative prompt, sound, aspect ratio (wide, or as the picture).
Not confirmed: HTTP statuses of errors (all are read), the code for an unknown task (2013 is taken for it) and for a
challenge that failed (2013 with a sentence about the callback), prices of 2.3-Fast beyond 768P 6 s and of 02 at 512P
10 s.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import msgspec
from dailies_contracts import FailureKind
from runtime.clock import Clock

from provider_workers.adapters.http import Call, Reply, Wrong, kind_of_status
from provider_workers.adapters.http_adapter import HttpAdapter
from provider_workers.adapters.images import data_uri_of
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
from provider_workers.domain.failures import ProviderError

BASE_URL = "https://api.minimax.io"

CODES: dict[int, FailureKind] = {
    1000: "unavailable",
    1001: "outcome_unknown",  # the vendor's own timeout
    1002: "throttled",  # submits a minute
    1004: "auth",
    1008: "quota",  # balance
    1013: "unavailable",
    1024: "unavailable",
    1026: "refused",  # what went in
    1027: "refused",  # what came out
    1028: "quota",  # the plan's quota
    1030: "quota",
    1033: "unavailable",
    1039: "throttled",  # tokens a minute
    1041: "throttled",  # tasks in flight
    1042: "invalid_request",  # invisible characters
    2013: "invalid_request",
    2045: "throttled",  # growth too quick
    2049: "auth",  # also a key of another region
    2056: "quota",  # the plan's window of five hours
    2061: "quota",  # the plan does not have the model
}
INVALID = 2013
REFUSALS = frozenset({1026, 1027})
RESOLUTIONS = {"480p": "512P", "720p": "768P", "1080p": "1080P"}
SUCCEEDED = frozenset({"success"})
FAILED = frozenset({"fail", "failed"})
"""The query says `Fail`, the callback `failed`."""
CODE_IN_TEXT = re.compile(r"\((\d{4})\)\s*$")


class BaseResp(msgspec.Struct, frozen=True):
    """`base_resp` of every answer; code 0 is success."""

    status_code: int = 0
    status_msg: str = ""


class OtherError(msgspec.Struct, frozen=True):
    """`error` of the other error shape: the code stands at the end of the message."""

    message: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What every answer has, in either shape."""

    base_resp: BaseResp | None = None
    error: OtherError | None = None


class Task(msgspec.Struct, frozen=True):
    """A task as submit, query and callback show it; ids are text in one place and numbers in another."""

    task_id: str | int = ""
    status: str = ""
    file_id: str | int | None = None


class File(msgspec.Struct, frozen=True):
    """`file` of a retrieved file."""

    download_url: str = ""
    backup_download_url: str = ""


class Retrieved(msgspec.Struct, frozen=True):
    """Answer to a file's retrieval."""

    file: File = File()


class Verdict(NamedTuple):
    """The code and sentence that an answer carries, 0 where it says success; None where it says nothing."""

    code: int | None = None
    message: str = ""


def to_request(order: Order) -> dict[str, Any]:
    """Turn an order into the body of the submit."""
    body: dict[str, Any] = {
        "model": order.model,
        "prompt": order.prompt,
        "duration": order.duration_s,
        "resolution": RESOLUTIONS.get(order.resolution, order.resolution),
        "prompt_optimizer": False,
        **order.parameters,
    }
    if order.first_frame is not None:
        body["first_frame_image"] = data_uri_of(order.first_frame)  # bare base64 is refused
    if order.last_frame is not None:
        body["last_frame_image"] = data_uri_of(order.last_frame)
    if order.callback_url:
        body["callback_url"] = order.callback_url
    return body


def verdict_of(reply: Reply) -> Verdict:
    """Read the code of an answer in either shape."""
    try:
        answer = msgspec.json.decode(reply.body, type=Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Verdict()
    if answer.error is not None:
        found = CODE_IN_TEXT.search(answer.error.message)
        return Verdict(int(found.group(1)) if found else None, answer.error.message)
    if answer.base_resp is not None:
        return Verdict(answer.base_resp.status_code, answer.base_resp.status_msg)
    return Verdict()


def failure_of(task: Task, verdict: Verdict) -> Failed | None:
    """Tell how a task failed, None where it did not; no failure is billed."""
    code = verdict.code or 0
    if code in REFUSALS:  # whatever the status says: the query may answer with the code alone
        return Failed(kind="refused", vendor_code=str(code))
    if task.status.lower() not in FAILED:
        return None
    kind = CODES.get(code, "unavailable")
    # A task that has ended is not throttled and not unknown.
    return Failed(kind=kind if kind in ("invalid_request", "quota") else "unavailable", vendor_code=str(code or "Fail"))


class Minimax(HttpAdapter):
    """One account of MiniMax."""

    takes_last_frame = True

    def __init__(self, account: Account, client: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__(account, client, clock, base_url=BASE_URL)
        self._headers = {"authorization": f"Bearer {account.needed('api_key')}"}

    async def submit(self, order: Order) -> Submission:
        """Order one clip."""
        body = to_request(order)
        reply = await self._create(body)
        verdict = verdict_of(reply)
        if verdict.code == INVALID and "callback" in verdict.message.lower() and "callback_url" in body:
            # Refused for our address alone: nothing was created, and polling is enough.
            del body["callback_url"]
            reply = await self._create(body)
        self._check(reply, is_submit=True)
        task_id = str(self._http.read(reply, Task, is_submit=True).task_id)
        if not task_id:
            raise ProviderError("outcome_unknown", self._provider, vendor_code="no_task", http_status=reply.status)
        return Submission(provider_task_id=task_id)

    async def poll(self, task: TaskRef) -> Outcome:
        """Ask how a task stands; of one that has succeeded, where its file lies now."""
        path = f"/v1/query/video_generation?task_id={quote(task.provider_task_id, safe='')}"
        reply = await self._http.send(Call("GET", path, self._headers))
        verdict = verdict_of(reply)
        known = _task_in(reply)
        if (failed := failure_of(known, verdict)) is not None:
            return failed
        if verdict.code == INVALID:
            return Absent()
        self._check(reply)
        if self._http.read(reply, Task).status.lower() not in SUCCEEDED:
            return Running()
        if not known.file_id:
            return Failed(kind="bad_output", vendor_code="no_output", charged_usd_micros=None)
        return Succeeded(output=Output(url=await self._url_of(str(known.file_id))))

    async def parse_callback(self, headers: Mapping[str, str], body: bytes) -> CallbackHint | None:
        """Read a callback: shaped like the answer to a query, and signed by nobody."""
        del headers
        try:
            task_id = str(msgspec.json.decode(body, type=Task).task_id)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return CallbackHint(provider_task_id=task_id) if task_id else None

    async def _create(self, body: dict[str, Any]) -> Reply:
        return await self._http.send(Call("POST", "/v1/video_generation", self._headers, body, is_submit=True))

    async def _url_of(self, file_id: str) -> str:
        path = f"/v1/files/retrieve?file_id={quote(file_id, safe='')}"
        reply = await self._send(Call("GET", path, self._headers))
        file = self._http.read(reply, Retrieved).file
        url = file.download_url or file.backup_download_url
        if not url:
            raise ProviderError("unavailable", self._provider, vendor_code="no_url", http_status=reply.status)
        return url

    def _wrong_with(self, reply: Reply, *, is_submit: bool) -> Wrong | None:
        verdict = verdict_of(reply)
        if reply.is_ok and not verdict.code:
            return None
        kind = CODES.get(verdict.code or -1)
        if kind is None:  # a code that we do not know is still the vendor's own word
            kind = "unavailable" if verdict.code else kind_of_status(reply.status, is_submit=is_submit)
        return Wrong(kind, str(verdict.code) if verdict.code else "")


def _task_in(reply: Reply) -> Task:
    try:
        return msgspec.json.decode(reply.body, type=Task)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Task()


ADAPTERS = {"minimax": Minimax}
