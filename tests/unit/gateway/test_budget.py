from datetime import UTC, datetime

from dailies_contracts import BudgetThresholdReached
from gateway.domain.budget import budget_view
from runtime.budgets import Limits, Sums, TenantSums

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
SUMS = TenantSums(
    spent_usd_micros=700,
    held_usd_micros=100,
    periods={"2026-11-27": Sums(spent_usd_micros=60, held_usd_micros=21), "2026-11": Sums(spent_usd_micros=500)},
)


def told(percent: int, *, limit: int = 100) -> BudgetThresholdReached:
    return BudgetThresholdReached(
        tenant_id="acme",
        occurred_at=NOW,
        scope="day",
        period="2026-11-27",
        limit_usd_micros=limit,
        percent=percent,  # type: ignore[arg-type]
        spent_usd_micros=1,
        held_usd_micros=1,
    )


def test_each_period_shows_its_own_sums_under_its_own_limit() -> None:
    view = budget_view("acme", SUMS, Limits(day=100, month=None, total=1_000), told=(), now=NOW)
    shown = [(part.period, part.limit_usd_micros, part.spent_usd_micros, part.left_usd_micros) for part in view.budgets]
    assert shown == [("2026-11-27", 100, 60, 19), ("2026-11", None, 500, None), ("total", 1_000, 700, 200)]


def test_alerts_say_what_is_reached_now_and_what_was_told() -> None:
    view = budget_view("acme", SUMS, Limits(day=100), told=(told(50), told(100), told(80, limit=50)), now=NOW)
    day, month, _ = view.budgets
    assert [(alert.percent, alert.reached, alert.told_at is not None) for alert in day.alerts] == [
        (50, True, True),
        (80, True, False),
        (100, False, True),
    ]
    assert month.alerts == ()


def test_a_limit_that_was_lowered_leaves_less_than_nothing() -> None:
    view = budget_view("acme", SUMS, Limits(total=500), told=(), now=NOW)
    assert view.budgets[2].left_usd_micros == -300
    assert all(alert.reached for alert in view.budgets[2].alerts)
