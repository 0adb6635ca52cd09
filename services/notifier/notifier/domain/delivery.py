"""How far one endpoint has been told of one job: one record, one phase a class, and what comes next.

The record is changed by compare-and-set only. Its phase `Held` is the lease that keeps two replicas from telling
the same endpoint at once; a replica that finds it held leaves a mark, and the holder looks again before it rests.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from notifier.domain.endpoints import Endpoint
from notifier.domain.notifications import Notification
from notifier.domain.outcomes import Accepted, Deferred, Failed, Gone, Outcome, Rejected, Schedule


class Phase(msgspec.Struct, frozen=True, kw_only=True, tag_field="phase", omit_defaults=True):
    """What all phases know.

    Attributes:
        told: Sequence of the last notification that is done with; 0: none yet.
        n_failures: Failed attempts at the next one.
    """

    told: int = 0
    n_failures: int = 0


class Idle(Phase, frozen=True, kw_only=True, tag="idle"):
    """Nothing is under way."""


class Held(Phase, frozen=True, kw_only=True, tag="held"):
    """A process is telling.

    Attributes:
        holder: The process.
        until: After this it is presumed dead.
        look_again: Somebody else found a reason to look while it was held.
    """

    holder: str
    until: datetime
    look_again: bool = False


class Waiting(Phase, frozen=True, kw_only=True, tag="waiting"):
    """The last attempt failed.

    Attributes:
        next_at: Time of the next one.
        reason: Why it failed.
    """

    next_at: datetime
    reason: str


class Stopped(Phase, frozen=True, kw_only=True, tag="stopped"):
    """This endpoint is told nothing more of this job, until somebody asks for a replay.

    Attributes:
        at: Since when.
        reason: Why.
    """

    at: datetime
    reason: str


DISABLED = "endpoint.disabled"
"""Why a record is stopped whose endpoint was switched off; it goes on when the endpoint is on again."""

Delivery = Idle | Held | Waiting | Stopped


class Rest(NamedTuple):
    """Nothing to do."""


class Wait(NamedTuple):
    """Look again at a time."""

    until: datetime


class Tell(NamedTuple):
    """Send these, in this order."""

    pending: tuple[Notification, ...]


Step = Rest | Wait | Tell


def next_step(delivery: Delivery, pending: tuple[Notification, ...], *, me: str, now: datetime) -> Step:
    """Decide what to do for an endpoint now.

    Args:
        delivery: Its record for the job.
        pending: What it does not know yet.
        me: This process, which asks only when it is not telling: a record that it holds is left from a failed write.
        now: The time.
    """
    match delivery:
        case Stopped(reason=reason) if reason != DISABLED:
            return Rest()
        case Held(holder=holder, until=until) if holder != me and now < until:
            return Wait(until)
        case Waiting(next_at=next_at) if pending and now < next_at:
            return Wait(next_at)
        case _:
            return Tell(pending) if pending else Rest()


def pending_of(delivery: Delivery, all_: Sequence[Notification], endpoint: Endpoint) -> tuple[Notification, ...]:
    """List what an endpoint wants to know and does not know yet, in order."""
    wanted = tuple(each for each in all_ if each.sequence > delivery.told and endpoint.wants(each))
    return wanted[-1:] if endpoint.latest_only else wanted


def held(delivery: Delivery, *, holder: str, until: datetime) -> Held:
    """Take the record for one process."""
    return Held(told=delivery.told, n_failures=delivery.n_failures, holder=holder, until=until)


class Rules(NamedTuple):
    """How failures are answered.

    Attributes:
        skip_exhausted: Go on with the next notification when one has failed for good; False: stop for this job.
    """

    schedule: Schedule
    skip_exhausted: bool


def after(
    delivery: Held, notification: Notification, outcome: Outcome, *, rules: Rules, now: datetime, draw: float
) -> Delivery:
    """Say what follows from one attempt.

    Args:
        delivery: The record as this process holds it.
        notification: What was sent.
        outcome: What came of it.
        rules: How failures are answered.
        now: The time.
        draw: Random in [0, 1), for the jitter.

    Returns:
        The record to store, still `Held` where the next notification may follow at once.
    """
    done = msgspec.structs.replace(delivery, told=notification.sequence, n_failures=0)
    match outcome:
        case Accepted():
            return done
        case Gone(code) | Rejected(code):
            return Stopped(told=delivery.told, n_failures=delivery.n_failures + 1, at=now, reason=code)
        case Deferred(code, until):
            return Waiting(told=delivery.told, n_failures=delivery.n_failures, next_at=until, reason=code)
        case Failed(code, retry_after_s):
            n_failures = delivery.n_failures + 1
            next_at = rules.schedule.next_at(n_failures, now=now, retry_after_s=retry_after_s, draw=draw)
            if next_at is not None:
                return Waiting(told=delivery.told, n_failures=n_failures, next_at=next_at, reason=code)
            if rules.skip_exhausted:
                return done
            return Stopped(told=delivery.told, n_failures=n_failures, at=now, reason=f"exhausted after {code}")


def resumed(delivery: Delivery) -> Idle | None:
    """Begin again where a delivery waits or has stopped; None where there is nothing to begin again."""
    return Idle(told=delivery.told) if isinstance(delivery, Waiting | Stopped) else None


def released(delivery: Held) -> Idle:
    """Give the record back."""
    return Idle(told=delivery.told, n_failures=delivery.n_failures)
