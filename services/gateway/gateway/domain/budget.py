"""What a tenant may spend, has spent and has set aside: `GET /v1/budget`."""

from collections.abc import Iterable
from datetime import datetime

from dailies_contracts import BudgetThresholdReached
from runtime.budgets import THRESHOLDS, Limits, Percent, Scope, Standing, TenantSums, day_of, standings

from gateway.domain.job import Part
from gateway.domain.times import shown_at


class Alert(Part, frozen=True, kw_only=True):
    """One threshold of a budget.

    Attributes:
        reached: Spent and held are at or above it now.
        told_at: When it was reached first, as the webhook `budget.threshold` said; null where it never was.
    """

    percent: Percent
    reached: bool
    told_at: datetime | None


class BudgetPart(Part, frozen=True, kw_only=True):
    """The budget of one period.

    Attributes:
        period: The UTC day (2026-11-27), the UTC month (2026-11), or `total`.
        limit_usd_micros: Null: there is no limit.
        spent_usd_micros: Charged for clips whose hold was taken in the period.
        held_usd_micros: Set aside for clips whose cost is not known yet.
        left_usd_micros: What may still be set aside; null: as much as you like; negative where the limit was lowered.
    """

    scope: Scope
    period: str
    limit_usd_micros: int | None
    spent_usd_micros: int
    held_usd_micros: int
    left_usd_micros: int | None
    alerts: tuple[Alert, ...]


class BudgetView(Part, frozen=True, kw_only=True):
    """All budgets of a tenant at one moment, read from the exact records and not from the projection."""

    tenant_id: str
    at: datetime
    budgets: tuple[BudgetPart, ...]


def budget_view(
    tenant_id: str, sums: TenantSums, limits: Limits, *, told: Iterable[BudgetThresholdReached], now: datetime
) -> BudgetView:
    """Show a tenant's budgets.

    Args:
        tenant_id: Whose.
        sums: As recorded.
        limits: That apply.
        told: Thresholds that were told, of any period.
        now: Picks the day and the month.
    """
    known = {(event.period, event.limit_usd_micros, event.percent): event.occurred_at for event in told}
    each = standings(sums, limits, day_of(now))
    return BudgetView(tenant_id=tenant_id, at=shown_at(now), budgets=tuple(_part(standing, known) for standing in each))


def _part(standing: Standing, told: dict[tuple[str, int, Percent], datetime]) -> BudgetPart:
    limit, reached = standing.limit_usd_micros, standing.reached()
    alerts: list[Alert] = []
    for percent in THRESHOLDS if limit is not None else ():
        told_at = told.get((standing.period, limit or 0, percent))
        alerts.append(
            Alert(percent=percent, reached=percent in reached, told_at=None if told_at is None else shown_at(told_at))
        )
    return BudgetPart(
        scope=standing.scope,
        period=standing.period,
        limit_usd_micros=limit,
        spent_usd_micros=standing.sums.spent_usd_micros,
        held_usd_micros=standing.sums.held_usd_micros,
        left_usd_micros=standing.left_usd_micros,
        alerts=tuple(alerts),
    )
