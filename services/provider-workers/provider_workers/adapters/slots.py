"""Vendor slots: how many clips a vendor works on at once, counted over all replicas, per account and model.

`slot_pool.py` has the mechanics of one pool; here is which pool a clip belongs to.
"""

from collections.abc import Callable

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
        listed: The vendor's catalogue entry as it is now: how many, and whether every model has its own.
        account: Replicas with the same account share its slots.
        ttl_s: A slot that nobody renews comes free after this.
        wait_ttl_s: A waiting clip that does not ask again is forgotten after this.
        clock: The time.
    """

    def __init__(
        self,
        bucket: KeyValue,
        listed: Callable[[], Provider],
        *,
        account: str,
        ttl_s: float,
        wait_ttl_s: float,
        clock: Clock,
    ) -> None:
        self._bucket = bucket
        self._listed = listed
        self._account = account
        self._times = {"ttl_s": ttl_s, "wait_ttl_s": wait_ttl_s}
        self._clock = clock
        self._vendor: Provider | None = None
        self._pools: dict[str, SlotPool] = {}

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
        return sum([await pool.n_held() for pool in self._current().values()])

    def _pool(self, claim: Claim) -> SlotPool:
        # A model that has left the catalogue while its clips were open counts with any other.
        pools = self._current()
        return pools.get(claim.model) or next(iter(pools.values()))

    def _current(self) -> dict[str, SlotPool]:
        """Give the pools of the catalogue as it is now; what is held lies in the bucket, whoever looks at it."""
        vendor = self._listed()
        if self._vendor is None or _layout(vendor) != _layout(self._vendor):
            self._vendor = vendor
            self._pools = {
                group: SlotPool(
                    self._bucket,
                    f"{vendor.name}.{self._account}.{group.replace('.', '_')}",
                    vendor.slots,
                    clock=self._clock,
                    **self._times,
                )
                for group in _groups(vendor)
            }
        return self._pools


def _groups(vendor: Provider) -> list[str]:
    return [model.name for model in vendor.model] if vendor.slots_per == "model" else [ALL_MODELS]


def _layout(vendor: Provider) -> tuple[int, list[str]]:
    return vendor.slots, _groups(vendor)
