"""What tenants are told beside the states of their jobs, and how each is named so that it is told once. Pure."""

from datetime import datetime
from hashlib import sha256

from dailies_contracts import BudgetThresholdReached, Notice

from notifier.domain.endpoints import Endpoint


def budget_notice(reached: BudgetThresholdReached) -> Notice:
    """Tell of a budget of which a part is used up."""
    return Notice(
        id=_notice_id(reached.id),
        tenant_id=reached.tenant_id,
        kind="budget.threshold",
        occurred_at=reached.occurred_at,
        content={
            "budget": {
                "scope": reached.scope,
                "period": reached.period,
                "percent": reached.percent,
                "limit_usd_micros": reached.limit_usd_micros,
                "spent_usd_micros": reached.spent_usd_micros,
                "held_usd_micros": reached.held_usd_micros,
            }
        },
    )


def disabled_notice(endpoint: Endpoint, *, reason: str, since: datetime, at: datetime) -> Notice:
    """Tell the owner of an endpoint that it is told nothing any more.

    Args:
        endpoint: Which.
        reason: Why.
        since: When its failing began: the same failing is told of once, however many processes notice.
        at: When it was disabled.
    """
    return Notice(
        id=_notice_id(f"{endpoint.key}\x1f{since.isoformat()}"),
        tenant_id=endpoint.tenant_id,
        kind="endpoint.disabled",
        occurred_at=at,
        content={"endpoint": {"id": endpoint.id, "url": endpoint.target}, "reason": reason},
    )


def _notice_id(name: str) -> str:
    return f"notice_{sha256(name.encode()).hexdigest()[:32]}"
