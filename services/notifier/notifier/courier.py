"""Tell one endpoint what it does not know yet of one job: load, decide, send, record.

Level-triggered: a call says only "look", never what to send, so calls may be lost, repeated and late. The record is
written after the endpoint's answer; a crash in between repeats the webhook with the same id.
"""

import logging
import random
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from dailies_contracts import AnyEvent, JobRequested
from runtime.clock import Clock
from runtime.errors import ConcurrencyConflict, InvariantBroken, Transient
from runtime.log import EventLog
from runtime.timers import Timers

from notifier.adapters.records import Deliveries, DisabledEndpoints, Stored
from notifier.attempts import Attempts
from notifier.domain.delivery import (
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
)
from notifier.domain.endpoints import Endpoint
from notifier.domain.notifications import Notification, notifications
from notifier.domain.outcomes import Gone, Outcome

RETRY = "retry"
"""The timer of the next attempt."""
LOOK_AGAIN = "look_again"
"""The timer of everything else; apart from RETRY, so that neither replaces the other."""
MAX_ROUNDS = 8
"""Two processes that keep disturbing each other come back later."""

log = logging.getLogger(__name__)


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be told of what: the payload of the timers."""

    job_id: str
    endpoint_id: str

    @property
    def key(self) -> str:
        """Names it among the timers; one subject token."""
        return f"{self.job_id}-{self.endpoint_id}"


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

    job_id: str
    endpoint: Endpoint
    requested: JobRequested
    pending: tuple[Notification, ...]


class Courier:
    """Carries notifications to endpoints."""

    def __init__(
        self,
        *,
        log: EventLog,
        deliveries: Deliveries,
        disabled: DisabledEndpoints,
        attempts: Attempts,
        timers: Timers,
        clock: Clock,
        lease: Lease,
        rules: Rules,
    ) -> None:
        self._log = log
        self._deliveries = deliveries
        self._disabled = disabled
        self._attempts = attempts
        self._timers = timers
        self._clock = clock
        self._lease = lease
        self._rules = rules

    async def deliver(self, job_id: str, endpoint: Endpoint, facts: frozenset[str]) -> None:
        """Tell an endpoint everything about a job that it does not know yet, as far as it takes it now.

        Args:
            job_id: The job.
            endpoint: Who is told.
            facts: Ids of facts that gave the reason to look: a history without them is too old.

        Raises:
            Transient: Look again.
        """
        for _ in range(MAX_ROUNDS):
            if not await self._look(job_id, endpoint, facts):
                return
        raise Transient("delivery.contended", endpoint.id, retry_after_s=1.0)

    async def _look(self, job_id: str, endpoint: Endpoint, facts: frozenset[str]) -> bool:
        stored = await self._deliveries.load(job_id, endpoint.id)
        if isinstance(stored.delivery, Stopped):
            return False
        history = await self._log.history(job_id)
        _refuse_old(history.events, facts)
        pending = pending_of(stored.delivery, notifications(history.events), endpoint)
        step = next_step(stored.delivery, pending, me=self._lease.holder, now=self._clock())
        try:
            match step:
                case Rest():
                    return False
                case Wait(until):
                    await self._wait(job_id, endpoint, stored, until)
                    return False
                case Tell(pending):
                    requested = history.first(JobRequested)
                    if requested is None:
                        raise InvariantBroken("notifications.without_request", job_id)
                    return await self._tell(_Round(job_id, endpoint, requested, pending), stored)
        except ConcurrencyConflict:
            return True

    async def _wait(self, job_id: str, endpoint: Endpoint, stored: Stored, until: datetime) -> None:
        if isinstance(stored.delivery, Held) and not stored.delivery.look_again:
            marked = msgspec.structs.replace(stored.delivery, look_again=True)
            await self._deliveries.save(job_id, endpoint.id, marked, revision=stored.revision)
        name = RETRY if isinstance(stored.delivery, Waiting) else LOOK_AGAIN
        await self._schedule(name, job_id, endpoint, until)

    async def _tell(self, look: _Round, stored: Stored) -> bool:
        if await self._disabled.holds(look.endpoint.id):
            stopped = Stopped(told=stored.delivery.told, at=self._clock(), reason="endpoint.disabled")
            await self._save(look, stopped, stored.revision)
            return False
        mine = held(stored.delivery, holder=self._lease.holder, until=self._lease_end())
        stored = await self._save(look, mine, stored.revision)
        look_again = False
        for notification in look.pending:
            outcome = await self._attempts.make(notification, look.requested, look.endpoint, n_failures=mine.n_failures)
            following = self._following(mine, notification, outcome, last=notification is look.pending[-1])
            stored, marked = await self._advance(look, following, stored)
            look_again = look_again or marked
            if not isinstance(following, Held):
                await self._close(look, following, outcome)
                break
            mine = following
        return look_again

    def _following(self, mine: Held, notification: Notification, outcome: Outcome, *, last: bool) -> Delivery:
        following = after(
            mine,
            notification,
            outcome,
            rules=self._rules,
            now=self._clock(),
            draw=random.random(),  # noqa: S311 (jitter, not a secret)
        )
        if not isinstance(following, Held):
            return following
        return released(following) if last else msgspec.structs.replace(following, until=self._lease_end())

    async def _advance(self, look: _Round, following: Delivery, stored: Stored) -> tuple[Stored, bool]:
        """Write what follows; over a mark that somebody left meanwhile, which is handed back as True."""
        try:
            return await self._save(look, following, stored.revision), False
        except ConcurrencyConflict:
            found = await self._deliveries.load(look.job_id, look.endpoint.id)
            if not (isinstance(found.delivery, Held) and found.delivery.holder == self._lease.holder):
                raise  # we were presumed dead and somebody else goes on
            return await self._save(look, following, found.revision), True

    async def _close(self, look: _Round, delivery: Delivery, outcome: Outcome) -> None:
        match delivery:
            case Waiting():
                await self._schedule(RETRY, look.job_id, look.endpoint, delivery.next_at)
            case Stopped(reason=reason):
                log.warning("webhook.stopped", extra={"endpoint.id": look.endpoint.id, "reason": reason})
            case _:
                pass
        if isinstance(outcome, Gone):
            await self._disabled.add(look.endpoint.id, reason=outcome.code, registered=look.endpoint.registered)

    async def _schedule(self, name: str, job_id: str, endpoint: Endpoint, at: datetime) -> None:
        errand = Errand(job_id=job_id, endpoint_id=endpoint.id)
        await self._timers.schedule(name, errand.key, at=at, payload=msgspec.json.encode(errand))

    async def _save(self, look: _Round, delivery: Delivery, revision: int) -> Stored:
        return await self._deliveries.save(look.job_id, look.endpoint.id, delivery, revision=revision)

    def _lease_end(self) -> datetime:
        return self._clock() + timedelta(seconds=self._lease.lasts_s)


def _refuse_old(events: tuple[AnyEvent, ...], facts: frozenset[str]) -> None:
    """Refuse a history from a replica that does not have yet what we were told of."""
    if facts and not facts <= {event.id for event in events}:
        raise Transient("log.behind", "the history lacks the fact that it was read for", retry_after_s=0.2)
