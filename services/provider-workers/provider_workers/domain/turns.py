"""Whose turn it is where slots are scarce: clips of batches last, then the tenant that holds the fewest first.

A tenant with five hundred clips and one with two share the slots evenly for as long as both wait.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that holds a slot, or wants one.

    Attributes:
        in_batch: It lets the clips of single jobs go first.
    """

    clip_id: str
    job_id: str
    tenant_id: str
    model: str
    in_batch: bool = False


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that was told to wait.

    Attributes:
        since: When it first asked.
    """

    claim: Claim
    since: datetime


def may_take(claim: Claim, *, n_held: Mapping[str, int], waiting: Iterable[Waiting]) -> bool:
    """Tell whether a clip may take a free slot now.

    Args:
        claim: The clip that asks.
        n_held: Slots by tenant.
        waiting: Every clip that waits; those of the same tenant and kind do not matter.

    Returns:
        True where nobody waits that goes before it: no clip of a single job before one of a batch, and of the same kind
        none of a tenant with fewer slots.
    """
    mine = (claim.in_batch, n_held.get(claim.tenant_id, 0))
    others = (each.claim for each in waiting if each.claim.clip_id != claim.clip_id)
    return all(
        mine <= (other.in_batch, n_held.get(other.tenant_id, 0))
        for other in others
        if (other.tenant_id, other.in_batch) != (claim.tenant_id, claim.in_batch)
    )


def next_in_line(waiting: Iterable[Waiting], *, n_held: Mapping[str, int]) -> Claim | None:
    """Choose who gets the next free slot: of the tenant with the fewest, the clip that has waited longest."""

    def rank(each: Waiting) -> tuple[bool, int, datetime]:
        return each.claim.in_batch, n_held.get(each.claim.tenant_id, 0), each.since

    first = min(waiting, key=rank, default=None)
    return None if first is None else first.claim
