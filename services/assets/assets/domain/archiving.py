"""When the facts of a job may leave the stream. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from dailies_contracts import (
    TERMINAL_EVENTS,
    AnyEvent,
    AssetDeleted,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipReused,
    ClipSettled,
    JobRequested,
)

Reason = Literal["never_requested", "running", "clip_open", "outcome_unknown", "recent", "not_handled", "timer_set"]
"""Why a job stays in the stream; in the order in which they are looked for."""


class Gate(NamedTuple):
    """What may leave the stream.

    Attributes:
        before: Facts that were written before this time.
        handled: Facts up to this sequence: every consumer of the stream has acknowledged them.
    """

    before: datetime
    handled: int

    def lets_go(self, *, written_at: datetime, sequence: int) -> bool:
        """Tell whether one fact may leave."""
        return written_at < self.before and sequence <= self.handled


def kept_by(events: Sequence[AnyEvent]) -> Reason | None:
    """Say why a job stays in the stream whatever the time; None: it may leave.

    Args:
        events: Its whole history.
    """
    if not any(isinstance(event, JobRequested) for event in events):
        return "never_requested"
    if not any(isinstance(event, TERMINAL_EVENTS) for event in events):
        return "running"
    came = {event.clip_id for event in events if isinstance(event, ClipReady)}
    failed = {event.clip_id: event for event in events if isinstance(event, ClipFailed)}
    settled = {event.clip_id for event in events if isinstance(event, ClipSettled)}
    ordered = {event.clip_id for event in events if isinstance(event, ClipRequested)}
    if ordered - came - failed.keys() - settled:
        return "clip_open"
    if any(event.may_still_bill and clip_id not in settled for clip_id, event in failed.items()):
        return "outcome_unknown"
    return None


def is_erased(events: Sequence[AnyEvent]) -> bool:
    """Tell whether every file that the job ever had was deleted on request."""
    late = {event.clip_id for event in events if isinstance(event, ClipSettled) and event.asset is not None}
    had = {event.clip_id for event in events if isinstance(event, ClipReady | ClipReused)} | late
    return bool(had) and had <= {event.clip_id for event in events if isinstance(event, AssetDeleted)}
