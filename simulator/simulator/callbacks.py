"""Deliver callbacks to clients, with the faults of real ones: missing, late, repeated, forged.

The engine announces each change of a task; the task's vendor words and signs the message.
"""

import asyncio
import base64
import hashlib
import hmac
from collections import deque
from collections.abc import Callable
from typing import Protocol

import httpx
import msgspec

from simulator.background import Background
from simulator.faults import Fault, FaultBook
from simulator.settings import Tuning
from simulator.tasks import Task

TIMEOUT_S = 5.0
FORGERS_SECRET = "whsec_" + base64.b64encode(b"not the secret of this account!!").decode()
HISTORY = 2000  # deliveries remembered for the control API


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """One message to a client, signed or not."""

    url: str
    body: bytes
    headers: dict[str, str]
    retry_waits_s: tuple[float, ...] | None = None  # a pause before each further try; None: as tuned
    taken_by: int | None = None  # the one status that counts as taken; None: any 2xx


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to deliver, as the control API shows it."""

    vendor: str
    task_id: str
    state: str
    url: str
    at_s: float
    attempt: int
    forged: bool
    status: int | None  # None: no answer


class CallsBack(Protocol):
    """The part of a vendor that words callbacks."""

    @property
    def name(self) -> str:
        """The vendor's name."""

    def callback(self, task: Task, *, forged: bool) -> Callback | None:
        """Word the message about the task as it is now; None when the client asked for none."""


class Announcer:
    """Sends callbacks in the background."""

    def __init__(
        self, *, http: httpx.AsyncClient, faults: FaultBook, tuning: Callable[[], Tuning], clock: Callable[[], float]
    ) -> None:
        self._http = http
        self._faults = faults
        self._tuning = tuning
        self._clock = clock
        self._vendors: dict[str, CallsBack] = {}
        self.deliveries: deque[Delivery] = deque(maxlen=HISTORY)

    def register(self, vendor: CallsBack) -> None:
        """Let a vendor word the callbacks of its tasks."""
        self._vendors[vendor.name] = vendor

    def announce(self, task: Task, background: Background) -> None:
        """Tell the client about the task's state, unless a fault keeps the message back."""
        if task.order.callback_url is None:
            return
        vendor = self._vendors[task.order.vendor]
        drawn = self._faults.draw("callback", vendor=vendor.name, subject=task.order.prompt, marks=task.marks)
        faults: dict[str, Fault] = {fault.kind: fault for fault in drawn}
        about = (vendor.name, task.id, task.state.value)
        if "callback_forged" in faults and (forgery := vendor.callback(task, forged=True)) is not None:
            background.start(self._try(forgery, about, forged=True))
        if "callback_missing" not in faults and (message := vendor.callback(task, forged=False)) is not None:
            background.start(self._deliver(message, about, faults))

    async def _deliver(self, message: Callback, about: tuple[str, str, str], faults: dict[str, Fault]) -> None:
        if (late := faults.get("callback_late")) is not None:
            await asyncio.sleep(late.delay_s)
        repeated = faults.get("callback_repeated")
        for _ in range(1 if repeated is None else repeated.repeat):
            await self._try(message, about, forged=False)

    async def _try(self, message: Callback, about: tuple[str, str, str], *, forged: bool) -> None:
        vendor, task_id, state = about
        for attempt, wait_s in enumerate((*self._waits_s(message), 0.0), start=1):
            status = await self._post(message)
            self.deliveries.append(
                Delivery(
                    vendor=vendor,
                    task_id=task_id,
                    state=state,
                    url=message.url,
                    at_s=self._clock(),
                    attempt=attempt,
                    forged=forged,
                    status=status,
                )
            )
            if status is not None and _is_taken(message, status):
                return
            await asyncio.sleep(wait_s)

    def _waits_s(self, message: Callback) -> tuple[float, ...]:
        tuning = self._tuning()
        if message.retry_waits_s is not None:
            return message.retry_waits_s
        return tuple(tuning.callback_backoff_s * 2**number for number in range(tuning.callback_retries))

    async def _post(self, message: Callback) -> int | None:
        try:
            reply = await self._http.post(message.url, content=message.body, headers=message.headers)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        return reply.status_code


def _is_taken(message: Callback, status: int) -> bool:
    return httpx.codes.is_success(status) if message.taken_by is None else status == message.taken_by


def standard_headers(secret: str | None, *, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """Word the headers of a Standard Webhooks message; without a secret it is not signed."""
    headers = {"content-type": "application/json"}
    if secret is None:
        return headers
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return headers | {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{signature}",
    }
