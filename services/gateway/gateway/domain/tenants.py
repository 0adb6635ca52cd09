"""A tenant's settings as bucket `tenants` keeps them, one JSON object a tenant; router and notifier read it.

Fields that this version does not know are kept as they are.
"""

from datetime import datetime
from typing import Any

import msgspec
from runtime.errors import InvariantBroken

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


def with_budget(settings: Settings, *, limit_usd_micros: int) -> Settings:
    """Set the limit of all that the tenant may spend, micro-dollars."""
    return settings | {"budget_usd_micros": limit_usd_micros}


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
