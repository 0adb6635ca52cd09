"""What every vendor has: its name, its routes, its wording of faults and callbacks, and the way a call goes.

A call: decode the body, let faults happen, run the vendor's handler, and perhaps lose the answer.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.callbacks import Callback
from simulator.engine import Engine
from simulator.faults import Fault, marks_in
from simulator.http import BrokenOff, ConnectionDropped, file_reply
from simulator.settings import Latency, Settings
from simulator.tasks import State, Task

ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]
NOT_A_VIDEO = b"<!doctype html><title>Bad Gateway</title>"
# Frame sizes by resolution and aspect ratio, as the vendors document or deliver them.
SIZES_PX = {
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("720p", "1:1"): (960, 960),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
    ("1080p", "1:1"): (1440, 1440),
    ("4k", "16:9"): (3840, 2160),
    ("4k", "9:16"): (2160, 3840),
    ("4k", "1:1"): (2160, 2160),
}


class Refusal(Exception):
    """A vendor's error answer."""

    def __init__(self, response: Response, *, code: str) -> None:
        super().__init__(code)
        self.response = response
        self.code = code


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a vendor, decoded."""

    request: Request
    operation: str
    payload: Any  # decoded JSON, or None when there is none or it is malformed
    marks: tuple[str, ...]
    content: bytes = b""  # the body as it came
    refused_input: bool = False  # the fault `refused_at_submit`, where the vendor moderates only what it has accepted

    @property
    def base_url(self) -> str:
        """Scheme and authority that the client used."""
        return f"{self.request.url.scheme}://{self.request.headers.get('host', 'localhost')}"


Handler = Callable[[Call], Response]


class Vendor(ABC):
    """One vendor's API. Subclasses live in one file each.

    Attributes:
        name: As in the catalogue; its routes are below `/<name>`.
        latency: How long it takes for a clip, before time compression.
        retention_s: How long it keeps result files.
        moderates_at_submit: Refused input gets an error; otherwise it is accepted and fails.
    """

    name: ClassVar[str]
    latency: ClassVar[Latency]
    retention_s: ClassVar[float]
    moderates_at_submit: ClassVar[bool] = True

    def __init__(self, *, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings

    @abstractmethod
    def routes(self) -> list[Route]:
        """List the vendor's routes, all below `/<name>`."""

    @abstractmethod
    def fault_reply(self, fault: Fault, call: Call) -> Response:
        """Word a fault of the moment `request` as this vendor would."""

    @abstractmethod
    def callback(self, task: Task, *, forged: bool) -> Callback | None:
        """Word and sign a callback about the task as it is now."""

    @abstractmethod
    def prompt_of(self, payload: Any) -> str:
        """Find the prompt in a submit's body, "" when it is not there."""

    def endpoint(self, operation: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Wrap a handler into a call with faults around it."""

        async def serve(request: Request) -> Response:
            raw = await request.body()
            call = Call(request=request, operation=operation, payload=_decode(raw), marks=_marks(raw), content=raw)
            subject = self.prompt_of(call.payload) if call.marks or operation == "submit" else request.url.path
            try:
                call = await self._meet_faults(call, subject)
                response = handler(call)
            except Refusal as refusal:
                if operation == "submit":
                    self.engine.ledger.refuse(self.name, refusal.code)
                return refusal.response
            if self._draw("answer", call, subject):
                raise ConnectionDropped
            return response

        return serve

    async def _meet_faults(self, call: Call, subject: str) -> Call:
        for fault in self._draw("request", call, subject):
            if fault.kind == "latency":
                await asyncio.sleep(fault.delay_s + fault.growth_s * (self.engine.faults.n_fired(fault) - 1))
            elif fault.kind == "dropped" or (fault.kind == "outage" and fault.status == 0):
                raise ConnectionDropped(reset=True)
            elif fault.kind == "refused_at_submit" and not self.moderates_at_submit:
                call = msgspec.structs.replace(call, refused_input=True)
            else:
                raise Refusal(self.fault_reply(fault, call), code=fault.kind)
        return call

    def _draw(self, moment: Any, call: Call, subject: str) -> tuple[Fault, ...]:
        # A lost answer matters where something was accepted; the other operations have `dropped`.
        if moment == "answer" and call.operation != "submit":
            return ()
        return self.engine.faults.draw(
            moment, vendor=self.name, operation=call.operation, subject=subject, marks=call.marks
        )

    def media_reply(self, request: Request, task: Task, index: int, *, gone: Callable[[], Response]) -> Response:
        """Answer a download of one of the task's clips, with the faults of downloads."""
        kinds = self._download_faults(task)
        content = self._rendered(task, index)
        if content is None or "expired_url" in kinds or self.engine.is_expired(task):
            return gone()
        if "not_a_video" in kinds:
            return file_reply(request, NOT_A_VIDEO, media_type="text/html")
        if (truncated := kinds.get("truncated_file")) is not None and truncated.cut:
            return BrokenOff(content, media_type="video/mp4")
        return file_reply(request, content[: shortened(content)] if truncated is not None else content)

    def media_content(self, task: Task, index: int) -> bytes:
        """Return a clip that is sent inside an answer, with the faults of downloads that apply there."""
        kinds = self._download_faults(task)
        if "not_a_video" in kinds:
            return NOT_A_VIDEO
        content = self._rendered(task, index) or b""
        return content[: shortened(content)] if "truncated_file" in kinds else content

    def _rendered(self, task: Task, index: int) -> bytes | None:
        if task.state is not State.SUCCEEDED or index >= len(task.clips):
            return None
        return self.engine.media.peek(task.clips[index])

    def _download_faults(self, task: Task) -> Mapping[str, Fault]:
        faults = self.engine.faults.draw("download", vendor=self.name, subject=task.order.prompt, marks=task.marks)
        return {fault.kind: fault for fault in faults}


def shortened(content: bytes) -> int:
    """Say how many bytes of a truncated file are left; its index may well be among them."""
    return len(content) * 2 // 5


def _decode(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None


def _marks(raw: bytes) -> tuple[str, ...]:
    return marks_in(raw.decode(errors="replace")) if b"[[" in raw else ()


def bearer(request: Request) -> str | None:
    """Return the bearer token, None when the header is missing or of another scheme."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
