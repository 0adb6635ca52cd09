"""Kling, API-key dialect.

URL: https://api-singapore.klingai.com (global; https://api-beijing.klingai.com in China; keys are bound to a region).
Auth: `Authorization: Bearer <API key>`. Read: 2026-11-22.
Limits: tasks in flight per account and model (error 1303), no request rate; queries are free. Files: 30 days.
Reference: `external_task_id`, unique per account and queryable, which is what makes a lost answer harmless.
Money: `billing[]` of a finished task, in units or cash. Failed tasks are not billed (seen as empty `billing`).
Pictures: a first and a last frame; with kling-2.6 the last one at 1080p and without sound only. Whether kling-2.5-turbo
takes a last one is told both ways: not used. Elements and references are of the omni models.
Not there: cancel, progress, seed, negative prompt. A duplicate `external_task_id` is answered in a way that is not
documented: whatever it is, the task is looked up before anything is concluded from it.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from dailies_contracts import FailureKind
from runtime.clock import Clock

from provider_workers.adapters.http import Call, Reply, Wrong, kind_of_status
from provider_workers.adapters.http_adapter import HttpAdapter
from provider_workers.adapters.images import base64_of
from provider_workers.adapters.signatures import checked_secret, is_signed
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

BASE_URL = "https://api-singapore.klingai.com"

CODES: dict[int, FailureKind] = {
    1000: "auth",
    1001: "auth",
    1002: "auth",  # also a key of another region
    1003: "auth",
    1004: "auth",
    1100: "quota",
    1101: "quota",  # in arrears: comes as HTTP 429, and no waiting helps
    1102: "quota",  # resource pack used up: HTTP 429 as well
    1103: "auth",
    1200: "invalid_request",
    1201: "invalid_request",
    1202: "invalid_request",
    1203: "invalid_request",
    1300: "refused",
    1301: "refused",
    1302: "throttled",
    1303: "throttled",  # no free slot in the resource pack
    1304: "auth",  # not on the account's list of addresses
    5000: "unavailable",
    5001: "unavailable",
    5002: "outcome_unknown",  # the vendor's own timeout: it cannot tell either
}
UNIT_USD_MICROS = 140_000
"""List price of one resource unit (kling.ai/dev/pricing, read 2026-07-30)."""
RUN_TIME_REFUSAL = "risk control"
"""A failed task whose message contains this was moderated; the envelope's code stays 0."""
ALWAYS_SILENT = frozenset({"kling-2.5-turbo"})
"""Models without an audio setting. The others are told `off`, because sound costs money."""


class Billing(msgspec.Struct, frozen=True):
    """One charge of a task."""

    charge_type: str = ""
    amount: str | int | float = "0"
    currency: str = ""


class Video(msgspec.Struct, frozen=True):
    """One output of a task."""

    type: str = ""
    url: str = ""


class Task(msgspec.Struct, frozen=True):
    """A task as submit, poll and callback show it; times in milliseconds."""

    id: str
    status: str = ""
    message: str = ""
    external_id: str | None = None
    create_time: int = 0
    update_time: int = 0
    outputs: list[Video] | None = None
    billing: list[Billing] | None = None


D = TypeVar("D")


class Envelope(msgspec.Struct, Generic[D], frozen=True):
    """What every answer is wrapped in; `code` 0 is success."""

    code: int
    message: str = ""
    data: D | None = None


def to_request(order: Order) -> tuple[str, dict[str, Any]]:
    """Turn an order into path and body of the submit."""
    settings: dict[str, Any] = {"resolution": order.resolution, "duration": order.duration_s}
    if order.model not in ALWAYS_SILENT:
        settings["audio"] = "native" if order.audio else "off"
    options: dict[str, Any] = {"external_task_id": order.reference}
    if order.callback_url:
        options["callback_url"] = order.callback_url
    model = quote(order.model, safe="")
    if order.first_frame is None:
        settings |= {"aspect_ratio": order.aspect_ratio, **order.parameters}
        return f"/text-to-video/{model}", {"prompt": order.prompt, "settings": settings, "options": options}
    # The frame decides the aspect; base64 goes bare, without a data: prefix.
    contents = [
        {"type": "prompt", "text": order.prompt},
        {"type": "first_frame", "url": base64_of(order.first_frame)},
    ]
    if order.last_frame is not None:
        contents.append({"type": "last_frame", "url": base64_of(order.last_frame)})
    return f"/image-to-video/{model}", {
        "contents": contents,
        "settings": settings | order.parameters,
        "options": options,
    }


def from_response(task: Task, *, unit_usd_micros: int) -> Outcome:
    """Turn a task into its outcome.

    Args:
        task: As the vendor shows it.
        unit_usd_micros: What one of its units costs us.
    """
    reference = task.external_id or ""
    cost = charged(task.billing or [], unit_usd_micros=unit_usd_micros)
    if task.status == "succeeded":
        url = next((video.url for video in task.outputs or [] if video.url), "")
        if not url:
            return Failed(kind="bad_output", vendor_code="no_output", charged_usd_micros=cost or 0, reference=reference)
        return Succeeded(output=Output(url=url), reference=reference, cost_usd_micros=cost, render_ms=_render_ms(task))
    if task.status == "failed":
        kind, code = kind_of_failure(task.message)
        return Failed(kind=kind, vendor_code=code, charged_usd_micros=cost or 0, reference=reference)
    return Running(reference=reference)


def kind_of_failure(message: str) -> tuple[FailureKind, str]:
    """Classify a failed task by its message: the vendor gives no code."""
    if RUN_TIME_REFUSAL in message.lower():
        return "refused", "risk_control"
    return "unavailable", "failed"


def charged(billing: list[Billing], *, unit_usd_micros: int) -> int | None:
    """Add up what a task was billed, in micro-dollars; None where nothing is said, or in no currency of ours."""
    total = Decimal(0)
    for charge in billing:
        try:
            amount = Decimal(str(charge.amount))
        except InvalidOperation:
            return None
        if charge.charge_type == "unit":
            total += amount * unit_usd_micros
        elif charge.currency == "USD":
            total += amount * 1_000_000
        else:
            return None
    return int(total.to_integral_value()) if billing else None


def wrong_with(reply: Reply, *, is_submit: bool) -> Wrong | None:
    """Say what is wrong with an answer of either dialect; `code` counts as well as the HTTP status."""
    try:
        code = msgspec.json.decode(reply.body, type=Envelope[msgspec.Raw]).code
    except (msgspec.MsgspecError, UnicodeDecodeError):
        code = -1
    if reply.is_ok and code <= 0:
        return None  # an unreadable body is the caller's to refuse
    kind = CODES.get(code) or kind_of_status(reply.status, is_submit=is_submit and code < 0)
    return Wrong(kind, str(code) if code > 0 else "")


class Kling(HttpAdapter):
    """One account of Kling."""

    can_find = True
    keeps_reference = True
    takes_last_frame = True

    def __init__(self, account: Account, client: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__(account, client, clock, base_url=BASE_URL)
        self._headers = {"authorization": f"Bearer {account.needed('api_key')}"}
        self._webhook_secret = checked_secret(account.webhook_secret)
        self._unit_usd_micros = account.unit_usd_micros or UNIT_USD_MICROS

    async def submit(self, order: Order) -> Submission:
        """Order one clip."""
        path, body = to_request(order)
        reply = await self._send(Call("POST", path, self._headers, body, is_submit=True))
        task = self._http.read(reply, Envelope[Task], is_submit=True).data
        if task is None:
            raise ProviderError("outcome_unknown", self._provider, vendor_code="no_task", http_status=reply.status)
        return Submission(provider_task_id=task.id, reference=order.reference)

    async def poll(self, task: TaskRef) -> Outcome:
        """Ask how a task stands; an id that the vendor does not know gives an empty list."""
        found = await self._tasks("task_ids", task.provider_task_id)
        known = next((each for each in found if each.id == task.provider_task_id), None)
        return Absent() if known is None else from_response(known, unit_usd_micros=self._unit_usd_micros)

    async def find(self, reference: str, *, since: datetime) -> Submission | None:
        """Look a task up by `external_task_id`."""
        del since
        found = await self._tasks("external_task_ids", reference)
        known = next((each for each in found if each.external_id == reference), None)
        return None if known is None else Submission(provider_task_id=known.id, reference=reference)

    async def parse_callback(self, headers: Mapping[str, str], body: bytes) -> CallbackHint | None:
        """Read a callback: the task itself, without an envelope; signed where the account has a secret."""
        secret = self._webhook_secret
        if secret and not is_signed(headers, body, secret=secret, now=self._http.clock()):
            return None
        try:
            return CallbackHint(provider_task_id=msgspec.json.decode(body, type=Task).id)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    async def _tasks(self, key: str, value: str) -> list[Task]:
        reply = await self._send(Call("GET", f"/tasks?{key}={quote(value, safe='')}", self._headers))
        return self._http.read(reply, Envelope[list[Task]]).data or []

    def _wrong_with(self, reply: Reply, *, is_submit: bool) -> Wrong | None:
        return wrong_with(reply, is_submit=is_submit)


ADAPTERS = {"kling": Kling}


def _render_ms(task: Task) -> int | None:
    return task.update_time - task.create_time if 0 < task.create_time <= task.update_time else None
