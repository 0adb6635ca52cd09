"""Tell an endpoint again what it was told already: the same id and body, out of order because somebody asked for it."""

import random
from datetime import datetime

import msgspec
from dailies_contracts import REPLAY, Replay, encode_message
from runtime.clock import Clock
from runtime.timers import Timers

from notifier.adapters.topics import Topics
from notifier.attempts import THROTTLED, Attempted, Attempts
from notifier.domain.endpoints import Endpoint
from notifier.domain.outcomes import Deferred, Failed, Schedule
from notifier.reports import Reports


class Replays:
    """Repeats webhooks."""

    def __init__(
        self, *, topics: Topics, attempts: Attempts, reports: Reports, timers: Timers, clock: Clock, schedule: Schedule
    ) -> None:
        """Take what replays need.

        Args:
            topics: What can be told.
            attempts: Make one attempt.
            reports: Write it down.
            timers: The notifier's own.
            clock: The time.
            schedule: When a failed replay is tried again.
        """
        self._topics = topics
        self._attempts = attempts
        self._reports = reports
        self._timers = timers
        self._clock = clock
        self._schedule = schedule

    async def repeat(self, order: Replay, endpoint: Endpoint) -> None:
        """Send one notification again; where that fails, a timer comes back for it.

        Args:
            order: What to send.
            endpoint: Whom to.

        Raises:
            Transient: Try again.
        """
        topic = await self._topics.load(order.topic_id)
        told = topic.notifications if topic else ()
        notification = next((each for each in told if each.sequence == order.sequence), None)
        if topic is None or notification is None or await self._reports.is_off(endpoint):
            await self._timers.cancel(REPLAY, key_of(order))
            return
        attempted = await self._attempts.make(
            notification, topic, endpoint, n_failures=order.n_failures, has_turn=order.has_turn
        )
        next_at = self._next_at(order, attempted)
        if not isinstance(attempted.reply.outcome, Deferred):
            number = order.n_failures + 1
            await self._reports.write(
                notification, topic, endpoint, attempted, number=number, next_at=next_at, replayed=True
            )
        await self._come_back(order, attempted, next_at)

    async def look_after(self, order: Replay, *, at: datetime) -> None:
        """Let a timer repeat this should the process die meanwhile."""
        await self._timers.schedule(REPLAY, key_of(order), at=at, payload=encode_message(order))

    def _next_at(self, order: Replay, attempted: Attempted) -> datetime | None:
        match attempted.reply.outcome:
            case Deferred(until=until):
                return until
            case Failed(retry_after_s=retry_after_s):
                return self._schedule.next_at(
                    order.n_failures + 1,
                    now=self._clock(),
                    retry_after_s=retry_after_s,
                    draw=random.random(),  # noqa: S311 (jitter, not a secret)
                )
            case _:
                return None

    async def _come_back(self, order: Replay, attempted: Attempted, next_at: datetime | None) -> None:
        if next_at is None:
            await self._timers.cancel(REPLAY, key_of(order))
            return
        deferred = attempted.reply.outcome.code == THROTTLED
        n_failures = order.n_failures + (0 if deferred else 1)
        again = msgspec.structs.replace(order, n_failures=n_failures, has_turn=deferred)
        await self._timers.schedule(REPLAY, key_of(again), at=next_at, payload=encode_message(again))


def key_of(order: Replay) -> str:
    """Name an order among the timers."""
    return f"{order.topic_id}-{order.endpoint_id}-{order.sequence}"
