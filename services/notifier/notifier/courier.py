"""Tell one endpoint what it does not know yet of one job: load, decide, send, record.

Level-triggered: a call says only "look", never what to send, so calls may be lost, repeated and late. The record is
written after the endpoint's answer; a crash in between repeats the webhook with the same id.
"""

import logging
import random
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from runtime.clock import Clock
from runtime.errors import ConcurrencyConflict, Transient
from runtime.timers import Timers

from notifier.adapters.records import Deliveries, Stored
from notifier.adapters.topics import Topics
from notifier.attempts import THROTTLED, Attempts
from notifier.domain.delivery import (
    DISABLED,
    Delivery,
    Held,
    Rest,
    Rules,
    Stopped,
    Tell,
    Wait,
    Waiting,
    after,
    held,
    next_step,
    pending_of,
    released,
    resumed,
)
from notifier.domain.endpoints import Endpoint
from notifier.domain.notifications import Notification, Topic
from notifier.domain.outcomes import Deferred, Outcome, Schedule
from notifier.reports import Reports

MAX_ROUNDS = 8
"""Two processes that keep disturbing each other come back later."""
ONCE = Schedule((), jitter=0.0)
"""Somebody asked for it by name: they see what comes of it, and may ask again."""

log = logging.getLogger(__name__)


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be told of what: the payload of the timers.

    Attributes:
        job_id: The job, or the notice.
    """

    job_id: str
    endpoint_id: str

    @property
    def key(self) -> str:
        """Names it among the timers; one subject token."""
        return f"{self.job_id}-{self.endpoint_id}"


class TimerNames(NamedTuple):
    """The timers of one kind of receivers.

    Attributes:
        retry: Of the next attempt.
        look_again: Of everything else; apart from `retry`, so that neither replaces the other.
    """

    retry: str
    look_again: str


OF_ENDPOINTS = TimerNames("retry", "look_again")
OF_PEOPLE = TimerNames("retry_people", "look_again_people")


class Lease(NamedTuple):
    """How a record is taken.

    Attributes:
        holder: This process.
        lasts_s: A process that has not come back after so long is presumed dead; longer than one attempt.
    """

    holder: str
    lasts_s: float


class _Round(NamedTuple):
    """One look at one errand."""

    topic: Topic
    endpoint: Endpoint
    pending: tuple[Notification, ...]
    rules: Rules


class Courier:
    """Carries notifications to endpoints."""

    def __init__(
        self,
        *,
        topics: Topics,
        deliveries: Deliveries,
        attempts: Attempts,
        reports: Reports,
        timers: Timers,
        clock: Clock,
        lease: Lease,
        rules: Rules,
        names: TimerNames,
    ) -> None:
        self._topics = topics
        self._deliveries = deliveries
        self._attempts = attempts
        self._reports = reports
        self._timers = timers
        self._clock = clock
        self._lease = lease
        self._rules = rules
        self._names = names

    async def deliver(self, topic_id: str, endpoint: Endpoint, facts: frozenset[str]) -> None:
        """Tell an endpoint everything about a job that it does not know yet, as far as it takes it now.

        Args:
            topic_id: The job, or the notice.
            endpoint: Who is told.
            facts: Ids of facts that gave the reason to look: a history without them is too old.

        Raises:
            Transient: Look again.
        """
        for _ in range(MAX_ROUNDS):
            if not await self._look(topic_id, endpoint, facts):
                return
        raise Transient("delivery.contended", endpoint.id, retry_after_s=1.0)

    async def begin_again(self, topic_id: str, endpoint: Endpoint, *, sequence: int) -> bool:
        """Let a delivery that waits or was given up go on now.

        Args:
            topic_id: The job, or the notice.
            endpoint: Whose delivery.
            sequence: What somebody wants to have told again.

        Returns:
            False where the endpoint was told this one already, or is being told it.
        """
        stored = await self._deliveries.load(topic_id, endpoint.id)
        again = resumed(stored.delivery) if sequence > stored.delivery.told else None
        if again is not None:
            await self._deliveries.save(topic_id, endpoint.id, again, revision=stored.revision)
        return sequence > stored.delivery.told

    async def _look(self, topic_id: str, endpoint: Endpoint, facts: frozenset[str]) -> bool:
        stored = await self._deliveries.load(topic_id, endpoint.id)
        if isinstance(stored.delivery, Stopped) and (
            stored.delivery.reason != DISABLED or await self._reports.is_off(endpoint)
        ):
            return False
        topic = await self._topics.load(topic_id, facts=facts)
        if topic is None:
            return False
        pending = pending_of(stored.delivery, topic.notifications, endpoint)
        step = next_step(stored.delivery, pending, me=self._lease.holder, now=self._clock())
        try:
            match step:
                case Rest():
                    return False
                case Wait(until):
                    await self._wait(topic_id, endpoint, stored, until)
                    return False
                case Tell(pending):
                    rules = self._rules._replace(schedule=ONCE) if endpoint.forced else self._rules
                    return await self._tell(_Round(topic, endpoint, pending, rules), stored)
        except ConcurrencyConflict:
            return True

    async def _wait(self, topic_id: str, endpoint: Endpoint, stored: Stored, until: datetime) -> None:
        if isinstance(stored.delivery, Held) and not stored.delivery.look_again:
            marked = msgspec.structs.replace(stored.delivery, look_again=True)
            await self._deliveries.save(topic_id, endpoint.id, marked, revision=stored.revision)
        name = self._names.retry if isinstance(stored.delivery, Waiting) else self._names.look_again
        await self._schedule(name, topic_id, endpoint, until)

    async def _tell(self, look: _Round, stored: Stored) -> bool:
        before = stored.delivery
        if await self._reports.is_off(look.endpoint):
            await self._save(look, Stopped(told=before.told, at=self._clock(), reason=DISABLED), stored.revision)
            return False
        mine = held(before, holder=self._lease.holder, until=self._lease_end())
        stored = await self._save(look, mine, stored.revision)
        if isinstance(before, Held) and before.holder != self._lease.holder:
            number = before.n_failures + 1
            await self._reports.write_interrupted(look.pending[0], look.topic, look.endpoint, number=number)
        has_turn = isinstance(before, Waiting) and before.reason == THROTTLED
        look_again = False
        for notification in look.pending:
            following = await self._attempt(look, mine, notification, has_turn=has_turn)
            has_turn = False
            stored, marked = await self._advance(look, following, stored)
            look_again = look_again or marked
            if not isinstance(following, Held):
                await self._close(look, following)
                break
            mine = following
        return look_again

    async def _attempt(self, look: _Round, mine: Held, notification: Notification, *, has_turn: bool) -> Delivery:
        """Make one attempt, write it down, and say what follows from it."""
        attempted = await self._attempts.make(
            notification, look.topic, look.endpoint, n_failures=mine.n_failures, has_turn=has_turn
        )
        outcome = attempted.reply.outcome
        following = self._following(look, mine, notification, outcome)
        if not isinstance(outcome, Deferred):
            await self._reports.write(
                notification,
                look.topic,
                look.endpoint,
                attempted,
                number=mine.n_failures + 1,
                next_at=following.next_at if isinstance(following, Waiting) else None,
            )
        return following

    def _following(self, look: _Round, mine: Held, notification: Notification, outcome: Outcome) -> Delivery:
        following = after(
            mine,
            notification,
            outcome,
            rules=look.rules,
            now=self._clock(),
            draw=random.random(),  # noqa: S311 (jitter, not a secret)
        )
        if not isinstance(following, Held):
            return following
        is_last = notification is look.pending[-1]
        return released(following) if is_last else msgspec.structs.replace(following, until=self._lease_end())

    async def _advance(self, look: _Round, following: Delivery, stored: Stored) -> tuple[Stored, bool]:
        """Write what follows; over a mark that somebody left meanwhile, which is handed back as True."""
        try:
            return await self._save(look, following, stored.revision), False
        except ConcurrencyConflict:
            found = await self._deliveries.load(look.topic.id, look.endpoint.id)
            if not (isinstance(found.delivery, Held) and found.delivery.holder == self._lease.holder):
                raise  # we were presumed dead and somebody else goes on
            return await self._save(look, following, found.revision), True

    async def _close(self, look: _Round, delivery: Delivery) -> None:
        match delivery:
            case Waiting():
                await self._schedule(self._names.retry, look.topic.id, look.endpoint, delivery.next_at)
            case Stopped(reason=reason):
                log.warning("webhook.stopped", extra={"endpoint.id": look.endpoint.id, "reason": reason})
            case _:
                pass

    async def _schedule(self, name: str, topic_id: str, endpoint: Endpoint, at: datetime) -> None:
        errand = Errand(job_id=topic_id, endpoint_id=endpoint.id)
        await self._timers.schedule(name, errand.key, at=at, payload=msgspec.json.encode(errand))

    async def _save(self, look: _Round, delivery: Delivery, revision: int) -> Stored:
        return await self._deliveries.save(look.topic.id, look.endpoint.id, delivery, revision=revision)

    def _lease_end(self) -> datetime:
        return self._clock() + timedelta(seconds=self._lease.lasts_s)
