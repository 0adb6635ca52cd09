"""Pika 2.x as fal serves it: the queue protocol (`/fal-ai/pika/{version}/{operation}`, `/fal-ai/pika/requests/{id}`).

Auth: `Authorization: Key <key>`. Bodies are in `pika_wire.py`. Callbacks are signed with an Ed25519 key that is
published under `/.well-known/jwks.json`. Not documented and decided here: a refusal at completion comes after the work
and is billed, a request that runs goes on when it is cancelled.
"""

import base64
import hashlib
import uuid
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.responses import Response
from starlette.routing import Route

from simulator.callbacks import Callback
from simulator.engine import NO_IMAGE, Engine
from simulator.faults import Fault
from simulator.http import encode, json_reply
from simulator.settings import DAY_S, Latency, Settings
from simulator.tasks import ENDED, Order, State, Task
from simulator.vendors import pika_wire as wire
from simulator.vendors.base import ANY_METHOD, Call, Refusal, Vendor

APP = "/pika/fal-ai/pika"
N_RETRIES = 9  # ten attempts in all
MAX_RETRY_WAIT_S = 30.0  # fal spreads them over two hours
FORGED_URL = "https://v3.fal.media.invalid/forged.mp4"


class Pika(Vendor):
    """Pika's endpoints behind fal's queue."""

    name: ClassVar[str] = "pika"
    latency: ClassVar[Latency] = Latency(median_s=60.0, p95_s=180.0)  # a guess
    retention_s: ClassVar[float] = 2 * DAY_S  # what a client usually asks for

    def __init__(self, *, engine: Engine, settings: Settings) -> None:
        super().__init__(engine=engine, settings=settings)
        self._accounts = {key: f"pika-{number}" for number, key in enumerate(settings.keys_of(self.name), start=1)}
        self._key = signing_key(f"fal-{settings.seed}")
        self._forgers_key = signing_key("somebody else")

    def routes(self) -> list[Route]:
        """List the routes; what names a request leaves out the endpoint's sub-path."""

        def route(path: str, operation: str, handler: Any, method: str = "GET") -> Route:
            return Route(f"{APP}{path}", self.endpoint(operation, _worded(handler)), methods=[method])

        return [
            route("/requests/{id}/status", "poll", self._status),
            route("/requests/{id}", "poll", self._result),
            route("/requests/{id}/cancel", "cancel", self._cancel, "PUT"),
            route("/{version}/{operation}", "submit", self._submit, "POST"),
            Route("/pika/.well-known/jwks.json", self.endpoint("find", self._jwks), methods=["GET"]),
            Route("/pika/files/{id}/{name}", self.endpoint("download", self._download), methods=["GET"]),
            Route("/pika/{rest:path}", self.endpoint("find", _worded(_no_path)), methods=ANY_METHOD),
        ]

    def fault_reply(self, fault: Fault, call: Call) -> Response:
        """Word a fault as fal would."""
        match fault.kind:
            case "throttled":
                return error_reply(wire.THROTTLED, retry_after_s=fault.retry_after_s)
            case "unauthorized":
                return error_reply(wire.BAD_KEY)
            case "out_of_money":
                return error_reply(wire.LOCKED)
            case "refused_at_submit":
                return error_reply(wire.refusal(self.prompt_of(call.payload)))
            case _:
                usual = 503 if fault.kind == "outage" else 500
                problem = wire.SERVER_ERRORS.get(fault.status or usual, wire.SERVER_ERRORS[usual])
                return error_reply(problem, retry_after_s=fault.retry_after_s)

    def prompt_of(self, payload: Any) -> str:
        """Find the prompt of the model's input."""
        found = payload.get("prompt") if isinstance(payload, dict) else None
        return found if isinstance(found, str) else ""

    def callback(self, task: Task, *, forged: bool) -> Callback | None:
        """Word the one callback that a request gets, at its end; signed with fal's key, or a forger's."""
        url = task.order.callback_url
        if url is None or (task.state not in ENDED and not forged):
            return None
        body = encode(_forged_call(task) if forged else self._call_about(task))
        headers = signed_headers(
            self._forgers_key if forged else self._key,
            request_id=task.id,
            user_id=f"user_{task.order.account}",
            timestamp_s=int(self.engine.clock()),
            body=body,
        )
        backoff_s = self.engine.tuning.callback_backoff_s
        waits = tuple(min(MAX_RETRY_WAIT_S, backoff_s * 2**number) for number in range(N_RETRIES))
        return Callback(url=url, body=body, headers=headers, retry_waits_s=waits)

    def _account(self, call: Call) -> str:
        scheme, _, key = call.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "key" or not key.strip():
            raise wire.Refused(wire.NO_KEY)
        if key.strip() not in self._accounts:
            raise wire.Refused(wire.BAD_KEY)
        return self._accounts[key.strip()]

    def _submit(self, call: Call) -> Response:
        account, engine = self._account(call), self.engine
        named = call.request.path_params
        ask = wire.read(call.payload, version=named["version"], operation=named["operation"])
        model = f"pika-{ask.version}"
        if model in engine.tuning.retired_models:
            raise wire.Refused(wire.no_path(f"/{ask.version}/{ask.operation}"))
        frames = [engine.media.keep_frame(picture) for picture in ask.pictures]
        order = Order(
            vendor=self.name,
            account=account,
            dialect="queue",
            operation="image-to-video" if frames else "text-to-video",
            model=model,
            prompt=ask.body.prompt,
            duration_s=float(ask.duration_s),
            size_px=ask.size_px,
            price_usd_micros=ask.price_usd_micros,
            filtered_price_usd_micros=ask.price_usd_micros,
            waits_its_turn=True,
            premium=ask.body.resolution == "1080p",
            seed=ask.body.seed,
            first_frame=frames[0] if frames else None,
            last_frame=frames[-1] if len(frames) > 1 else None,
            callback_url=call.request.query_params.get("fal_webhook"),
            base_url=call.base_url,
            facts={
                "endpoint": ask.operation,
                "resolution": ask.body.resolution,
                "negative_prompt": ask.body.negative_prompt,
                "ignored_fields": ask.ignored_fields,
                "lifecycle": call.request.headers.get("x-fal-object-lifecycle-preference", ""),
            },
        )
        task = engine.accept(order, task_id=str(uuid.uuid4()), marks=call.marks)
        queued = {"status": "IN_QUEUE", **self._names(task), "queue_position": engine.ledger.n_open_before(task)}
        return reply(queued | {"gateway_request_id": task.id})

    def _names(self, task: Task) -> dict[str, Any]:
        url = f"{task.order.base_url}{APP}/requests/{task.id}"
        return {
            "request_id": task.id,
            "response_url": url,
            "status_url": f"{url}/status",
            "cancel_url": f"{url}/cancel",
        }

    def _find(self, call: Call) -> Task:
        account = self._account(call)
        task = self.engine.ledger.get(self.name, call.request.path_params["id"])
        if task is None or task.order.account != account:
            raise wire.Refused(wire.NO_REQUEST)
        return task

    def _status(self, call: Call) -> Response:
        task = self._find(call)
        if task.state is State.QUEUED:
            position = self.engine.ledger.n_open_before(task)
            return reply({"status": "IN_QUEUE", **self._names(task), "queue_position": position}, 202)
        is_wanted = call.request.query_params.get("logs", "").lower() in ("1", "true")
        logs = [{"message": "rendering", "level": "INFO", "timestamp": task.starts_at_s}] if is_wanted else None
        if task.is_open:
            return reply({"status": "IN_PROGRESS", **self._names(task), "logs": logs}, 202)
        body = {"status": "COMPLETED", **self._names(task), "logs": logs, "metrics": self._metrics(task)}
        if (problem := _problem_of(task)) is not None:
            body |= {"error": _sentence(problem), "error_type": problem.error_type}
        return reply(body)

    def _metrics(self, task: Task) -> dict[str, float]:
        if task.state not in (State.SUCCEEDED, State.FILTERED):
            return {}
        worked_s = ((task.ended_at_s or 0.0) - task.starts_at_s) * self.engine.tuning.time_compression
        return {"inference_time": max(0.1, round(worked_s, 2))}

    def _result(self, call: Call) -> Response:
        task = self._find(call)
        if task.is_open:
            raise wire.Refused(wire.IN_PROGRESS)
        if (problem := _problem_of(task)) is not None:
            raise wire.Refused(problem)
        return reply(self._payload(task))

    def _payload(self, task: Task) -> dict[str, Any]:
        content = self.engine.media.peek(task.clips[0]) or b""
        video = {
            "url": f"{task.order.base_url}/pika/files/{task.id}/output.mp4",
            "content_type": "video/mp4",
            "file_name": "output.mp4",
            "file_size": len(content),
        }
        return {"video": video}

    def _cancel(self, call: Call) -> Response:
        account = self._account(call)
        task = self.engine.ledger.get(self.name, call.request.path_params["id"])
        if task is None or task.order.account != account:
            return reply({"status": "NOT_FOUND"}, 404)
        if not task.is_open:
            return reply({"status": "ALREADY_COMPLETED"}, 400)
        if task.state is State.QUEUED:
            self.engine.cancel(task)
            return reply({"status": "OK"})
        # Running work stops only where the model cooperates, and this one does not.
        return reply({"status": "CANCELLATION_REQUESTED"}, 202)

    def _jwks(self, call: Call) -> Response:
        del call
        raw = self._key.public_key().public_bytes_raw()
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        return json_reply({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "sim-1", "x": x}]})

    def _download(self, call: Call) -> Response:
        task = self.engine.ledger.get(self.name, call.request.path_params["id"])
        if task is None or call.request.path_params["name"] != "output.mp4":
            return _gone()
        return self.media_reply(call.request, task, 0, gone=_gone)

    def _call_about(self, task: Task) -> dict[str, Any]:
        about = {"request_id": task.id, "gateway_request_id": task.id}
        problem = _problem_of(task)
        if problem is None:
            return {**about, "status": "OK", "payload": self._payload(task)}
        payload = {"detail": problem.detail}
        return {**about, "status": "ERROR", "error": _sentence(problem), "payload": payload}


def _forged_call(task: Task) -> dict[str, Any]:
    payload = {"video": {"url": FORGED_URL, "content_type": "video/mp4"}}
    return {"request_id": task.id, "gateway_request_id": task.id, "status": "OK", "payload": payload}


def _problem_of(task: Task) -> wire.Problem | None:
    if task.state is State.FAILED:
        return wire.no_image(task.order.first_frame or "") if task.message == NO_IMAGE else wire.FAILED
    if task.state is State.FILTERED:
        return wire.refusal(task.order.prompt)
    return wire.CANCELLED if task.state is State.CANCELLED else None


def _sentence(problem: wire.Problem) -> str:
    return problem.detail if isinstance(problem.detail, str) else problem.detail[0]["msg"]


def signing_key(name: str) -> Ed25519PrivateKey:
    """Make the same key for the same name."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def signed_headers(
    key: Ed25519PrivateKey, *, request_id: str, user_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """Sign a callback: Ed25519 over four lines, the last of them the body's SHA-256."""
    signed = "\n".join([request_id, user_id, str(timestamp_s), hashlib.sha256(body).hexdigest()])
    return {
        "content-type": "application/json",
        "x-fal-webhook-request-id": request_id,
        "x-fal-webhook-user-id": user_id,
        "x-fal-webhook-timestamp": str(timestamp_s),
        "x-fal-webhook-signature": key.sign(signed.encode()).hex(),
    }


def _worded(handler: Any) -> Any:
    def handle(call: Call) -> Response:
        try:
            response: Response = handler(call)
        except wire.Refused as refused:
            raise Refusal(error_reply(refused.problem), code=refused.problem.error_type) from refused
        return response

    return handle


def _no_path(call: Call) -> Response:
    raise wire.Refused(wire.no_path(call.request.url.path.removeprefix("/pika")))


def _gone() -> Response:
    return Response("Not Found", status_code=404, media_type="text/plain")


def reply(body: Any, status: int = 200) -> Response:
    """Answer a call that went well."""
    return json_reply(body, status, {"x-fal-request-id": str(uuid.uuid4())})


def error_reply(problem: wire.Problem, *, retry_after_s: float | None = None) -> Response:
    """Answer with an error; the model's own errors have a list and no type beside it."""
    body: dict[str, Any] = {"detail": problem.detail}
    if isinstance(problem.detail, str):
        body["error_type"] = problem.error_type
    headers = {
        "x-fal-request-id": str(uuid.uuid4()),
        "x-fal-error-type": problem.error_type,
        "x-fal-retryable": str(wire.is_retryable(problem)).lower(),
    }
    if retry_after_s is not None:
        headers["retry-after"] = f"{retry_after_s:g}"
    return json_reply(body, problem.status, headers)
