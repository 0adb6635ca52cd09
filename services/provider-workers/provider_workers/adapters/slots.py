"""Vendor slots: how many clips a vendor works on at once, counted over all replicas.

A slot is a key `<provider>.<n>` whose value is the clip that holds it. Keys expire, so a slot that was lost with
its worker comes free by itself; polls renew it. What was last seen is remembered, so that taking and freeing a slot
is usually one compare-and-set; a wrong memory only costs a read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from runtime.buckets import Entry
from runtime.clock import Clock
from runtime.errors import ConcurrencyConflict, DependencyUnavailable

from provider_workers.adapters.key_value import KeyValue

FREE = b""
"""A freed slot keeps its key: taking it again is one compare-and-set."""
UNSURE = b"?"
"""Remembered of a slot while it is written to, and after a refused write: nobody takes it before it is read again."""
RENEWED_AFTER = 1 / 3
"""Share of a slot's life after which a poll renews it, so that two polls may be late."""
LOOK_EVERY = timedelta(seconds=1)
"""A busy vendor's waiting clips together read the slots no oftener than this."""


class Slots:
    """The slots of one vendor."""

    def __init__(self, bucket: KeyValue, provider: str, n_slots: int, *, ttl_s: float, clock: Clock) -> None:
        self._bucket = bucket
        self._provider = provider
        self._keys = tuple(f"{provider}.{number}" for number in range(n_slots))
        self._ttl_s = ttl_s
        self._clock = clock
        self._seen: dict[str, Entry] = {}
        self._renewed: dict[str, datetime] = {}
        self._looked_at: datetime | None = None

    async def acquire(self, clip_id: str) -> bool:
        """Take a slot for a clip; True also where it holds one already."""
        if self._is_fresh(clip_id):
            return True
        if self._looked_at is None:  # a new process, or a write whose answer never came
            await self._look()
        if self._own(clip_id) is not None or await self._take_any(clip_id):
            return True
        if self._looked_at is not None and self._clock() - self._looked_at < LOOK_EVERY:
            return False
        await self._look()
        return self._own(clip_id) is not None or await self._take_any(clip_id)

    async def renew(self, clip_id: str) -> None:
        """Keep the clip's slot; take one again where it was lost, or go on without where none is free."""
        if self._is_fresh(clip_id):
            return
        await self._look()
        entry = self._own(clip_id)
        if entry is None:
            await self._take_any(clip_id)
        else:
            await self._write(entry, clip_id.encode())

    async def release(self, clip_id: str) -> None:
        """Give the clip's slot back; harmless where it holds none."""
        entry = self._own(clip_id)
        if entry is None or not await self._write(entry, FREE):
            await self._look()
            entry = self._own(clip_id)
            if entry is not None:
                await self._write(entry, FREE)
        self._renewed.pop(clip_id, None)

    async def n_held(self) -> int:
        """Count the slots that are taken."""
        await self._look()
        return sum(entry.value != FREE for entry in self._seen.values())

    async def _look(self) -> None:
        entries = await self._bucket.entries(f"{self._provider}.*")
        self._seen = {entry.key: entry for entry in entries}
        self._looked_at = self._clock()
        holders = {entry.value for entry in entries}
        self._renewed = {clip: at for clip, at in self._renewed.items() if clip.encode() in holders}

    def _own(self, clip_id: str) -> Entry | None:
        return next((entry for entry in self._seen.values() if entry.value == clip_id.encode()), None)

    def _is_fresh(self, clip_id: str) -> bool:
        renewed_at = self._renewed.get(clip_id)
        return renewed_at is not None and (self._clock() - renewed_at).total_seconds() < self._ttl_s * RENEWED_AFTER

    async def _take_any(self, clip_id: str) -> bool:
        for key in self._in_order(clip_id):
            entry = self._seen.get(key)
            if (entry is None or entry.value == FREE) and await self._take(key, entry, clip_id):
                return True
        return False

    async def _take(self, key: str, entry: Entry | None, clip_id: str) -> bool:
        value = clip_id.encode()
        if entry is not None:
            return await self._write(entry, value)
        self._seen[key] = Entry(key, UNSURE, 0)
        with self._unsure_when_unanswered():
            revision = await self._bucket.create(key, value, ttl_s=self._ttl_s)
        if revision is not None:
            self._remember(Entry(key, value, revision))
        return revision is not None

    async def _write(self, entry: Entry, value: bytes) -> bool:
        ttl_s = None if value == FREE else self._ttl_s
        self._seen[entry.key] = Entry(entry.key, UNSURE, entry.revision)
        try:
            with self._unsure_when_unanswered():
                revision = await self._bucket.update(entry.key, value, entry.revision, ttl_s=ttl_s)
        except ConcurrencyConflict:
            return False  # it expired, or another replica was quicker: either way it is no longer ours to change
        self._remember(Entry(entry.key, value, revision))
        return True

    @contextmanager
    def _unsure_when_unanswered(self) -> Iterator[None]:
        try:
            yield
        except DependencyUnavailable:
            self._looked_at = None
            raise

    def _remember(self, entry: Entry) -> None:
        self._seen[entry.key] = entry
        if entry.value != FREE:
            self._renewed[entry.value.decode()] = self._clock()

    def _in_order(self, clip_id: str) -> tuple[str, ...]:
        # Clips that ask at the same moment start at different slots and seldom collide.
        start = sum(clip_id.encode()) % len(self._keys)
        return self._keys[start:] + self._keys[:start]
