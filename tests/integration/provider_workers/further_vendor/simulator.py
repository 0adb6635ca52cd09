"""Nova: `/v1/clips` with a key in `x-nova-key`; exists only in the tests."""

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from simulator.callbacks import Callback
from simulator.faults import Fault
from simulator.http import encode, json_reply
from simulator.images import decode_base64
from simulator.settings import DAY_S, Latency
from simulator.tasks import Order, State, Task
from simulator.vendors.base import Call, Refusal, Vendor
from starlette.responses import Response
from starlette.routing import Route

USD_MICROS_PER_S = 30_000
ERRORS = {
    "throttled": (429, "slow_down"),
    "unauthorized": (401, "bad_key"),
    "out_of_money": (402, "no_credit"),
    "refused_at_submit": (400, "unsafe"),
}
STATES = {State.SUCCEEDED: "done", State.FAILED: "failed", State.FILTERED: "failed"}


class Nova(Vendor):
    """The whole of Nova's API."""

    name: ClassVar[str] = "nova"
    latency: ClassVar[Latency] = Latency(median_s=40.0, p95_s=90.0)
    retention_s: ClassVar[float] = DAY_S

    def routes(self) -> list[Route]:
        """List the routes."""

        def route(path: str, operation: str, handler: Callable[[Call], Response], method: str = "GET") -> Route:
            return Route(f"/nova{path}", self.endpoint(operation, handler), methods=[method])

        return [
            route("/v1/clips", "submit", self._submit, "POST"),
            route("/v1/clips", "find", self._find),
            route("/v1/clips/{id}", "poll", self._poll),
            route("/files/{id}.mp4", "download", self._download),
        ]

    def fault_reply(self, fault: Fault, call: Call) -> Response:
        """Word a fault."""
        del call
        broken = (fault.status or 500, "late" if fault.status == 504 else "broken")
        status, code = ERRORS.get(fault.kind, broken)
        headers = {} if fault.retry_after_s is None else {"retry-after": f"{fault.retry_after_s:g}"}
        return json_reply({"code": code}, status, headers)

    def callback(self, task: Task, *, forged: bool) -> Callback | None:
        """Word a callback: the clip."""
        if task.order.callback_url is None:
            return None
        body = encode(_shown(task) | ({"state": "done"} if forged else {}))
        return Callback(url=task.order.callback_url, body=body, headers={"content-type": "application/json"})

    def prompt_of(self, payload: Any) -> str:
        """Find the prompt."""
        return str(payload.get("text", "")) if isinstance(payload, dict) else ""

    def _account(self, call: Call) -> str:
        keys = self.settings.keys_of(self.name)
        key = call.request.headers.get("x-nova-key")
        if key not in keys:
            raise Refusal(json_reply({"code": "bad_key"}, 401), code="bad_key")
        return f"nova-{keys.index(key) + 1}"

    def _submit(self, call: Call) -> Response:
        account, ask = self._account(call), call.payload
        if not isinstance(ask, dict) or not ask.get("text") or ask.get("seconds") not in (4, 8):
            raise Refusal(json_reply({"code": "bad_request"}, 400), code="bad_request")
        known = self.engine.ledger.find(self.name, account, ask["tag"])
        if known is not None:
            self.engine.submitted_again(known)
            return json_reply(_shown(known))
        picture = decode_base64(ask["start"]) if "start" in ask else None
        order = Order(
            vendor=self.name,
            account=account,
            dialect="nova",
            operation="text-to-video" if picture is None else "image-to-video",
            model=ask["model"],
            prompt=ask["text"],
            duration_s=float(ask["seconds"]),
            size_px=(1280, 720),
            price_usd_micros=USD_MICROS_PER_S * ask["seconds"],
            premium=False,
            reference=ask["tag"],
            first_frame=None if picture is None else self.engine.media.keep_picture(picture),
            callback_url=ask.get("notify"),
            base_url=call.base_url,
        )
        return json_reply(_shown(self.engine.accept(order, task_id=uuid.uuid4().hex, marks=call.marks)))

    def _poll(self, call: Call) -> Response:
        account = self._account(call)
        task = self.engine.ledger.get(self.name, call.request.path_params["id"])
        if task is None or task.order.account != account:
            raise Refusal(json_reply({"code": "unknown"}, 404), code="unknown")
        return json_reply(_shown(task))

    def _find(self, call: Call) -> Response:
        account = self._account(call)
        task = self.engine.ledger.find(self.name, account, call.request.query_params.get("tag", ""))
        return json_reply([] if task is None else [_shown(task)])

    def _download(self, call: Call) -> Response:
        task = self.engine.ledger.get(self.name, call.request.path_params["id"])
        return _gone() if task is None else self.media_reply(call.request, task, 0, gone=_gone)


def _shown(task: Task) -> dict[str, str]:
    code = {State.FAILED: "broken", State.FILTERED: "unsafe"}.get(task.state, "")
    shown = {"id": task.id, "state": STATES.get(task.state, "working"), "tag": task.order.reference or "", "code": code}
    return shown | ({"url": f"{task.order.base_url}/nova/files/{task.id}.mp4"} if task.state is State.SUCCEEDED else {})


def _gone() -> Response:
    return Response(status_code=404)
