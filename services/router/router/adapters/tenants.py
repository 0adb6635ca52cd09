"""What tenants' settings say about routing (bucket `tenants`, written by the gateway)."""

import time
from typing import NamedTuple

import msgspec
from runtime.buckets import Bucket

from router.domain.context import TenantRules

KNOWN_S = 2.0
"""A changed setting counts after so long."""
MAX_KNOWN = 10_000


class _Known(NamedTuple):
    rules: TenantRules
    read_at: float


class Tenants:
    """Reads tenants' rules, and remembers them for a moment."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._known: dict[str, _Known] = {}

    async def rules(self, tenant_id: str) -> TenantRules:
        """Read a tenant's rules; the defaults where it has none."""
        known = self._known.get(tenant_id)
        now = time.monotonic()
        if known is not None and now - known.read_at < KNOWN_S:
            return known.rules
        found = await self._bucket.get(tenant_id)
        rules = TenantRules() if found is None else msgspec.json.decode(found.value, type=TenantRules)
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[tenant_id] = _Known(rules, now)
        return rules
