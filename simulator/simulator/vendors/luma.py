"""Luma Dream Machine: `/dream-machine/v1/generations` and `/generations/video`, list, delete, credits, concepts.

Auth: `Bearer <key>`. Requests are in `luma_wire.py`. A submit is answered with 201. Callbacks carry the generation, not
signed, at dreaming, completed and failed; anything but 200 is tried again three times, 100 ms apart. Not documented and
decided here: failed and moderated generations are free, deleting one neither stops it nor makes it free, the list shows
the newest first, a bad key is 401, no credits is 402 (a fault may say 400 or 403), too many in flight is 429.
"""

import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from simulator.callbacks import Callback
from simulator.engine import NO_IMAGE, Engine
from simulator.faults import Fault
from simulator.http import encode, json_reply
from simulator.settings import DAY_S, Latency, Settings
from simulator.tasks import Order, State, Task
from simulator.vendors import luma_wire as wire
from simulator.vendors.base import ANY_METHOD, Call, Refusal, Vendor, bearer

BASE = "/luma/dream-machine/v1"
STATES = {State.QUEUED: "queued", State.RUNNING: "dreaming", State.SUCCEEDED: "completed"}
RETRY_WAITS_S = (0.1, 0.1, 0.1)
MAX_LISTED = 100
FORGED_URL = "https://storage.cdn-luma.invalid/dream_machine/forged/video.mp4"


class Luma(Vendor):
    """Luma's API over one set of generations."""

    name: ClassVar[str] = "luma"
    latency: ClassVar[Latency] = Latency(median_s=45.0, p95_s=150.0)  # 5 s clips were seen to take 30 to 60 s
    retention_s: ClassVar[float] = 30 * DAY_S

    def __init__(self, *, engine: Engine, settings: Settings) -> None:
        super().__init__(engine=engine, settings=settings)
        self._accounts = {key: f"luma-{number}" for number, key in enumerate(settings.keys_of(self.name), start=1)}

    def routes(self) -> list[Route]:
        """List the routes."""

        def route(path: str, operation: str, handler: Any, method: str = "GET") -> Route:
            return Route(f"{BASE}{path}", self.endpoint(operation, _worded(handler)), methods=[method])

        return [
            route("/generations/video", "submit", self._submit, "POST"),
            route("/generations", "submit", self._submit, "POST"),
            route("/generations", "find", self._list),
            route("/generations/concepts/list", "find", self._concepts),
            route("/generations/{id}", "poll", self._shown),
            route("/generations/{id}", "cancel", self._deleted, "DELETE"),
            route("/credits", "find", self._credits),
            route("/ping", "find", self._ping),
            Route("/luma/cdn/dream_machine/{id}/{name}", self.endpoint("download", self._download), methods=["GET"]),
            Route("/luma/{rest:path}", self.endpoint("find", _worded(_not_found)), methods=ANY_METHOD),
        ]

    def fault_reply(self, fault: Fault, call: Call) -> Response:
        """Word a fault; no Retry-After is documented for Dream Machine, a fault may send one."""
        del call
        status, detail = {
            "throttled": (429, wire.TOO_MANY),
            "unauthorized": (401, wire.BAD_KEY),
            "out_of_money": (fault.status or 402, wire.NO_CREDITS),
            "refused_at_submit": (400, wire.MODERATED),
        }.get(fault.kind, (fault.status or (503 if fault.kind == "outage" else 500), ""))
        detail = detail or wire.SERVER_ERRORS.get(status, "Server error")
        headers = {} if fault.retry_after_s is None else {"retry-after": f"{fault.retry_after_s:g}"}
        return json_reply({"detail": detail}, status, headers)

    def callback(self, task: Task, *, forged: bool) -> Callback | None:
        """Word a callback: the generation as a poll shows it."""
        if task.order.callback_url is None or task.deleted:
            return None
        item = _item(task)
        if forged:
            item |= {"state": "completed", "failure_reason": None, "assets": {"video": FORGED_URL}}
        return Callback(
            url=task.order.callback_url,
            body=encode(item),
            headers={"content-type": "application/json"},
            retry_waits_s=RETRY_WAITS_S,
            taken_by=200,
        )

    def prompt_of(self, payload: Any) -> str:
        """Find the prompt."""
        found = payload.get("prompt") if isinstance(payload, dict) else None
        return found if isinstance(found, str) else ""

    def _account(self, call: Call) -> str:
        account = self._accounts.get(bearer(call.request) or "")
        if account is None:
            raise wire.Refused(401, wire.BAD_KEY)
        return account

    def _submit(self, call: Call) -> Response:
        engine, account = self.engine, self._account(call)
        body = wire.read(call.payload)
        if body.model in engine.tuning.retired_models:
            raise wire.Refused(400, f"Model {body.model} is not supported")
        if engine.is_full(self.name, account):
            raise wire.Refused(429, wire.TOO_MANY)
        first, last = body.frames
        order = Order(
            vendor=self.name,
            account=account,
            dialect="v1",
            operation="image-to-video" if first or last else "text-to-video",
            model=body.model,
            prompt=body.prompt or "",
            duration_s=float(body.duration.removesuffix("s")),
            size_px=wire.size_px(body),
            price_usd_micros=wire.price_usd_micros(body),
            premium=wire.MODELS[body.model].premium,
            camera=wire.camera_in_words(body),
            first_frame=_url_of(first),
            last_frame=_url_of(last),
            callback_url=body.callback_url,
            base_url=call.base_url,
            facts={"request": msgspec.to_builtins(body)},
        )
        task = engine.accept(order, task_id=str(uuid.uuid4()), marks=call.marks)
        return json_reply(_item(task), 201)

    def _task(self, call: Call) -> Task:
        account = self._account(call)
        task = self.engine.ledger.get(self.name, call.request.path_params["id"])
        if task is None or task.order.account != account or task.deleted:
            raise wire.Refused(404, wire.NOT_FOUND)
        return task

    def _shown(self, call: Call) -> Response:
        return json_reply(_item(self._task(call)))

    def _deleted(self, call: Call) -> Response:
        self.engine.delete(self._task(call))
        return Response(status_code=204)

    def _list(self, call: Call) -> Response:
        account, query = self._account(call), call.request.query_params
        limit, offset = query.get("limit", "10"), query.get("offset", "0")
        if not (limit.isdigit() and offset.isdigit() and 1 <= int(limit) <= MAX_LISTED):
            raise wire.Refused(400, "limit and offset are not valid")
        known = [task for task in reversed(self.engine.ledger.tasks(self.name)) if task.order.account == account]
        shown = [task for task in known if not task.deleted]
        page = shown[int(offset) : int(offset) + int(limit)]
        return json_reply(
            {
                "generations": [_item(task) for task in page],
                "count": len(page),
                "limit": int(limit),
                "offset": int(offset),
                "has_more": int(offset) + len(page) < len(shown),
            }
        )

    def _concepts(self, call: Call) -> Response:
        self._account(call)
        return json_reply(list(wire.CONCEPTS))

    def _credits(self, call: Call) -> Response:
        account = self._account(call)
        tasks = self.engine.ledger.tasks(self.name)
        spent = sum(task.billed_usd_micros for task in tasks if task.order.account == account)
        return json_reply({"credit_balance": 1_000_000.0 - spent / 10_000})

    def _ping(self, call: Call) -> Response:
        self._account(call)
        return json_reply({"message": "pong"})

    def _download(self, call: Call) -> Response:
        task = self.engine.ledger.get(self.name, call.request.path_params["id"])
        if task is None or task.deleted or call.request.path_params["name"] != _file_name(task):
            return _gone()
        return self.media_reply(call.request, task, 0, gone=_gone)


def _worded(handler: Any) -> Any:
    def handle(call: Call) -> Response:
        try:
            response: Response = handler(call)
        except wire.Refused as refused:
            raise Refusal(json_reply({"detail": refused.detail}, refused.status), code=str(refused.status)) from refused
        return response

    return handle


def _url_of(frame: wire.Frame | None) -> str | None:
    return frame.url if frame is not None and frame.type == "image" else None


def _item(task: Task) -> dict[str, Any]:
    video = f"{task.order.base_url}/luma/cdn/dream_machine/{task.id}/{_file_name(task)}"
    return {
        "id": task.id,
        "generation_type": "video",
        "state": STATES.get(task.state, "failed"),
        "failure_reason": _reason(task),
        "created_at": datetime.fromtimestamp(task.submitted_at_s, UTC).isoformat().replace("+00:00", "Z"),
        "assets": {"video": video} if task.state is State.SUCCEEDED else None,
        "model": task.order.model,
        "request": task.order.facts["request"],
    }


def _reason(task: Task) -> str | None:
    if task.message == NO_IMAGE:
        return wire.NO_FRAME
    return {State.FILTERED: wire.MODERATED, State.FAILED: wire.JOB_FAILED}.get(task.state)


def _file_name(task: Task) -> str:
    return f"{task.id.replace('-', '')[:12]}_result.mp4"


def _not_found(call: Call) -> Response:
    del call
    raise wire.Refused(404, "Not Found")


def _gone() -> Response:
    return Response("<Error><Code>AccessDenied</Code></Error>", status_code=403, media_type="application/xml")
