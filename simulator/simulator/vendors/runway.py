"""Runway, its own Gen-4 models: `/v1/text_to_video`, `/v1/image_to_video`, `/v1/tasks/{id}`, uploads, organization.

Auth: `Bearer <key>` and `X-Runway-Version`. Requests are in `runway_wire.py`. Moderation never happens at submit:
refused input is accepted, fails at once and is billed like a success. Tasks beyond the account's parallel ones of
a model are accepted and THROTTLED. Not documented and decided here: a cancelled task is gone
(`runway_cancelled = "shown"` shows it as CANCELLED), and a picture by URL is fetched after the submit instead of before
its answer.
"""

import email.parser
import email.policy
import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from starlette.responses import Response
from starlette.routing import Route

from simulator.callbacks import Callback
from simulator.engine import NO_IMAGE, Engine
from simulator.faults import Fault
from simulator.http import json_reply
from simulator.settings import DAY_S, Latency, Settings
from simulator.tasks import Order, State, Task
from simulator.vendors import runway_wire as wire
from simulator.vendors.base import ANY_METHOD, Call, Refusal, Vendor, bearer

LINK_TTL_S = 26 * 3600.0  # the vendor says 24 to 48 hours; every look at the task gives a fresh one
PARALLEL_IF_UNLIMITED = 20


class Runway(Vendor):
    """Runway's API over one set of tasks."""

    name: ClassVar[str] = "runway"
    latency: ClassVar[Latency] = Latency(median_s=30.0, p95_s=120.0)  # a guess: the vendor says nothing
    retention_s: ClassVar[float] = 30 * DAY_S
    moderates_at_submit: ClassVar[bool] = False

    def __init__(self, *, engine: Engine, settings: Settings) -> None:
        super().__init__(engine=engine, settings=settings)
        self._accounts = {key: f"runway-{number}" for number, key in enumerate(settings.keys_of(self.name), start=1)}
        self._uploads: dict[str, str] = {}  # digest of the picture by upload id; "" until it has come

    def routes(self) -> list[Route]:
        """List the routes."""

        def route(path: str, operation: str, handler: Any, method: str = "GET") -> Route:
            return Route(f"/runway{path}", self.endpoint(operation, _worded(handler)), methods=[method])

        return [
            route("/v1/text_to_video", "submit", self._text_to_video, "POST"),
            route("/v1/image_to_video", "submit", self._image_to_video, "POST"),
            route("/v1/tasks/{id}", "poll", self._shown),
            route("/v1/tasks/{id}", "cancel", self._deleted, "DELETE"),
            route("/v1/uploads", "upload", self._new_upload, "POST"),
            route("/v1/organization", "find", self._organization),
            route("/uploads/{id}", "upload", self._uploaded, "POST"),
            route("/output/{id}.mp4", "download", self._download),
            Route("/runway/{rest:path}", self.endpoint("find", _worded(_not_found)), methods=ANY_METHOD),
        ]

    def fault_reply(self, fault: Fault, call: Call) -> Response:
        """Word a fault; whether Runway sends Retry-After is not known, a fault may send one."""
        del call
        status, error = {
            "throttled": (429, wire.TOO_MANY),
            "unauthorized": (401, wire.BAD_KEY),
            "out_of_money": (400, wire.NO_CREDITS),
        }.get(fault.kind, (fault.status or (503 if fault.kind == "outage" else 500), ""))
        error = error or wire.SERVER_ERRORS.get(status, "Server error")
        headers = {} if fault.retry_after_s is None else {"retry-after": f"{fault.retry_after_s:g}"}
        return json_reply(wire.Refused(status, error).body, status, headers)

    def callback(self, task: Task, *, forged: bool) -> Callback | None:
        """Runway calls nobody back."""
        del task, forged
        return None

    def prompt_of(self, payload: Any) -> str:
        """Find the prompt."""
        found = payload.get("promptText") if isinstance(payload, dict) else None
        return found if isinstance(found, str) else ""

    def _account(self, call: Call) -> str:
        account = self._accounts.get(bearer(call.request) or "")
        if account is None:
            raise wire.Refused(401, wire.BAD_KEY)
        if call.request.headers.get("x-runway-version") != wire.API_VERSION:
            raise wire.Refused(400, wire.BAD_VERSION)
        return account

    def _text_to_video(self, call: Call) -> Response:
        return self._submit(call, "text-to-video")

    def _image_to_video(self, call: Call) -> Response:
        return self._submit(call, "image-to-video")

    def _submit(self, call: Call, operation: Literal["text-to-video", "image-to-video"]) -> Response:
        account = self._account(call)
        ask = wire.read(call.payload, operation=operation)
        if ask.model in self.engine.tuning.retired_models:
            raise wire.invalid([wire.issue("invalid_union", ["model"], f"{ask.model} is no longer available")])
        price = ask.credits * wire.USD_MICROS_PER_CREDIT
        order = Order(
            vendor=self.name,
            account=account,
            dialect="v1",
            operation=operation,
            model=ask.model,
            prompt=ask.prompt,
            duration_s=float(ask.duration_s),
            size_px=ask.size_px,
            price_usd_micros=price,
            filtered_price_usd_micros=price,  # "moderated tasks cost the same as successful ones"
            waits_its_turn=True,
            limited_per_model=True,
            premium=wire.MODELS[ask.model].premium,
            seed=ask.seed,
            first_frame=self._first_frame(ask.picture),
            base_url=call.base_url,
            facts={"credits": ask.credits, "ratio": ask.ratio, "refused_input": call.refused_input},
        )
        planned = State.FILTERED if call.refused_input else None
        task = self.engine.accept(order, task_id=str(uuid.uuid4()), marks=call.marks, planned=planned)
        return json_reply({"id": task.id, "estimatedCost": {"credits": ask.credits}})

    def _first_frame(self, picture: str | None) -> str | None:
        if picture is None:
            return None
        if picture.startswith("runway://"):
            digest = self._uploads.get(picture.removeprefix("runway://"))
            if not digest:
                raise wire.invalid([wire.issue("custom", ["promptImage"], "The upload does not exist or has expired.")])
            return digest
        content = wire.decode_data_uri(picture)
        return self.engine.media.keep_frame(picture if content is None else content)

    def _task(self, call: Call) -> Task:
        account = self._account(call)
        task = self.engine.ledger.get(self.name, call.request.path_params["id"])
        if task is None or task.order.account != account or task.deleted:
            raise wire.Refused(404, "The task was not found.")
        return task

    def _shown(self, call: Call) -> Response:
        task = self._task(call)
        if task.state is State.CANCELLED and self.engine.tuning.runway_cancelled == "gone":
            raise wire.Refused(404, "The task was not found.")
        return json_reply(self._item(task))

    def _deleted(self, call: Call) -> Response:
        task = self._task(call)
        if task.is_open:
            self.engine.cancel(task)
        else:
            self.engine.delete(task)
        return Response(status_code=204)

    def _item(self, task: Task) -> dict[str, Any]:
        created = datetime.fromtimestamp(task.submitted_at_s, UTC).isoformat(timespec="milliseconds")
        item: dict[str, Any] = {"id": task.id, "createdAt": created.replace("+00:00", "Z")}
        cost = {"cost": {"credits": task.billed_usd_micros // wire.USD_MICROS_PER_CREDIT}}
        match task.state:
            case State.QUEUED:
                status = "THROTTLED" if self.engine.is_throttled(task) else "PENDING"
                return item | {"status": status, "estimatedCost": {"credits": task.order.facts["credits"]}}
            case State.RUNNING:
                estimate = {"credits": task.order.facts["credits"]}
                return item | {"status": "RUNNING", "progress": self._progress(task), "estimatedCost": estimate}
            case State.SUCCEEDED:
                return item | {"status": "SUCCEEDED", "output": [self._link(task)]} | cost
            case State.CANCELLED:
                return item | {"status": "CANCELLED"} | cost
        code = _failure_code(task)
        return item | {"status": "FAILED", "failure": wire.FAILURES[code], "failureCode": code} | cost

    def _progress(self, task: Task) -> float:
        share = (self.engine.clock() - task.starts_at_s) / max(task.due_at_s - task.starts_at_s, 1e-6)
        return round(min(max(share, 0.0), 0.99), 2)

    def _link(self, task: Task) -> str:
        good_until = int(self.engine.clock() + LINK_TTL_S)
        token = _token(task.id, good_until)
        return f"{task.order.base_url}/runway/output/{task.id}.mp4?exp={good_until}&_jwt={token}"

    def _download(self, call: Call) -> Response:
        query = call.request.query_params
        task = self.engine.ledger.get(self.name, call.request.path_params["id"])
        good_until = int(query.get("exp", "0")) if query.get("exp", "0").isdigit() else 0
        is_signed = task is not None and query.get("_jwt") == _token(task.id, good_until)
        if task is None or task.deleted or not is_signed or self.engine.clock() > good_until:
            return _forbidden()
        return self.media_reply(call.request, task, 0, gone=_forbidden)

    def _new_upload(self, call: Call) -> Response:
        self._account(call)
        body = call.payload if isinstance(call.payload, dict) else {}
        if not isinstance(body.get("filename"), str) or body.get("type") != "ephemeral":
            raise wire.invalid([wire.issue("invalid_type", ["filename"], "Expected string", expected="string")])
        upload_id = uuid.uuid4().hex
        self._uploads[upload_id] = ""
        fields = {"key": f"ephemeral/{upload_id}", "policy": _token(upload_id, 0)}
        url = f"{call.base_url}/runway/uploads/{upload_id}"
        return json_reply({"uploadUrl": url, "fields": fields, "runwayUri": f"runway://{upload_id}"})

    def _uploaded(self, call: Call) -> Response:
        upload_id = call.request.path_params["id"]
        parts = _parts(call.request.headers.get("content-type", ""), call.content)
        is_permitted = parts.get("policy") == _token(upload_id, 0).encode()
        if upload_id not in self._uploads or not is_permitted or "file" not in parts:
            return _forbidden()
        self._uploads[upload_id] = self.engine.media.keep_picture(parts["file"])
        return Response(status_code=204)

    def _organization(self, call: Call) -> Response:
        account = self._account(call)
        tasks = [task for task in self.engine.ledger.tasks(self.name) if task.order.account == account]
        spent = sum(task.billed_usd_micros for task in tasks) // wire.USD_MICROS_PER_CREDIT
        parallel = self.engine.tuning.max_parallel.get(self.name, 0) or PARALLEL_IF_UNLIMITED
        limits = {"maxConcurrentGenerations": parallel, "maxDailyGenerations": 25_000}
        used = {name: {"dailyGenerations": sum(task.order.model == name for task in tasks)} for name in wire.MODELS}
        return json_reply(
            {
                "creditBalance": 1_000_000 - spent,
                "tier": {"maxMonthlyCreditSpend": 10_000_000, "models": dict.fromkeys(wire.MODELS, limits)},
                "usage": {"models": used},
            }
        )


def _worded(handler: Any) -> Any:
    def handle(call: Call) -> Response:
        try:
            response: Response = handler(call)
        except wire.Refused as refused:
            raise Refusal(json_reply(refused.body, refused.status), code=str(refused.status)) from refused
        return response

    return handle


def _failure_code(task: Task) -> str:
    if task.state is State.FILTERED:
        return "SAFETY.INPUT.TEXT" if task.order.facts["refused_input"] else "SAFETY.OUTPUT.VIDEO"
    return "ASSET.INVALID" if task.message == NO_IMAGE else "INTERNAL.BAD_OUTPUT.CODE01"


def _token(subject: str, good_until: int) -> str:
    # Nobody attacks a simulator: the token only has to differ where subject or time do.
    return hashlib.blake2b(f"{subject}.{good_until}".encode(), digest_size=16).hexdigest()


def _parts(content_type: str, content: bytes) -> dict[str, bytes]:
    head = f"content-type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + content)
    parts = message.iter_parts() if message.is_multipart() else ()
    named = {str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True) for part in parts}
    return {name: bytes(value) for name, value in named.items() if isinstance(value, bytes)}


def _not_found(call: Call) -> Response:
    raise wire.Refused(404, f"No endpoint at {call.request.url.path}.")


def _forbidden() -> Response:
    return Response("<Error><Code>AccessDenied</Code></Error>", status_code=403, media_type="application/xml")
