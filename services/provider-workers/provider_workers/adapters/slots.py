"""Vendor slots: how many clips a vendor works on at once, counted over all replicas.

A slot is a key `<provider>.<n>` whose value is the clip that holds it. Keys expire, so a slot that was lost with
its worker comes free by itself; polls renew it.
"""

from runtime.buckets import Entry
from runtime.errors import ConcurrencyConflict

from provider_workers.adapters.key_value import KeyValue

FREE = b""
"""A freed slot keeps its key: taking it again is one compare-and-set."""


class Slots:
    """The slots of one vendor."""

    def __init__(self, bucket: KeyValue, provider: str, n_slots: int, *, ttl_s: float) -> None:
        self._bucket = bucket
        self._provider = provider
        self._keys = tuple(f"{provider}.{number}" for number in range(n_slots))
        self._ttl_s = ttl_s

    async def acquire(self, clip_id: str) -> bool:
        """Take a slot for a clip; True also where it holds one already."""
        taken = {entry.key: entry for entry in await self._entries()}
        if any(entry.value == clip_id.encode() for entry in taken.values()):
            return True
        for key in self._in_order(clip_id):
            entry = taken.get(key)
            if (entry is None or entry.value == FREE) and await self._take(key, entry, clip_id):
                return True
        return False

    async def renew(self, clip_id: str) -> None:
        """Keep the clip's slot; take one again where it was lost, or go on without where none is free."""
        entry = await self._own(clip_id)
        if entry is None:
            await self.acquire(clip_id)
            return
        await self._replace(entry, clip_id.encode())

    async def release(self, clip_id: str) -> None:
        """Give the clip's slot back; harmless where it holds none."""
        entry = await self._own(clip_id)
        if entry is not None:
            await self._replace(entry, FREE)

    async def n_held(self) -> int:
        """Count the slots that are taken."""
        return sum(entry.value != FREE for entry in await self._entries())

    async def _entries(self) -> list[Entry]:
        return await self._bucket.entries(f"{self._provider}.*")

    async def _own(self, clip_id: str) -> Entry | None:
        return next((entry for entry in await self._entries() if entry.value == clip_id.encode()), None)

    async def _take(self, key: str, entry: Entry | None, clip_id: str) -> bool:
        if entry is None:
            return await self._bucket.create(key, clip_id.encode(), ttl_s=self._ttl_s) is not None
        return await self._replace(entry, clip_id.encode())

    async def _replace(self, entry: Entry, value: bytes) -> bool:
        try:
            await self._bucket.update(entry.key, value, entry.revision, ttl_s=None if value == FREE else self._ttl_s)
        except ConcurrencyConflict:
            return False  # it expired, or another replica was quicker: either way it is no longer ours to change
        return True

    def _in_order(self, clip_id: str) -> tuple[str, ...]:
        # Clips that ask at the same moment start at different slots and seldom collide.
        start = sum(clip_id.encode()) % len(self._keys)
        return self._keys[start:] + self._keys[:start]
