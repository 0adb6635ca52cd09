"""Veo 3.1: the Gemini dialect (`/v1beta/models/…`) and the Vertex dialect (`/v1/projects/…/models/…`).

Auth: `x-goog-api-key` or `?key=` (Gemini), `Bearer <token>` (Vertex). Requests are in `veo_wire.py`. Facts as read in
vendor documents and google-genai 2.9.0 and 3.4.0 on 2026-11-22. Not documented and decided here: filtered work is free
on Vertex too, an unknown operation is 404.
"""

import base64
import re
import uuid
from typing import Any, ClassVar

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from simulator.callbacks import FORGERS_SECRET, Callback, standard_headers
from simulator.faults import Fault, chance
from simulator.http import encode, json_reply
from simulator.settings import DAY_S, Latency
from simulator.tasks import Order, State, Task
from simulator.vendors import veo_wire as wire
from simulator.vendors.base import ANY_METHOD, SIZES_PX, Call, Refusal, Vendor, bearer

# The Python SDK recognises only https file URLs; given an http one it sends all of it as the file's name.
FILE_NAME = re.compile(r"files/([a-z0-9]+):download")
GEMINI, VERTEX = "gemini", "vertex"
SUPPORT_CODES = (64151117, 42237218, 62263041, 61493863, 74803281)
VERTEX_RESPONSE = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"
GEMINI_RESPONSE = "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
SAFETY = (
    "Veo could not generate {n} videos based on the prompt provided because it might violate usage guidelines. "
    "Rephrase the prompt and try again. You will not be charged for blocked videos. Support codes: {code}"
)


class Veo(Vendor):
    """Both dialects of Veo over one set of operations."""

    name: ClassVar[str] = "veo"
    latency: ClassVar[Latency] = Latency(median_s=200.0, p95_s=360.0)  # documented as 11 s to 6 min
    retention_s: ClassVar[float] = 2 * DAY_S

    def routes(self) -> list[Route]:
        """List the routes of both dialects."""

        def route(path: str, operation: str, handler: Any, method: str = "GET") -> Route:
            return Route(f"/veo{path}", self.endpoint(operation, _worded(handler)), methods=[method])

        vertex = "/{version}/projects/{project}/locations/{location}/publishers/google/models/{model}"
        return [
            route("/v1beta/models/{model}:predictLongRunning", "submit", self._submit, "POST"),
            route("/v1beta/models/{model}/operations/{id}", "poll", self._operation),
            route("/v1beta/{file:path}:download", "download", self._redirect),
            route("/download/v1beta/files/{id}:download", "download", self._download),
            route(f"{vertex}:predictLongRunning", "submit", self._submit_vertex, "POST"),
            route(f"{vertex}:fetchPredictOperation", "poll", self._fetch_operation, "POST"),
            Route("/veo/{rest:path}", self.endpoint("find", _worded(_not_found)), methods=ANY_METHOD),
        ]

    def fault_reply(self, fault: Fault, call: Call) -> Response:
        """Word a fault as Google would."""
        is_vertex = "/projects/" in call.request.url.path
        match fault.kind:
            case "throttled":
                return error_reply(wire.throttled(fault.retry_after_s), retry_after_s=fault.retry_after_s)
            case "unauthorized":
                return error_reply(wire.BAD_TOKEN if is_vertex else wire.BAD_KEY)
            case "out_of_money":
                broke = wire.NO_BILLING if is_vertex else wire.SPENT
                return error_reply(wire.PREPAID_SPENT if fault.status == wire.PREPAID_SPENT.code else broke)
            case "refused_at_submit":
                return error_reply(wire.unsafe_prompt(support_code(self.prompt_of(call.payload))))
            case _:
                usual = 503 if fault.kind == "outage" else 500
                return error_reply(wire.server_error(fault.status or usual), retry_after_s=fault.retry_after_s)

    def prompt_of(self, payload: Any) -> str:
        """Find the prompt of the first instance."""
        instances = payload.get("instances") if isinstance(payload, dict) else None
        first = instances[0] if isinstance(instances, list) and instances else None
        found = first.get("prompt") if isinstance(first, dict) else None
        return found if isinstance(found, str) else ""

    def _account(self, call: Call) -> str:
        key = call.request.headers.get("x-goog-api-key") or call.request.query_params.get("key")
        if not key:
            raise wire.Refused(wire.NO_KEY)
        return self._account_of(key, wire.BAD_KEY)

    def _vertex_account(self, call: Call) -> str:
        token = bearer(call.request)
        if token is None:
            raise wire.Refused(wire.NO_TOKEN)
        return self._account_of(token, wire.BAD_TOKEN)

    def _account_of(self, key: str, otherwise: wire.Problem) -> str:
        known = self.settings.keys_of(self.name)
        if key not in known:
            raise wire.Refused(otherwise)
        return f"veo-{known.index(key) + 1}"

    def _submit(self, call: Call) -> Response:
        account, model = self._account(call), call.request.path_params["model"]
        task = self._accept(call, account, GEMINI, model, task_id=uuid.uuid4().hex[:12])
        return json_reply({"name": task.order.facts["name"]})

    def _submit_vertex(self, call: Call) -> Response:
        account, model = self._vertex_account(call), call.request.path_params["model"]
        task = self._accept(call, account, VERTEX, model, task_id=str(uuid.uuid4()))
        return json_reply({"name": task.order.facts["name"]})

    def _accept(self, call: Call, account: str, dialect: str, model: str, *, task_id: str) -> Task:
        engine = self.engine
        known = wire.GEMINI_MODELS if dialect == GEMINI else wire.VERTEX_MODELS
        if model not in known or model in engine.tuning.retired_models:
            raise wire.Refused(wire.no_model(_resource(call)))
        ask = wire.read(call.payload, wire.MODELS[known[model]], is_vertex=dialect == VERTEX)
        if engine.is_full(self.name, account):
            raise wire.Refused(wire.throttled(None))
        hooks = ask.webhook_uris
        order = Order(
            vendor=self.name,
            account=account,
            dialect=dialect,
            operation=ask.operation,
            model=model,
            prompt=ask.prompt,
            duration_s=float(ask.duration_s),
            size_px=SIZES_PX[ask.resolution, ask.aspect],
            price_usd_micros=wire.price_usd_micros(ask, wire.MODELS[known[model]]),
            premium=wire.MODELS[known[model]].premium,
            n_clips=ask.n_clips,
            audio=ask.audio,
            seed=ask.seed,
            first_frame=self._kept(ask.first_frame),
            last_frame=self._kept(ask.last_frame),
            references=tuple(kept for each in ask.references if (kept := self._kept(each)) is not None),
            callback_url=hooks[0] if hooks else None,
            base_url=call.base_url,
            facts={
                "name": f"{_resource(call)}/operations/{task_id}",
                "resolution": ask.resolution,
                "negative_prompt": ask.negative_prompt,
                "ignored_fields": ask.ignored_fields,
                "storage_uri": ask.storage_uri,
                "user_metadata": ask.user_metadata,
            },
        )
        return engine.accept(order, task_id=task_id, marks=call.marks)

    def _kept(self, image: wire.Media | None) -> str | None:
        return None if image is None else self.engine.media.keep_frame(wire.image_bytes(image))

    def _find(self, name: str, account: str) -> Task:
        task = self.engine.ledger.get(self.name, name.rpartition("/")[2])
        if task is None or task.order.facts["name"] != name or task.order.account != account:
            raise wire.Refused(wire.no_operation(name))
        return task

    def _operation(self, call: Call) -> Response:
        account = self._account(call)
        task = self._find(_resource(call), account)
        if (unfinished := _unfinished(task)) is not None:
            return json_reply(unfinished)
        result = _filtered(task)
        if task.state is not State.FILTERED:
            result |= {"generatedSamples": [{"video": {"uri": _file_uri(task, n)}} for n in range(task.n_shown)]}
        response = {"@type": GEMINI_RESPONSE, "generateVideoResponse": result}
        return json_reply({"name": task.order.facts["name"], "done": True, "response": response})

    def _fetch_operation(self, call: Call) -> Response:
        account = self._vertex_account(call)
        name = call.payload.get("operationName") if isinstance(call.payload, dict) else None
        if not isinstance(name, str) or not name.startswith(f"{_resource(call)}/operations/"):
            raise wire.Refused(wire.invalid("operationName does not belong to this model."))
        task = self._find(name, account)
        if (unfinished := _unfinished(task)) is not None:
            return json_reply(unfinished)
        response = {"@type": VERTEX_RESPONSE, "raiMediaFilteredCount": 0, **_filtered(task)}
        if task.state is not State.FILTERED:
            response["videos"] = self._inline(task)
        return json_reply({"name": name, "done": True, "response": response})

    def _inline(self, task: Task) -> list[dict[str, str]]:
        if self.engine.is_expired(task):
            raise wire.Refused(wire.no_operation(task.order.facts["name"]))
        folder, numbers = task.order.facts["storage_uri"], range(task.n_shown)
        if folder is not None:
            places = [{"gcsUri": f"{folder.rstrip('/')}/{task.id}/sample_{n}.mp4"} for n in numbers]
        else:
            contents = [base64.b64encode(self.media_content(task, n)).decode() for n in numbers]
            places = [{"bytesBase64Encoded": content} for content in contents]
        return [place | {"mimeType": "video/mp4"} for place in places]

    def _redirect(self, call: Call) -> Response:
        account = self._account(call)
        found = FILE_NAME.search(f"{call.request.path_params['file']}:download")
        task, index = self._file(found.group(1) if found else "")
        if task is None or task.order.account != account or index >= task.n_shown:
            return _no_file()
        file_id = found.group(1) if found else ""
        token = support_code(f"{task.id}{task.ended_at_s}")
        # Google sends the client to another path; nothing of the key is needed there.
        return RedirectResponse(
            f"{call.base_url}/veo/download/v1beta/files/{file_id}:download?alt=media&token={token}", status_code=302
        )

    def _download(self, call: Call) -> Response:
        task, index = self._file(call.request.path_params["id"])
        if task is None or call.request.query_params.get("token") != str(support_code(f"{task.id}{task.ended_at_s}")):
            return _no_file()
        return self.media_reply(call.request, task, index, gone=_no_file)

    def _file(self, file_id: str) -> tuple[Task | None, int]:
        task_id, index = file_id[:-1], file_id[-1:]
        task = self.engine.ledger.get(self.name, task_id)
        if task is None or task.state is not State.SUCCEEDED or not index.isdigit():
            return None, 0
        return task, int(index)

    def callback(self, task: Task, *, forged: bool) -> Callback | None:
        """Word the `video.generated` webhook; whether failures send one is not documented, here they send none."""
        if task.order.callback_url is None or (task.state is not State.SUCCEEDED and not forged):
            return None
        uri = "https://files.invalid/forged" if forged else _file_uri(task, 0)
        facts = task.order.facts
        data = {"name": facts["name"], "video": {"uri": uri}, "userMetadata": facts["user_metadata"]}
        body = encode({"type": "video.generated", "data": data})
        # The per-request scheme is asymmetric and not documented well enough to sign with. With a secret the call is
        # signed as one to a registered address is: Standard Webhooks.
        key = self.settings.webhook_secret_of(self.name)
        if forged and key is not None:
            key = FORGERS_SECRET
        headers = standard_headers(key, message_id=task.id, timestamp_s=int(self.engine.clock()), body=body)
        return Callback(url=task.order.callback_url, body=body, headers=headers)


def _worded(handler: Any) -> Any:
    def handle(call: Call) -> Response:
        try:
            response: Response = handler(call)
        except wire.Refused as refused:
            raise Refusal(error_reply(refused.problem), code=refused.problem.status) from refused
        return response

    return handle


def _resource(call: Call) -> str:
    # Everything between the version and the verb: models/… or projects/…/models/…
    path = call.request.url.path.removeprefix("/veo/").partition("/")[2]
    return path.partition(":")[0]


def _unfinished(task: Task) -> dict[str, Any] | None:
    name = task.order.facts["name"]
    if task.is_open:
        # The vendor leaves `done` out while it works.
        return {"name": name}
    if task.state is State.FAILED:
        error = {"code": 13, "message": "An internal error has occurred. Please retry or contact support."}
        return {"name": name, "done": True, "error": error}
    return None


def _filtered(task: Task) -> dict[str, Any]:
    """Say how many clips were kept back and why; nothing where none was."""
    n = task.order.n_clips if task.state is State.FILTERED else task.n_filtered
    if not n:
        return {}
    reason = SAFETY.format(n=n, code=support_code(task.order.prompt))
    return {"raiMediaFilteredCount": n, "raiMediaFilteredReasons": [reason] * n}


def _file_uri(task: Task, index: int) -> str:
    return f"{task.order.base_url}/veo/v1beta/files/{task.id}{index}:download?alt=media"


def support_code(text: str) -> int:
    """Pick the support code of a refused text."""
    return SUPPORT_CODES[int(chance(0, text) * len(SUPPORT_CODES))]


def _no_file() -> Response:
    return error_reply(wire.Problem(404, "NOT_FOUND", "The file does not exist or has expired."))


def _not_found(call: Call) -> Response:
    raise wire.Refused(wire.Problem(404, "NOT_FOUND", f"No method at {call.request.url.path}."))


def error_reply(problem: wire.Problem, *, retry_after_s: float | None = None) -> Response:
    """Answer with Google's error envelope."""
    headers = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
    return json_reply(problem.body(), problem.code, headers)
