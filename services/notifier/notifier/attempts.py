"""One attempt at one notification: ask the circuit, wait for a turn, send it inside a span, say what came."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple, Protocol

from opentelemetry.trace import SpanKind
from runtime.clock import Clock
from runtime.metrics import record_webhook_attempt
from runtime.telemetry import inject, span

from notifier.adapters.circuits import Circuits
from notifier.adapters.sender import Sender
from notifier.domain.endpoints import Endpoint, signing_keys
from notifier.domain.notifications import Notification, Topic
from notifier.domain.outcomes import Accepted, Deferred, Failed, Reply
from notifier.domain.payload import body_of, webhook_id
from notifier.domain.signing import InvalidSecret, signed_headers
from notifier.domain.standing import UNSENT

THROTTLED = "webhook.throttled"
"""The reason of a delivery whose turn comes later."""
SHORT_WAIT_S = 1.0
"""A turn that comes so soon is waited for; a later one comes back by timer."""

Turn = Callable[[Endpoint], Awaitable[datetime]]
log = logging.getLogger(__name__)


class Transport(Protocol):
    """Carries one message."""

    async def send(self, notification: Notification, topic: Topic, endpoint: Endpoint, *, number: int) -> Reply:
        """Send a notification once.

        Args:
            notification: What is told.
            topic: What it belongs to.
            endpoint: Who is told.
            number: Of the attempt.
        """
        ...


class Attempted(NamedTuple):
    """One attempt that was made, or was not because its turn has not come."""

    reply: Reply
    at: datetime
    duration_ms: int


class Attempts:
    """Makes attempts."""

    def __init__(self, *, transport: Transport, circuits: Circuits, turn: Turn, clock: Clock) -> None:
        """Take what attempts need.

        Args:
            transport: Sends.
            circuits: Know which endpoints are failing.
            turn: Gives the time of an endpoint's next turn.
            clock: The time.
        """
        self._transport = transport
        self._circuits = circuits
        self._turn = turn
        self._clock = clock

    async def make(
        self, notification: Notification, topic: Topic, endpoint: Endpoint, *, n_failures: int, has_turn: bool = False
    ) -> Attempted:
        """Try once to tell an endpoint one thing.

        Args:
            notification: What is told.
            topic: What it belongs to.
            endpoint: Who is told.
            n_failures: Attempts that have failed so far.
            has_turn: This attempt was put off to its turn, which is now.
        """
        at, started = self._clock(), time.perf_counter()
        if not self._circuits.allows(endpoint.lane):
            reply = Reply(Failed(UNSENT))
        else:
            later = None if has_turn else await self._later(endpoint)
            if later is not None:
                return Attempted(Reply(Deferred(THROTTLED, later)), at, 0)
            at, started = self._clock(), time.perf_counter()
            reply = await self._send(notification, topic, endpoint, n_failures=n_failures)
        duration_ms = int((time.perf_counter() - started) * 1_000)
        record_webhook_attempt(outcome=type(reply.outcome).__name__.lower())
        level = logging.INFO if isinstance(reply.outcome, Accepted) else logging.WARNING
        facts = {
            "endpoint.id": endpoint.id,
            "webhook.type": notification.type,
            "webhook.sequence": notification.sequence,
            "attempt": n_failures + 1,
            "outcome": reply.outcome.code,
        }
        log.log(level, "webhook.attempted", extra=facts)
        return Attempted(reply, at, duration_ms)

    async def _later(self, endpoint: Endpoint) -> datetime | None:
        at = await self._turn(endpoint)
        wait_s = (at - self._clock()).total_seconds()
        if wait_s > SHORT_WAIT_S:
            return at
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        return None

    async def _send(self, notification: Notification, topic: Topic, endpoint: Endpoint, *, n_failures: int) -> Reply:
        if not self._circuits.admit(endpoint.lane):  # it opened while this one waited for its turn
            return Reply(Failed(UNSENT))
        reply = await self._transport.send(notification, topic, endpoint, number=n_failures + 1)
        self._circuits.record(endpoint.lane, reply.outcome)
        return reply


class Webhooks:
    """Signs webhooks and posts them."""

    def __init__(self, *, sender: Sender, clock: Clock, public_url: str) -> None:
        """Take what webhooks need.

        Args:
            sender: Posts.
            clock: The time.
            public_url: The gateway's address as clients see it.
        """
        self._sender = sender
        self._clock = clock
        self._public_url = public_url

    async def send(self, notification: Notification, topic: Topic, endpoint: Endpoint, *, number: int) -> Reply:
        """Post a notification once; see `Transport`."""
        now = self._clock()
        try:
            keys = signing_keys(endpoint.secrets, now=now)
        except InvalidSecret:
            return Reply(Failed("webhook.invalid_secret"))
        if not keys:
            return Reply(Failed("webhook.no_secret"))
        message_id = webhook_id(notification, topic.id, endpoint_id=endpoint.id)
        body = body_of(notification, topic, public_url=self._public_url)
        attributes = {
            "http.request.method": "POST",
            "dailies.webhook.id": message_id,
            "dailies.webhook.type": notification.type,
            "dailies.webhook.attempt": number,
        }
        with span("webhook.deliver", kind=SpanKind.CLIENT, **attributes) as current:
            headers = {**_trace_parent(), **signed_headers(message_id, body, sent_at=now, keys=keys)}
            reply = await self._sender.post(endpoint.url, body, headers)
            current.set_attribute("dailies.webhook.outcome", reply.outcome.code)
        return reply


def _trace_parent() -> dict[str, str]:
    """Give the trace header alone: what else we hand along inside is none of a stranger's business."""
    headers: dict[str, str] = {}
    inject(headers)
    return {name: value for name, value in headers.items() if name == "traceparent"}
