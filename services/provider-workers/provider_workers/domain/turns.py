"""Whose turn it is when a vendor's slots are scarce: the tenant that holds the fewest goes first.

A tenant with five hundred clips and one with two share the slots evenly for as long as both wait.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that holds a slot, or wants one."""

    clip_id: str
    job_id: str
    tenant_id: str
    model: str


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that was told to wait.

    Attributes:
        since: When it first asked.
    """

    claim: Claim
    since: datetime


def may_take(tenant_id: str, *, n_held: Mapping[str, int], waiting: Iterable[Waiting]) -> bool:
    """Tell whether a tenant may take a free slot now.

    Args:
        tenant_id: Who asks.
        n_held: Slots by tenant.
        waiting: Every clip that waits; those of the tenant itself do not matter.

    Returns:
        True where no other tenant with fewer slots waits.
    """
    others = {each.claim.tenant_id for each in waiting} - {tenant_id}
    return all(n_held.get(tenant_id, 0) <= n_held.get(other, 0) for other in others)


def next_in_line(waiting: Iterable[Waiting], *, n_held: Mapping[str, int]) -> Claim | None:
    """Choose who gets the next free slot: of the tenant with the fewest, the clip that has waited longest."""
    first = min(waiting, key=lambda each: (n_held.get(each.claim.tenant_id, 0), each.since), default=None)
    return None if first is None else first.claim
