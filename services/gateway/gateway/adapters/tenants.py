"""Tenant settings in bucket `tenants`, changed by compare-and-set."""

from collections.abc import Callable

from runtime.buckets import Bucket
from runtime.errors import ConcurrencyConflict

from gateway.domain.tenants import Settings, read_settings, write_settings

BUCKET = "tenants"
MAX_TRIES = 10
"""Each lost race means that somebody else's change went through."""


class Tenants:
    """Reads and changes tenants' settings."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def load(self, tenant_id: str) -> Settings:
        """Read a tenant's settings; empty where there are none yet."""
        entry = await self._bucket.get(tenant_id)
        return read_settings(entry.value if entry else None)

    async def change(self, tenant_id: str, changed: Callable[[Settings], Settings]) -> Settings:
        """Change a tenant's settings, whoever else does so at the same time.

        Args:
            tenant_id: Whose.
            changed: From the settings now to the new ones; may be asked several times.

        Raises:
            ConcurrencyConflict: They never stood still for long enough.
        """
        return await self.change_unless(tenant_id, lambda _: False, changed)

    async def change_unless(
        self, tenant_id: str, is_fine: Callable[[Settings], bool], changed: Callable[[Settings], Settings]
    ) -> Settings:
        """Change a tenant's settings unless they are fine as they are; as `change`."""
        for _ in range(MAX_TRIES):
            entry = await self._bucket.get(tenant_id)
            before = read_settings(entry.value if entry else None)
            if is_fine(before):
                return before
            settings = changed(before)
            try:
                if entry is not None:
                    await self._bucket.update(tenant_id, write_settings(settings), entry.revision)
                elif await self._bucket.create(tenant_id, write_settings(settings)) is None:
                    continue
            except ConcurrencyConflict:
                continue
            return settings
        raise ConcurrencyConflict("tenant.changing", f"the settings of {tenant_id} keep changing")
