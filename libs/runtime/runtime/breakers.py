"""Breakers: when a model at a vendor is left alone, and when it is tried again, from how its last clips ended. Pure.

The router decides by them and keeps the records (bucket `market`); the gateway shows them.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec

from runtime.failures import AFTER_FAILURE
from runtime.routing_policy import Breaker

GIVEN_UP_AFTER_S = 1_800.0
"""An order without an end is no longer in flight after this: the end of a job's clip never comes so late."""


class Ended(NamedTuple):
    """How one clip ended at the vendor.

    Attributes:
        key: The clip.
        at_s: When, seconds since 1970.
        failure: Kind of its failure, empty where it came, `withdrawn` where it says nothing about the vendor.
        latency_s: How long the vendor took.
    """

    key: str
    at_s: float
    failure: str
    latency_s: float


class Ordered(NamedTuple):
    """One clip that was ordered."""

    key: str
    at_s: float


class HealthRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How the last clips of one model and stage went.

    Attributes:
        ends: The newest ends, oldest first.
        orders: The newest orders, oldest first.
    """

    provider: str
    model: str
    stage: str
    ends: tuple[Ended, ...] = ()
    orders: tuple[Ordered, ...] = ()


class State(NamedTuple):
    """Where a breaker stands.

    Attributes:
        state: `closed`: go on; `open`: leave it alone; `half_open`: one clip may try.
        until_s: When it may be tried again, seconds since 1970; 0 where it is closed.
        failure: Kind of the failure that opened it.
        n_failures: Failures in a row.
    """

    state: Literal["closed", "open", "half_open"]
    until_s: float = 0.0
    failure: str = ""
    n_failures: int = 0


CLOSED = State("closed")


def breaker_of(record: HealthRecord, policy: Breaker, *, now_s: float) -> State:
    """Say whether a model is to be left alone.

    A failure of our account (`auth`, `quota`) opens at once; others open after some in a row, or after fewer where most
    of the recent clips failed. Each failed try doubles the wait.
    """
    counted = [end for end in record.ends if counts(end)]
    streak = _streak(counted)
    if not streak:
        return CLOSED
    last = streak[-1]
    recent = [end for end in counted if now_s - end.at_s < policy.recent_s]
    n_failed = sum(bool(end.failure) for end in recent)
    is_bad = n_failed > policy.min_failures and n_failed >= policy.failure_share * len(recent)
    opens_at = 1 if AFTER_FAILURE[last.failure].opens_at_once else policy.min_failures
    if len(streak) < opens_at and not is_bad:
        return CLOSED
    n_tries = min(max(0, len(streak) - opens_at), 10)
    until_s = last.at_s + min(policy.max_cooldown_s, policy.cooldown_s * 2**n_tries)
    return State("open" if now_s < until_s else "half_open", until_s, last.failure, len(streak))


def is_tried(record: HealthRecord, state: State, *, now_s: float) -> bool:
    """Tell whether a clip is trying a half-open model already."""
    ended = {end.key for end in record.ends}
    opened_s = record.ends[-1].at_s if record.ends else 0.0
    return state.state == "half_open" and any(
        order.at_s > opened_s and order.key not in ended and now_s - order.at_s < GIVEN_UP_AFTER_S
        for order in record.orders
    )


def vendor_breaker(
    own: HealthRecord | None, siblings: Iterable[HealthRecord], policy: Breaker, *, now_s: float
) -> State:
    """Combine a model's own breaker with an account that is refused for every model of the vendor.

    Args:
        own: Of the model and stage; None where it was never asked.
        siblings: Of every model of the vendor, this one among them.
        policy: When to leave a model alone.
        now_s: Seconds since 1970.
    """
    states = [breaker_of(own, policy, now_s=now_s)] if own else []
    for record in siblings:
        state = breaker_of(record, policy, now_s=now_s) if record is not own else CLOSED
        if state.failure and AFTER_FAILURE[state.failure].opens_at_once:
            states.append(state)
    return max(states, key=lambda state: state.until_s, default=CLOSED)


def counts(end: Ended) -> bool:
    """Tell whether an end says something about the vendor: a refused prompt does not."""
    return not end.failure or (end.failure in AFTER_FAILURE and AFTER_FAILURE[end.failure].counts)


def _streak(ends: Sequence[Ended]) -> list[Ended]:
    """Give the failures since the last clip that came, oldest first."""
    streak: list[Ended] = []
    for end in reversed(ends):
        if not end.failure:
            break
        streak.append(end)
    return streak[::-1]
