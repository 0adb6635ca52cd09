"""How long to wait before each next look: the only place with waiting times of the worker."""

from datetime import timedelta
from typing import NamedTuple

FIRST_POLL_SHARE = 0.25
"""The first poll comes after this share of the catalogue's interval, each next one after the whole of it.

Google, Runway and MiniMax ask for so long between two polls; a fast draft is done before.
"""
MAX_DOUBLINGS = 12
SLOT_WAIT_S = 10.0
"""A waiting clip is called when its turn comes; it asks by itself in case the call got lost with its caller."""
SLOT_PATIENCE = 3
"""A waiting clip that did not ask again for so many waits is forgotten."""
REFUSAL_WAIT_S = 2.0
"""Vendors without Retry-After ask for at least a second, growing (Kling, read 2026-11-22)."""
MAX_REFUSAL_WAIT_S = 60.0
"""A vendor that wants a longer pause loses the clip to another vendor."""
WATCH_S = 60.0
MAX_WATCH_S = 1_800.0
"""A task given up is looked at ever more rarely, down to twice an hour."""
FRESH_S = 5.0
"""A submit that could not begin so soon after its intent does not begin at all: somebody may look it up already."""


class Pace(NamedTuple):
    """The waiting times of one vendor.

    Attributes:
        poll_s: Time between two polls, from the catalogue.
        reconcile_s: How long an unknown outcome is looked up, from the catalogue.
        submit_timeout_s: A submit ends after this, one way or the other.
        visible_after_s: A task that was accepted can be looked up after this.
        watch_limit_s: A task given up is watched for so long.
        scale: Factor on every waiting time that is about the vendor's own pace; 1 for a real vendor.
    """

    poll_s: float
    reconcile_s: float
    submit_timeout_s: float
    visible_after_s: float
    watch_limit_s: float
    scale: float = 1.0

    def next_poll(self, n: int) -> timedelta:
        """Wait before the poll after `n` polls."""
        return timedelta(seconds=self.poll_s * (1.0 if n else FIRST_POLL_SHARE) * self.scale)

    def next_watch(self, n: int) -> timedelta:
        """Wait before the look after `n` looks at a task that was given up."""
        return timedelta(seconds=min(MAX_WATCH_S, WATCH_S * 2 ** min(n, MAX_DOUBLINGS)) * self.scale)

    @property
    def slot_memory_s(self) -> float:
        """How long a waiting clip keeps its place in the line without asking again, in seconds, >= 1."""
        return max(1.0, self.for_slot.total_seconds() * SLOT_PATIENCE)

    @property
    def for_slot(self) -> timedelta:
        """Wait before asking for a slot again."""
        return timedelta(seconds=SLOT_WAIT_S * self.scale)

    def after_refusal(self, n_refusals: int, retry_after_s: float | None) -> timedelta | None:
        """Wait before the submit after `n_refusals` refusals; None where the vendor asks for too long.

        Args:
            n_refusals: Counted from 1.
            retry_after_s: What the vendor asked for, if it did: never scaled.
        """
        if retry_after_s is None:
            return timedelta(seconds=REFUSAL_WAIT_S * 2 ** (n_refusals - 1) * self.scale)
        return timedelta(seconds=retry_after_s) if retry_after_s <= MAX_REFUSAL_WAIT_S else None

    @property
    def settled_after(self) -> timedelta:
        """Time after an intent when the submit has surely ended and an accepted task can be looked up."""
        return timedelta(seconds=FRESH_S + self.submit_timeout_s + self.visible_after_s)

    @property
    def window(self) -> timedelta:
        """Time after an intent when an unknown outcome counts as unknown."""
        return max(timedelta(seconds=self.reconcile_s * self.scale), self.settled_after)

    @property
    def watch_limit(self) -> timedelta:
        """Time after a clip was given up when it is left to a person."""
        return timedelta(seconds=self.watch_limit_s)
