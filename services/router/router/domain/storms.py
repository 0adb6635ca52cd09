"""How much of what a tenant orders is tried again: above a share of it, nothing more is. Pure.

When vendors fail everywhere, every job's retries come on top of everybody else's; this stops the storm.
"""

from typing import NamedTuple

import msgspec
from dailies_contracts import Cause, ClipRequested

from router.domain.windows import with_fact

MAX_ORDERS = 100
RECENT_S = 600.0
MIN_ORDERS = 20
"""Of fewer orders no share is worth looking at."""
RETRIES: frozenset[Cause] = frozenset({"retry", "fallback", "rewrite", "hedge"})


class TenantOrder(NamedTuple):
    """One clip ordered for a tenant."""

    key: str
    at_s: float
    is_retry: bool


class TenantRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's newest orders, oldest first."""

    orders: tuple[TenantOrder, ...] = ()


def with_tenant_order(record: TenantRecord, event: ClipRequested) -> TenantRecord:
    """Count one order; counting it again changes nothing."""
    is_retry = event.decision is not None and event.decision.cause in RETRIES
    order = TenantOrder(event.clip_id, event.occurred_at.timestamp(), is_retry)
    orders = with_fact(record.orders, order, size=MAX_ORDERS)
    return record if orders is record.orders else TenantRecord(orders=orders)


def retry_ratio(record: TenantRecord, *, now_s: float) -> float:
    """Give the share of retries among a tenant's recent orders, [0, 1]."""
    recent = [order for order in record.orders if now_s - order.at_s < RECENT_S]
    if len(recent) < MIN_ORDERS:
        return 0.0
    return sum(order.is_retry for order in recent) / len(recent)
