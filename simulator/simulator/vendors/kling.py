"""Kling: the API-key dialect (`/text-to-video/{model}`, `/tasks`) and the legacy JWT dialect (`/v1/videos/*`).

Auth: `Bearer <API key>`, or `Bearer <JWT HS256>` with iss, exp, nbf. Requests are in `kling_wire.py`, answers in
`kling_replies.py`.
Not documented by the vendor and decided here: the answer to a duplicate external_task_id (400/1201), how often
callbacks are retried and which changes send one (start and end), the answer to an unknown legacy id (404/1203).
"""

import base64
import binascii
import hashlib
import hmac
import itertools
import time
from typing import Any, ClassVar

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from simulator.callbacks import FORGERS_SECRET, Callback, standard_headers
from simulator.engine import Engine
from simulator.faults import Fault
from simulator.http import encode, json_reply
from simulator.images import decode_base64
from simulator.settings import DAY_S, Latency, Settings
from simulator.tasks import Order, Task
from simulator.vendors import kling_replies as replies
from simulator.vendors import kling_wire as wire
from simulator.vendors.base import ANY_METHOD, SIZES_PX, Call, Refusal, Vendor, bearer

MAX_LISTED = 500


class Kling(Vendor):
    """Both dialects of Kling over one set of tasks."""

    name: ClassVar[str] = "kling"
    latency: ClassVar[Latency] = Latency(median_s=150.0, p95_s=300.0)  # a pro clip of 5 s was measured at 100 to 250 s
    retention_s: ClassVar[float] = 30 * DAY_S

    def __init__(self, *, engine: Engine, settings: Settings) -> None:
        super().__init__(engine=engine, settings=settings)
        self._accounts = {key: f"kling-{number}" for number, key in enumerate(settings.keys_of(self.name), start=1)}
        # Ids are long decimal strings. Counting up from the clock keeps them unique over restarts.
        self._ids = itertools.count(time.time_ns() // 10)

    def routes(self) -> list[Route]:
        """List the routes of both dialects."""

        def route(path: str, operation: str, handler: Any, method: str = "GET") -> Route:
            return Route(f"/kling{path}", self.endpoint(operation, _worded(handler)), methods=[method])

        return [
            route("/tasks", "poll", self._tasks),
            route("/tasks", "find", self._task_list, "POST"),
            route("/{operation}/{model}", "submit", self._submit, "POST"),
            route("/v1/videos/{path:str}", "submit", self._legacy_submit, "POST"),
            route("/v1/videos/{path:str}", "find", self._legacy_list),
            route("/v1/videos/{path:str}/{id}", "poll", self._legacy_task),
            route("/account/costs", "find", self._costs),
            route("/kcdn/{task_id}/{name}", "download", self._download),
            Route("/kling/{rest:path}", self.endpoint("find", _worded(_no_method)), methods=ANY_METHOD),
        ]

    def fault_reply(self, fault: Fault, call: Call) -> Response:
        """Word a fault with Kling's codes; it documents no Retry-After, a fault may send one."""
        del call
        code = {
            "outage": wire.SERVER_ERRORS.get(fault.status or 503, 5001),
            "server_error": wire.SERVER_ERRORS.get(fault.status or 500, 5000),
            "throttled": 1302,
            "unauthorized": 1002,
            "out_of_money": 1101,
            "refused_at_submit": 1301,
        }[fault.kind]
        return error_reply(fault.code or code, retry_after_s=fault.retry_after_s)

    def prompt_of(self, payload: Any) -> str:
        """Find the prompt of any dialect."""
        if not isinstance(payload, dict):
            return ""
        contents = payload.get("contents")
        texts = [item.get("text") for item in contents if isinstance(item, dict)] if isinstance(contents, list) else []
        found = payload.get("prompt") or next((text for text in texts if text), "")
        return found if isinstance(found, str) else ""

    def _account(self, call: Call) -> str:
        token = bearer(call.request)
        if token is None:
            raise wire.Refused(1001)
        if token not in self._accounts:
            raise wire.Refused(1002)
        return self._accounts[token]

    def _legacy_account(self, call: Call) -> str:
        token = bearer(call.request)
        if token is None:
            raise wire.Refused(1001)
        secret = self.settings.kling_secret_key.get_secret_value()
        check_jwt(token, access_key=self.settings.kling_access_key, secret_key=secret, now_s=self.engine.clock())
        return next(iter(self._accounts.values()))

    def _submit(self, call: Call) -> Response:
        account = self._account(call)
        operation = call.request.path_params["operation"]
        if operation not in ("text-to-video", "image-to-video"):
            raise wire.Refused(1202)
        ask = wire.ask_new(call.payload, operation=operation, model=call.request.path_params["model"])
        kind = wire.TextToVideo if operation == "text-to-video" else wire.ImageToVideo
        task = self._accept(call, account, "new", ask, wire.ignored_fields(call.payload, kind))
        return envelope(replies.new_submitted(task))

    def _legacy_submit(self, call: Call) -> Response:
        account = self._legacy_account(call)
        operation = wire.LEGACY_PATHS.get(call.request.path_params["path"])
        if operation is None:
            raise wire.Refused(1202)
        ask = wire.ask_legacy(call.payload, operation=operation)
        task = self._accept(call, account, "legacy", ask, wire.ignored_fields(call.payload, wire.Legacy))
        return envelope(replies.legacy_submitted(task))

    def _accept(self, call: Call, account: str, dialect: str, ask: wire.Ask, ignored: list[str]) -> Task:
        engine, reference = self.engine, ask.options.external_task_id
        if ask.model in engine.tuning.retired_models:
            raise wire.Refused(1203, f"model {ask.model} is retired")
        if reference is not None and (known := engine.ledger.find(self.name, account, reference)) is not None:
            # The vendor says that the id is unique, not what a second submit gets. A refusal bills nobody twice.
            engine.submitted_again(known)
            raise wire.Refused(1201, "external_task_id is already in use")
        if engine.is_full(self.name, account):
            raise wire.Refused(1303)
        units = wire.milliunits(ask)
        order = Order(
            vendor=self.name,
            account=account,
            dialect=dialect,
            operation=ask.operation,
            model=ask.model,
            prompt=ask.prompt,
            duration_s=float(ask.clip.duration),
            size_px=SIZES_PX[ask.clip.resolution, _aspect(ask)],
            price_usd_micros=units * wire.USD_MICROS_PER_MILLIUNIT,
            premium=wire.MODELS[ask.model].premium or ask.clip.resolution != "720p",
            audio=wire.has_audio(ask),
            first_frame=self._frame(ask.first_frame),
            last_frame=self._frame(ask.last_frame),
            reference=reference,
            callback_url=ask.options.callback_url,
            base_url=call.base_url,
            facts={
                "resolution": ask.clip.resolution,
                "path": call.request.path_params.get("path", ""),
                "milliunits": units,
                "billing": engine.tuning.kling_billing,
                "watermark": ask.options.watermark_info.enabled,
                "negative_prompt": ask.negative_prompt,
                "ignored_fields": ignored,
            },
        )
        return engine.accept(order, task_id=str(next(self._ids)), marks=call.marks)

    def _frame(self, image: str | None) -> str | None:
        content = None if image is None else decode_base64(image)
        return self.engine.media.keep_frame(image if content is None else content)

    def _tasks(self, call: Call) -> Response:
        account = self._account(call)
        query = call.request.query_params
        ids, references = query.get("task_ids"), query.get("external_task_ids")
        if (ids is None) == (references is None):
            raise wire.Refused(1201, "give task_ids or external_task_ids")
        ledger = self.engine.ledger
        found = (
            [ledger.get(self.name, task_id) for task_id in ids.split(",")]
            if ids is not None
            else [ledger.find(self.name, account, reference) for reference in (references or "").split(",")]
        )
        return envelope([replies.new_item(task) for task in found if task is not None and _is_of(task, account, "new")])

    def _task_list(self, call: Call) -> Response:
        account = self._account(call)
        body = wire.parse(call.payload, wire.TaskQuery)
        known = [task for task in self.engine.ledger.tasks(self.name) if _is_of(task, account, "new")]
        items = [item for item in map(replies.new_item, reversed(known)) if body.matches(item)]
        start = int(body.cursor) if body.cursor.isdigit() else 0
        page = items[start : start + body.limit]
        end = start + len(page)
        more = end < len(items)
        data = {"count": len(page), "has_more": more, "next_cursor": str(end) if more else ""}
        return envelope(data | ({"result": page} if page else {}))

    def _legacy_task(self, call: Call) -> Response:
        account = self._legacy_account(call)
        path, task_id = call.request.path_params["path"], call.request.path_params["id"]
        ledger = self.engine.ledger
        task = ledger.get(self.name, task_id) or ledger.find(self.name, account, task_id)
        if task is None or not _is_of(task, account, "legacy") or task.order.facts["path"] != path:
            raise wire.Refused(1203, f"task {task_id}")
        return envelope(replies.legacy_item(task))

    def _legacy_list(self, call: Call) -> Response:
        account = self._legacy_account(call)
        query, path = call.request.query_params, call.request.path_params["path"]
        if path not in wire.LEGACY_PATHS:
            raise wire.Refused(1202)
        number, size = query.get("pageNum", "1"), query.get("pageSize", "30")
        if not (number.isdigit() and size.isdigit() and 1 <= int(size) <= MAX_LISTED):
            raise wire.Refused(1201, "pageNum and pageSize")
        tasks = [
            task
            for task in reversed(self.engine.ledger.tasks(self.name))
            if _is_of(task, account, "legacy") and task.order.facts["path"] == path
        ]
        start = (int(number) - 1) * int(size)
        return envelope([replies.legacy_item(task) for task in tasks[start : start + int(size)]])

    def _costs(self, call: Call) -> Response:
        account = self._account(call)
        spent = sum(
            task.order.facts["milliunits"]
            for task in self.engine.ledger.tasks(self.name)
            if task.order.account == account and task.billed_usd_micros
        )
        pack = {
            "resource_pack_name": "simulated pack",
            "resource_pack_id": account,
            "resource_pack_type": "decreasing_total",
            "total_quantity": 1_000_000.0,
            "remaining_quantity": 1_000_000.0 - spent / 1000,
            "status": "online",
        }
        return envelope({"code": 0, "msg": "", "resource_pack_subscribe_infos": [pack]})

    def _download(self, call: Call) -> Response:
        task = self.engine.ledger.get(self.name, call.request.path_params["task_id"])
        names = () if task is None else (f"{replies.video_id(task)}.mp4", f"{replies.video_id(task)}-watermark.mp4")
        if task is None or call.request.path_params["name"] not in names:
            return _gone()
        return self.media_reply(call.request, task, 0, gone=_gone)

    def callback(self, task: Task, *, forged: bool) -> Callback | None:
        """Word the callback in the dialect of the submit; signed when the account has a secret."""
        url = task.order.callback_url
        if url is None:
            return None
        item = replies.new_item(task) if task.order.dialect == "new" else replies.legacy_payload(task)
        key = self.settings.webhook_secret_of(self.name)
        if forged:
            item = replies.forged(item)
            key = FORGERS_SECRET if key is not None else None
        body = encode(item)
        message_id = hashlib.blake2b(body, digest_size=8).hexdigest()
        headers = standard_headers(key, message_id=message_id, timestamp_s=int(self.engine.clock()), body=body)
        return Callback(url=url, body=body, headers=headers)


def _worded(handler: Any) -> Any:
    def handle(call: Call) -> Response:
        try:
            response: Response = handler(call)
        except wire.Refused as refused:
            raise Refusal(error_reply(refused.code, refused.detail), code=str(refused.code)) from refused
        return response

    return handle


def _no_method(call: Call) -> Response:
    raise wire.Refused(1202, call.request.url.path)


def _gone() -> Response:
    return Response("<Error><Code>NoSuchKey</Code></Error>", status_code=404, media_type="application/xml")


def _is_of(task: Task, account: str, dialect: str) -> bool:
    return task.order.account == account and task.order.dialect == dialect


def _aspect(ask: wire.Ask) -> str:
    size = None if ask.first_frame is None else wire.image_size(ask.first_frame)
    if size is None:
        return ask.clip.aspect_ratio
    # Image-to-video follows the image: the nearest of the three shapes.
    return min(wire.RATIOS, key=lambda aspect: abs(wire.RATIOS[aspect] - size[0] / size[1]))


def request_id() -> str:
    """Name one request."""
    return f"{time.time_ns():032x}"


def envelope(data: Any) -> Response:
    """Answer a call that went well."""
    return json_reply({"code": 0, "message": "SUCCEED", "request_id": request_id(), "data": data})


def error_reply(code: int, detail: str = "", *, retry_after_s: float | None = None) -> Response:
    """Answer with one of Kling's error codes."""
    status, message = wire.ERRORS.get(code, (400, "Error"))
    body = {"code": code, "message": f"{message}: {detail}" if detail else message, "request_id": request_id()}
    headers = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
    return json_reply(body, status, headers)


def check_jwt(token: str, *, access_key: str, secret_key: str, now_s: float) -> None:
    """Check a token of the legacy dialect.

    Raises:
        wire.Refused: 1000 wrong signature, 1002 unreadable or another account, 1003 too early, 1004 too late.
    """
    try:
        signed, _, signature = token.rpartition(".")
        header, claims = (msgspec.json.decode(_unpadded(part)) for part in signed.split("."))
        issuer, expires, not_before = claims["iss"], float(claims["exp"]), float(claims.get("nbf", 0))
    except (ValueError, KeyError, TypeError, msgspec.DecodeError) as err:
        raise wire.Refused(1002) from err
    if header.get("alg") != "HS256" or issuer != access_key:
        raise wire.Refused(1002)
    expected = hmac.new(secret_key.encode(), signed.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(expected, _unpadded(signature)):
        raise wire.Refused(1000)
    if now_s < not_before:
        raise wire.Refused(1003)
    if now_s > expires:
        raise wire.Refused(1004)


def _unpadded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as err:
        raise wire.Refused(1002) from err
