"""MiniMax Hailuo, API V1: `/v1/video_generation`, `/v1/query/video_generation`, `/v1/files/retrieve`.

Auth: `Bearer <key>`. Bodies are in `minimax_wire.py`. Errors are answered with HTTP 200 and a code. A callback address
is checked with a challenge before the task is made. Not documented and decided here: a challenge that fails, and an
unknown task or file, are 2013; a moderated task is `Fail` with 1027; callbacks are repeated like other vendors'.
"""

import hashlib
import itertools
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.callbacks import Callback
from simulator.engine import NO_IMAGE, Engine
from simulator.faults import Fault
from simulator.http import encode, json_reply
from simulator.settings import DAY_S, Latency, Settings
from simulator.tasks import Order, State, Task
from simulator.vendors import minimax_wire as wire
from simulator.vendors.base import ANY_METHOD, Call, Refusal, Vendor, bearer

URL_LIFE_S = 3600
CHALLENGE_TIMEOUT_S = 3.0
STATUS = {State.QUEUED: "Queueing", State.RUNNING: "Processing", State.SUCCEEDED: "Success"}
NO_TASK = {"task_id": ""}
CALLED_STATUS = {State.QUEUED: "processing", State.RUNNING: "processing", State.SUCCEEDED: "success"}


class Minimax(Vendor):
    """Hailuo behind API V1."""

    name: ClassVar[str] = "minimax"
    latency: ClassVar[Latency] = Latency(median_s=270.0, p95_s=540.0)
    retention_s: ClassVar[float] = 7 * DAY_S

    def __init__(self, *, engine: Engine, settings: Settings) -> None:
        super().__init__(engine=engine, settings=settings)
        self._accounts = {key: f"minimax-{number}" for number, key in enumerate(settings.keys_of(self.name), start=1)}
        self._ids = itertools.count(time.time_ns() // 10_000)
        self._secret = f"minimax-{settings.seed}"

    def routes(self) -> list[Route]:
        """List the routes."""

        def route(path: str, operation: str, handler: Any, method: str = "GET") -> Route:
            return Route(f"/minimax{path}", self.endpoint(operation, _worded(handler)), methods=[method])

        submit = self.endpoint("submit", _worded(self._submit))
        return [
            Route("/minimax/v1/video_generation", self._after_challenge(submit), methods=["POST"]),
            route("/v1/query/video_generation", "poll", self._query),
            route("/v1/files/retrieve", "poll", self._retrieve),
            route("/v1/files/retrieve_content", "download", self._content),
            Route("/minimax/files/{id}/output.mp4", self.endpoint("download", self._download), methods=["GET", "HEAD"]),
            Route("/minimax/{rest:path}", self.endpoint("find", _no_path), methods=ANY_METHOD),
        ]

    def fault_reply(self, fault: Fault, call: Call) -> Response:
        """Word a fault with MiniMax's codes; its own outages come with an HTTP status, its errors do not."""
        del call
        if fault.kind == "outage":
            return coded(wire.SERVER_ERRORS.get(fault.status or 503, 1033), status=fault.status or 503)
        code = {
            "server_error": wire.SERVER_ERRORS.get(fault.status or 500, 1000),
            "throttled": 1002,
            "unauthorized": 2049,
            "out_of_money": 1008,
            "refused_at_submit": 1026,
        }[fault.kind]
        if fault.kind in ("throttled", "out_of_money"):
            code = fault.code or code
        return coded(code, retry_after_s=fault.retry_after_s, beside=NO_TASK)

    def prompt_of(self, payload: Any) -> str:
        """Find the prompt."""
        found = payload.get("prompt") if isinstance(payload, dict) else None
        return found if isinstance(found, str) else ""

    def callback(self, task: Task, *, forged: bool) -> Callback | None:
        """Word a callback: the answer to a query in lower case, unsigned; a forgery names a file that is not there."""
        url = task.order.callback_url
        if url is None:
            return None
        body = self._about(task) | {"status": CALLED_STATUS.get(task.state, "failed")}
        if forged:
            body |= {"status": "success", "file_id": "1", "base_resp": _base_resp(0)}
        return Callback(url=url, body=encode(body), headers={"content-type": "application/json"})

    def _after_challenge(
        self, submit: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            # Whatever else is wrong with the request is said without calling anybody.
            url = self._url_to_check(request, await request.body())
            if url is not None and not await self._echoes(url):
                self.engine.ledger.refuse(self.name, "2013")
                return coded(2013, "callback_url did not answer the challenge within 3 s", beside=NO_TASK)
            return await submit(request)

        return serve

    def _url_to_check(self, request: Request, raw: bytes) -> str | None:
        try:
            ask = wire.read(msgspec.json.decode(raw))
        except (wire.Refused, msgspec.DecodeError):
            return None
        return ask.body.callback_url if bearer(request) in self._accounts else None

    async def _echoes(self, url: str) -> bool:
        challenge = uuid.uuid4().hex
        try:
            reply = await self.engine.http.post(url, json={"challenge": challenge}, timeout=CHALLENGE_TIMEOUT_S)
            return reply.is_success and reply.json() == {"challenge": challenge}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return False

    def _account(self, call: Call) -> str:
        token = bearer(call.request)
        if token is None:
            raise wire.Refused(1004)
        if token not in self._accounts:
            raise wire.Refused(2049)
        return self._accounts[token]

    def _submit(self, call: Call) -> Response:
        account, engine = self._account(call), self.engine
        ask = wire.read(call.payload)
        body = ask.body
        if body.model in engine.tuning.retired_models:
            raise wire.Refused(2061)
        if engine.is_full(self.name, account):
            raise wire.Refused(1041)
        order = Order(
            vendor=self.name,
            account=account,
            dialect="v1",
            operation=ask.operation,
            model=body.model,
            prompt=body.prompt,
            duration_s=float(body.duration),
            size_px=ask.size_px,
            price_usd_micros=ask.price_usd_micros,
            premium=body.model == "MiniMax-Hailuo-2.3" or body.resolution == "1080P",
            first_frame=engine.media.keep_frame(ask.picture or body.first_frame_image),
            last_frame=engine.media.keep_frame(ask.last_picture or body.last_frame_image),
            callback_url=body.callback_url,
            base_url=call.base_url,
            facts={
                "resolution": body.resolution,
                "prompt_optimizer": body.prompt_optimizer,
                "ignored_fields": ask.ignored_fields,
            },
        )
        task = engine.accept(order, task_id=str(next(self._ids)), marks=call.marks)
        return coded(0, beside={"task_id": task.id})

    def _find(self, account: str, task_id: str, what: str) -> Task:
        task = self.engine.ledger.get(self.name, task_id)
        if task is None or task.order.account != account:
            raise wire.Refused(2013, f"{what} does not exist")
        return task

    def _query(self, call: Call) -> Response:
        account = self._account(call)
        task = self._find(account, call.request.query_params.get("task_id", ""), "task_id")
        return traced(self._about(task))

    def _about(self, task: Task) -> dict[str, Any]:
        succeeded = task.state is State.SUCCEEDED
        width, height = task.order.size_px
        failed = 2013 if task.message == NO_IMAGE else 1000
        code = {State.FILTERED: 1027, State.FAILED: failed}.get(task.state, 0)
        is_new = task.state is State.QUEUED and self.engine.clock() < (task.submitted_at_s + task.starts_at_s) / 2
        about: dict[str, Any] = {
            "task_id": task.id,
            "status": "Preparing" if is_new else STATUS.get(task.state, "Fail"),
            "file_id": _file_id(task) if succeeded else "",
        }
        size = {"video_width": width, "video_height": height} if succeeded else {}
        return about | size | {"base_resp": _base_resp(code, task.message)}

    def _file(self, call: Call) -> Task:
        account = self._account(call)
        file_id = call.request.query_params.get("file_id", "")
        task_id = str(int(file_id) - 1) if file_id.isdigit() else ""
        task = self._find(account, task_id, "file_id")
        if task.state is not State.SUCCEEDED:
            raise wire.Refused(2013, "file_id does not exist")
        return task

    def _retrieve(self, call: Call) -> Response:
        task = self._file(call)
        content = self.engine.media.peek(task.clips[0]) or b""
        expires = int(self.engine.clock()) + URL_LIFE_S
        url = f"{task.order.base_url}/minimax/files/{task.id}/output.mp4"
        query = f"Expires={expires}&Signature={quote(self._signature(task.id, expires))}"
        file = {
            "file_id": int(_file_id(task)),  # text in the query, a number here
            "bytes": len(content),
            "created_at": int(task.ended_at_s or 0),
            "filename": "output.mp4",
            "purpose": "video_generation",
            "download_url": f"{url}?{query}",
            "backup_download_url": f"{url}?{query}",
        }
        return traced({"file": file, "base_resp": _base_resp(0)})

    def _content(self, call: Call) -> Response:
        return self.media_reply(call.request, self._file(call), 0, gone=lambda: coded(2013, "file_id does not exist"))

    def _download(self, call: Call) -> Response:
        task = self.engine.ledger.get(self.name, call.request.path_params["id"])
        query = call.request.query_params
        expires = int(query.get("Expires", "0")) if query.get("Expires", "").isdigit() else 0
        is_good = query.get("Signature") == self._signature(call.request.path_params["id"], expires)
        if task is None or not is_good or self.engine.clock() > expires:
            return _gone()
        return self.media_reply(call.request, task, 0, gone=_gone)

    def _signature(self, task_id: str, expires: int) -> str:
        return hashlib.blake2b(f"{self._secret}|{task_id}|{expires}".encode(), digest_size=12).hexdigest()


def _file_id(task: Task) -> str:
    return str(int(task.id) + 1)


def _worded(handler: Any) -> Any:
    def handle(call: Call) -> Response:
        try:
            response: Response = handler(call)
        except wire.Refused as refused:
            beside = NO_TASK if call.operation == "submit" else {}
            raise Refusal(coded(refused.code, refused.detail, beside=beside), code=str(refused.code)) from refused
        return response

    return handle


def _no_path(call: Call) -> Response:
    del call
    return Response("404 page not found", status_code=404, media_type="text/plain")


def _gone() -> Response:
    return Response("<Error><Code>AccessDenied</Code></Error>", status_code=403, media_type="application/xml")


def _base_resp(code: int, detail: str = "") -> dict[str, Any]:
    sentence = wire.CODES.get(code, "error")
    return {"status_code": code, "status_msg": f"{sentence}, {detail}" if detail else sentence}


def traced(body: dict[str, Any], status: int = 200, *, retry_after_s: float | None = None) -> Response:
    """Answer with the id that the vendor's support asks for."""
    headers = {"trace-id": uuid.uuid4().hex}
    if retry_after_s is not None:
        headers["retry-after"] = f"{retry_after_s:g}"
    return json_reply(body, status, headers)


def coded(
    code: int,
    detail: str = "",
    *,
    beside: Mapping[str, Any] | None = None,
    status: int = 200,
    retry_after_s: float | None = None,
) -> Response:
    """Answer with one of MiniMax's codes and what stands beside it; the HTTP status is 200 whatever the code says."""
    return traced({**(beside or {}), "base_resp": _base_resp(code, detail)}, status, retry_after_s=retry_after_s)
