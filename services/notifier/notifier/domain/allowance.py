"""How much an endpoint may be sent: so many attempts a second and a day, over every process together.

Each attempt has a turn of its own, at a time of its own. One small record an endpoint says from when on turns are
free; a process takes those of a quarter of a second at once, so that busy endpoints cost few writes. Pure.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

BLOCK_S = 0.25
"""A process takes the turns of so long at once, and loses those that it has not used by then."""
DAY_SHARE = 100
"""And at most this part of a day's."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Limits(NamedTuple):
    """Of one endpoint.

    Attributes:
        per_s: Attempts a second, > 0.
        per_day: Attempts a calendar day (UTC), >= 1.
    """

    per_s: float
    per_day: int

    @property
    def spacing(self) -> timedelta:
        """Between two turns."""
        return timedelta(seconds=1 / self.per_s)

    @property
    def block(self) -> int:
        """Turns that are taken at once."""
        return max(1, min(int(self.per_s * BLOCK_S), self.per_day // DAY_SHARE))


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken of one endpoint's limits: the record.

    Attributes:
        free_at: Every turn before is taken.
        used: Turns taken of the day of `free_at`.
    """

    free_at: datetime = LONG_AGO
    used: int = 0


class Turns(NamedTuple):
    """What one process has taken: turns from `next_at` on, at equal distances.

    Attributes:
        until: Later they are not its own any more.
    """

    next_at: datetime
    until: datetime
    n_left: int

    def first(self, now: datetime, limits: Limits) -> "tuple[datetime, Turns] | None":
        """Use the next turn.

        Returns:
            Its time and the turns left; None where there is none.
        """
        at = max(self.next_at, now)
        if self.n_left == 0 or at + limits.spacing > self.until:  # the next process's first turn is at `until`
            return None
        return at, Turns(at + limits.spacing, self.until, self.n_left - 1)


NO_TURNS = Turns(LONG_AGO, LONG_AGO, 0)


def take(allowance: Allowance, limits: Limits, *, now: datetime, lost: Turns = NO_TURNS) -> tuple[Allowance, Turns]:
    """Take the next turns of an endpoint: now, or when its limits allow them, were it tomorrow.

    Args:
        allowance: The record.
        limits: Of the endpoint.
        now: The time.
        lost: What this process took before and has not used in time: its count is given back.

    Returns:
        The record after it, and at least one turn.
    """
    start = max(now, allowance.free_at)
    unused = lost.n_left if _day(lost.until) == _day(start) else 0
    used = max(0, allowance.used - unused) if _day(start) == _day(allowance.free_at) else 0
    if used >= limits.per_day:
        start, used = _next_day(start), 0
    n_turns = min(limits.block, limits.per_day - used)
    until = start + n_turns * limits.spacing
    if _day(until) != _day(start):  # no turn may hide in a day that does not count it
        n_turns, until = 1, start + limits.spacing
    used = used + n_turns if _day(until) == _day(start) else 0
    return Allowance(free_at=until, used=used), Turns(start, until, n_turns)


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def _next_day(at: datetime) -> datetime:
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1)
