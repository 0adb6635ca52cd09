"""How a model at a vendor is doing: folded from how its last clips ended. Pure.

Whether it is to be left alone say the breakers (`runtime.breakers`).
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec
from runtime.breakers import GIVEN_UP_AFTER_S, Ended, HealthRecord, Ordered, counts
from runtime.routing_policy import Breaker

from router.domain.windows import with_fact

MAX_ENDS = 48
MAX_ORDERS = 64
"""More clips than this in flight or waiting at one model: they look like this many."""
SUCCESS_BEFORE = 0.95
CLIPS_BEFORE = 5.0
"""What is believed of a model that was never asked: 95 % of its clips come, which counts as much as 5 clips."""
MEMORY = 0.9
MEMORY_S = 3_600.0
"""An end counts 90 % of the one after it, and half after an hour."""
MIN_LATENCIES = 5
"""Fewer clips than this say little about how long a model takes."""


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


def _without_outages(ends: Sequence[Ended], min_failures: int) -> Iterator[Ended]:
    counted = (end for end in ends if counts(end))
    for failed, group in groupby(counted, key=lambda end: bool(end.failure)):
        run = list(group)
        if not failed or len(run) < min_failures:
            yield from run
