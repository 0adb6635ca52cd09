"""How a model at a vendor is doing: folded from how its last clips ended. Pure.

The breaker says when a model is left alone, and when it is tried again.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

import msgspec
from runtime.routing_policy import Breaker

from router.domain.failures import AFTER_FAILURE
from router.domain.windows import with_fact

MAX_ENDS = 48
MAX_ORDERS = 64
"""More clips than this in flight or waiting at one model: they look like this many."""
GIVEN_UP_AFTER_S = 1_800.0
"""An order without an end is no longer in flight after this: the end of a job's clip never comes so late."""
SUCCESS_BEFORE = 0.95
CLIPS_BEFORE = 5.0
"""What is believed of a model that was never asked: 95 % of its clips come, which counts as much as 5 clips."""
MEMORY = 0.9
MEMORY_S = 3_600.0
"""An end counts 90 % of the one after it, and half after an hour."""
MIN_LATENCIES = 5
"""Fewer clips than this say little about how long a model takes."""


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


def with_end(record: HealthRecord, end: Ended) -> HealthRecord:
    """Learn how one clip ended; learning it again changes nothing."""
    ends = with_fact(record.ends, end, size=MAX_ENDS)
    return record if ends is record.ends else msgspec.structs.replace(record, ends=ends)


def with_order(record: HealthRecord, order: Ordered) -> HealthRecord:
    """Learn that a clip was ordered; learning it again changes nothing."""
    orders = with_fact(record.orders, order, size=MAX_ORDERS)
    return record if orders is record.orders else msgspec.structs.replace(record, orders=orders)


def in_flight(record: HealthRecord, *, now_s: float) -> int:
    """Count the clips that were ordered and have not ended; those of one request count once."""
    ended = {end.key for end in record.ends}
    since_s = now_s - GIVEN_UP_AFTER_S
    return sum([order.at_s > since_s and order.key not in ended for order in record.orders])


def breaker_of(record: HealthRecord, policy: Breaker, *, now_s: float) -> State:
    """Say whether a model is to be left alone.

    A failure of our account (`auth`, `quota`) opens at once; others open after some in a row, or after fewer where most
    of the recent clips failed. Each failed try doubles the wait.
    """
    counted = [end for end in record.ends if _counts(end)]
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


def success_of(record: HealthRecord | None, policy: Breaker, *, now_s: float) -> float:
    """Give the probability that a clip comes, refusals aside; an outage that is over is forgiven."""
    n, came, share = CLIPS_BEFORE, CLIPS_BEFORE * SUCCESS_BEFORE, 1.0
    for end in reversed(list(_without_outages(record.ends if record else (), policy.min_failures))):
        weight = share * 0.5 ** (max(0.0, now_s - end.at_s) / MEMORY_S)
        n += weight
        came += weight * (not end.failure)
        share *= MEMORY
    return came / n


def latency_s(record: HealthRecord | None, quantile: float, *, before: float) -> float:
    """Give a quantile of the time that clips took, seconds.

    Args:
        record: How the last clips went.
        quantile: [0, 1].
        before: What to expect while only few clips came.
    """
    took = sorted(end.latency_s for end in record.ends if not end.failure) if record else []
    if len(took) < MIN_LATENCIES:
        return before
    return took[min(len(took) - 1, int(quantile * len(took)))]


def _counts(end: Ended) -> bool:
    return not end.failure or (end.failure in AFTER_FAILURE and AFTER_FAILURE[end.failure].counts)


def _streak(ends: Sequence[Ended]) -> list[Ended]:
    """Give the failures since the last clip that came, oldest first."""
    streak: list[Ended] = []
    for end in reversed(ends):
        if not end.failure:
            break
        streak.append(end)
    return streak[::-1]


def _without_outages(ends: Sequence[Ended], min_failures: int) -> Iterator[Ended]:
    counted = (end for end in ends if _counts(end))
    for failed, group in groupby(counted, key=lambda end: bool(end.failure)):
        run = list(group)
        if not failed or len(run) < min_failures:
            yield from run
