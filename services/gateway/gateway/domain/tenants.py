"""A tenant's settings as bucket `tenants` keeps them, one JSON object a tenant; router and notifier read it.

Fields that this version does not know are kept as they are.
"""

from datetime import datetime
from typing import Any

import msgspec
from runtime.errors import InvariantBroken

from gateway.domain.bodies import BudgetBody, RoutingBody

Settings = dict[str, Any]


def read_settings(value: bytes | None) -> Settings:
    """Read what the bucket holds; empty where it holds nothing.

    Raises:
        InvariantBroken: It is not a JSON object.
    """
    if value is None:
        return {}
    try:
        return msgspec.json.decode(value, type=dict[str, Any])
    except msgspec.MsgspecError as err:
        raise InvariantBroken("tenant.unreadable_settings", str(err)) from err


def write_settings(settings: Settings) -> bytes:
    """Write settings for the bucket."""
    return msgspec.json.encode(settings)


def with_budget(settings: Settings, body: BudgetBody) -> Settings:
    """Set the limits of what the tenant may spend; those of day and month stay where the body leaves them out."""
    changed = settings | {"budget_usd_micros": body.limit_usd_micros}
    if body.day_limit_usd_micros is not msgspec.UNSET:
        changed["day_budget_usd_micros"] = body.day_limit_usd_micros
    if body.month_limit_usd_micros is not msgspec.UNSET:
        changed["month_budget_usd_micros"] = body.month_limit_usd_micros
    return changed


def with_new_webhook_secret(settings: Settings, *, secret: str, previous_until: datetime) -> Settings:
    """Replace the webhook secret; until a time the one before signs as well."""
    previous = settings.get("webhook_secret")
    if not previous:
        return settings | {"webhook_secret": secret}
    return settings | {
        "webhook_secret": secret,
        "previous_webhook_secret": previous,
        "previous_webhook_secret_until": previous_until.isoformat(),
    }


def with_routing(settings: Settings, body: RoutingBody) -> Settings:
    """Set what the tenant's jobs may use, whole: what the body leaves out is not limited any more."""
    changed: Settings = settings | msgspec.to_builtins(body)
    return changed
