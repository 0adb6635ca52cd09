"""Budgets of a tenant: its limits, what it has spent and set aside per period, and how far it has come. Pure.

The router keeps the sums (bucket `budgets`, key `tenant.<tenant_id>`), the gateway the limits (bucket `tenants`); both
read the other's by these types. Days and months are UTC. A clip counts in the day in which its hold was taken,
whenever its charge becomes known (docs/decisions/0013-budget-periods.md).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

Scope = Literal["day", "month", "total"]
SCOPES: tuple[Scope, ...] = ("day", "month", "total")
Percent = Literal[50, 80, 100]
THRESHOLDS: tuple[Percent, ...] = (50, 80, 100)
TOTAL = "total"
KEPT = timedelta(days=3)
"""A period that ended so long ago and holds nothing is forgotten; longer than any two clocks differ."""


class Sums(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is spent and set aside, micro-dollars."""

    spent_usd_micros: int = 0
    held_usd_micros: int = 0

    @property
    def used_usd_micros(self) -> int:
        """Spent and set aside together: what a limit bounds."""
        return self.spent_usd_micros + self.held_usd_micros

    def plus(self, spent_usd_micros: int, held_usd_micros: int) -> "Sums":
        """Give the sums after a change."""
        return Sums(
            spent_usd_micros=self.spent_usd_micros + spent_usd_micros,
            held_usd_micros=self.held_usd_micros + held_usd_micros,
        )


class Limits(NamedTuple):
    """What a tenant may use per day, per month and in total, micro-dollars; None: as much as it likes."""

    day: int | None = None
    month: int | None = None
    total: int | None = None

    def of(self, period: str) -> int | None:
        """Give the limit of a day, of a month, or of all time (`total`)."""
        if period == TOTAL:
            return self.total
        return self.month if len(period) == len("2026-11") else self.day


class TenantSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The limits among a tenant's settings; None: the catalogue's default."""

    budget_usd_micros: int | None = None
    day_budget_usd_micros: int | None = None
    month_budget_usd_micros: int | None = None

    def limits(self, defaults: Limits) -> Limits:
        """Give what applies."""
        own = Limits(self.day_budget_usd_micros, self.month_budget_usd_micros, self.budget_usd_micros)
        return Limits(*(default if limit is None else limit for limit, default in zip(own, defaults, strict=True)))


class TenantSums(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant has spent and set aside.

    Attributes:
        spent_usd_micros: Of all time.
        held_usd_micros: Of all time.
        periods: By day (2026-11-27) and by month (2026-11); those long over are left out.
    """

    spent_usd_micros: int = 0
    held_usd_micros: int = 0
    periods: dict[str, Sums] = {}

    def of(self, period: str) -> Sums:
        """Give the sums of a day, of a month, or of all time (`total`)."""
        if period == TOTAL:
            return Sums(spent_usd_micros=self.spent_usd_micros, held_usd_micros=self.held_usd_micros)
        return self.periods.get(period, Sums())


class Standing(NamedTuple):
    """How far a tenant has come with one budget.

    Attributes:
        period: The day, the month, or `total`.
        limit_usd_micros: None: there is no limit.
    """

    scope: Scope
    period: str
    limit_usd_micros: int | None
    sums: Sums

    @property
    def left_usd_micros(self) -> int | None:
        """What may still be set aside; negative where the limit was lowered, None where there is none."""
        return None if self.limit_usd_micros is None else self.limit_usd_micros - self.sums.used_usd_micros

    def reached(self) -> tuple[Percent, ...]:
        """Give the thresholds that are reached."""
        used, limit = self.sums.used_usd_micros, self.limit_usd_micros
        if limit is None or used <= 0:
            return ()
        return tuple(percent for percent in THRESHOLDS if used * 100 >= limit * percent)


def standings(sums: TenantSums, limits: Limits, day: str) -> tuple[Standing, ...]:
    """Say how far a tenant has come on a day: with the budgets of the day, of its month, and of all time."""
    periods = (*periods_of(day), TOTAL)
    each = zip(SCOPES, periods, limits, strict=True)
    return tuple(Standing(scope, period, limit, sums.of(period)) for scope, period, limit in each)


def day_of(at: datetime) -> str:
    """Name the UTC day of a time, for example `2026-11-27`."""
    return at.astimezone(UTC).date().isoformat()


def periods_of(day: str) -> tuple[str, ...]:
    """Name the day and its month; nothing for a day that is not known."""
    return (day, day[: len("2026-11")]) if day else ()


def kept(periods: Mapping[str, Sums], today: str) -> dict[str, Sums]:
    """Leave out the periods that are over for some days and hold nothing."""
    oldest = (date.fromisoformat(today) - KEPT).isoformat()
    return dict(_still_needed(periods, oldest))


def _still_needed(periods: Mapping[str, Sums], oldest: str) -> Iterator[tuple[str, Sums]]:
    for period in sorted(periods):
        # A month is as new as its newest day: compared at its own length.
        if periods[period].held_usd_micros or period >= oldest[: len(period)]:
            yield period, periods[period]
