"""Vendor slots: how many clips a vendor works on at once, counted over all replicas, per account and model.

`slot_pool.py` has the mechanics of one pool; here is which pool a clip belongs to.
"""

from runtime.catalog import Provider
from runtime.clock import Clock

from provider_workers.adapters.key_value import KeyValue
from provider_workers.adapters.slot_pool import SlotPool
from provider_workers.domain.turns import Claim

ALL_MODELS = "all"


class Slots:
    """The slots of one account at one vendor.

    Args:
        bucket: Shared by all replicas.
        vendor: Its catalogue entry says how many, and whether every model has its own.
        account: Replicas with the same account share its slots.
        ttl_s: A slot that nobody renews comes free after this.
        wait_ttl_s: A waiting clip that does not ask again is forgotten after this.
        clock: The time.
    """

    def __init__(
        self, bucket: KeyValue, vendor: Provider, *, account: str, ttl_s: float, wait_ttl_s: float, clock: Clock
    ) -> None:
        self._vendor = vendor
        groups = [model.name for model in vendor.model] if vendor.slots_per == "model" else [ALL_MODELS]
        self._pools = {
            group: SlotPool(
                bucket,
                f"{vendor.name}.{account}.{group.replace('.', '_')}",
                vendor.slots,
                ttl_s=ttl_s,
                wait_ttl_s=wait_ttl_s,
                clock=clock,
            )
            for group in groups
        }

    async def acquire(self, claim: Claim) -> bool:
        """Take a slot for a clip; True also where it holds one already; False: it waits in line now."""
        return await self._pool(claim).acquire(claim)

    async def renew(self, claim: Claim) -> None:
        """Keep the clip's slot; take one again where it was lost, or go on without where none is free."""
        await self._pool(claim).renew(claim)

    async def release(self, claim: Claim) -> None:
        """Give the clip's slot back, or its place in the line; harmless where it has neither."""
        await self._pool(claim).release(claim)

    def next_in_line(self, claim: Claim) -> Claim | None:
        """Name the clip that should ask now, because a slot of the same pool is free; nobody is named twice at once."""
        return self._pool(claim).next_in_line()

    async def n_held(self) -> int:
        """Count the slots that are taken."""
        return sum([await pool.n_held() for pool in self._pools.values()])

    def _pool(self, claim: Claim) -> SlotPool:
        # A model that has left the catalogue while its clips were open counts with any other.
        return self._pools.get(claim.model) or next(iter(self._pools.values()))
