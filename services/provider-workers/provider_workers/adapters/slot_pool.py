"""One pool of slots over key-value create and compare-and-set, and the line of clips that wait for one.

A slot is a key `<pool>.<n>` whose value is the clip that holds it. Keys expire, so a slot that was lost with its worker
comes free by itself; polls renew it. A waiting clip is a key `wait.<pool>.<clip>` that expires unless it asks again.
What was last seen is remembered, so that taking and freeing a slot is usually one compare-and-set; a wrong memory
costs a read, or lets a tenant go first for a second that should have waited.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
from runtime.buckets import Entry
from runtime.clock import Clock
from runtime.errors import ConcurrencyConflict, DependencyUnavailable

from provider_workers.adapters.key_value import KeyValue
from provider_workers.domain.turns import Claim, Waiting, may_take, next_in_line

FREE = b""
"""A freed slot keeps its key: taking it again is one compare-and-set."""
UNSURE = b"?"
"""Remembered of a slot while it is written to, and after a refused write: nobody takes it before it is read again."""
RENEWED_AFTER = 1 / 3
"""Share of a slot's life (or of a place in the line) after which it is renewed, so that two looks may be late."""
LOOK_EVERY = timedelta(seconds=1)
"""A busy vendor's waiting clips together read the pool no oftener than this."""
MAX_IN_LINE = 16
"""Clips of one tenant that stand in line; the others ask again later. One read takes the line of sixty tenants."""
GONE_AFTER_S = 1.0
"""A place in the line is given up by letting it expire: deleting would leave a mark that reads count."""


class SlotPool:
    """The slots of one account (and one model, where each has its own)."""

    def __init__(
        self, bucket: KeyValue, name: str, n_slots: int, *, ttl_s: float, wait_ttl_s: float, clock: Clock
    ) -> None:
        self._bucket = bucket
        self._name = name
        self._keys = tuple(f"{name}.{number}" for number in range(n_slots))
        self._ttl_s = ttl_s
        self._wait_ttl_s = wait_ttl_s
        self._clock = clock
        self._seen: dict[str, Entry] = {}
        self._renewed: dict[str, datetime] = {}
        self._line: dict[str, Waiting] = {}
        self._asked_at: dict[str, datetime] = {}
        self._called_at: dict[str, datetime] = {}
        self._looked_at: datetime | None = None

    async def acquire(self, claim: Claim) -> bool:
        """Take a slot for a clip, or a place in the line."""
        if self._is_fresh(claim.clip_id):
            return True
        if self._looked_at is None or self._clock() - self._looked_at >= LOOK_EVERY:
            await self._look()
        if self._own(claim) is not None or await self._take_any(claim):
            await self._leave_line(claim)
            return True
        await self._stand_in_line(claim)
        return False

    async def renew(self, claim: Claim) -> None:
        """Keep the clip's slot; take one again where it was lost, or go on without where none is free."""
        if self._is_fresh(claim.clip_id):
            return
        await self._look()
        entry = self._own(claim)
        if entry is None:
            await self._take_any(claim, in_turn=False)  # the vendor works on it already
        else:
            await self._write(entry, claim)

    async def release(self, claim: Claim) -> None:
        """Give slot and place in the line back."""
        entry = self._own(claim)
        if entry is None or not await self._write(entry, None):
            await self._look()
            entry = self._own(claim)
            if entry is not None:
                await self._write(entry, None)
        self._renewed.pop(claim.clip_id, None)
        await self._leave_line(claim)

    def next_in_line(self) -> Claim | None:
        """Name the clip that should ask now; None where no slot is free or nobody waits."""
        n_free = len(self._keys) - sum(self._seen[key].value != FREE for key in self._keys if key in self._seen)
        called = [each for each in self._line if self._was_called(each)]
        if n_free <= len(called):
            return None
        uncalled = [each for each in self._line.values() if each.claim.clip_id not in called]
        first = next_in_line(uncalled, n_held=self._n_held())
        if first is not None:
            self._called_at[first.clip_id] = self._clock()
        return first

    async def n_held(self) -> int:
        """Count the slots that are taken."""
        await self._look()
        return sum(entry.value != FREE for entry in self._seen.values())

    async def _look(self) -> None:
        entries = await self._bucket.entries(f"{self._name}.*")
        line = await self._read_line()
        self._seen = {entry.key: entry for entry in entries}
        self._line = {each.claim.clip_id: each for each in line}
        self._looked_at = self._clock()
        holders = {claim.clip_id for claim in map(_holder, entries) if claim is not None}
        self._renewed = {clip: at for clip, at in self._renewed.items() if clip in holders}
        self._asked_at = {clip: at for clip, at in self._asked_at.items() if clip in self._line}
        self._called_at = {clip: at for clip, at in self._called_at.items() if self._was_called(clip)}

    async def _read_line(self) -> list[Waiting]:
        try:
            entries = await self._bucket.entries(f"wait.{self._name}.*")
        except DependencyUnavailable as error:
            if error.code != "nats.read_refused":
                raise
            return []  # too long to read: first come, first served
        return [msgspec.json.decode(entry.value, type=Waiting) for entry in entries if entry.value != FREE]

    def _n_held(self) -> Counter[str]:
        holders = (_holder(entry) for entry in self._seen.values())
        return Counter(claim.tenant_id for claim in holders if claim is not None)

    def _own(self, claim: Claim) -> Entry | None:
        holders = ((entry, _holder(entry)) for entry in self._seen.values())
        return next((entry for entry, held in holders if held is not None and held.clip_id == claim.clip_id), None)

    def _is_fresh(self, clip_id: str) -> bool:
        renewed_at = self._renewed.get(clip_id)
        return renewed_at is not None and (self._clock() - renewed_at).total_seconds() < self._ttl_s * RENEWED_AFTER

    def _was_called(self, clip_id: str) -> bool:
        called_at = self._called_at.get(clip_id)
        return called_at is not None and self._clock() - called_at < LOOK_EVERY

    async def _take_any(self, claim: Claim, *, in_turn: bool = True) -> bool:
        for key in self._in_order(claim.clip_id):
            entry = self._seen.get(key)
            if entry is not None and entry.value != FREE:
                continue
            if in_turn and not may_take(claim, n_held=self._n_held(), waiting=self._line.values()):
                return False
            if await self._take(key, entry, claim):
                return True
        return False

    async def _take(self, key: str, entry: Entry | None, claim: Claim) -> bool:
        if entry is not None:
            return await self._write(entry, claim)
        value = msgspec.json.encode(claim)
        self._seen[key] = Entry(key, UNSURE, 0)
        with self._unsure_when_unanswered():
            revision = await self._bucket.create(key, value, ttl_s=self._ttl_s)
        if revision is not None:
            self._remember(Entry(key, value, revision), claim)
        return revision is not None

    async def _write(self, entry: Entry, claim: Claim | None) -> bool:
        value, ttl_s = (FREE, None) if claim is None else (msgspec.json.encode(claim), self._ttl_s)
        self._seen[entry.key] = Entry(entry.key, UNSURE, entry.revision)
        try:
            with self._unsure_when_unanswered():
                revision = await self._bucket.update(entry.key, value, entry.revision, ttl_s=ttl_s)
        except ConcurrencyConflict:
            return False  # it expired, or another replica was quicker: either way it is no longer ours to change
        self._remember(Entry(entry.key, value, revision), claim)
        return True

    @contextmanager
    def _unsure_when_unanswered(self) -> Iterator[None]:
        try:
            yield
        except DependencyUnavailable:
            self._looked_at = None
            raise

    def _remember(self, entry: Entry, claim: Claim | None) -> None:
        self._seen[entry.key] = entry
        if claim is not None:
            self._renewed[claim.clip_id] = self._clock()

    async def _stand_in_line(self, claim: Claim) -> None:
        known = self._line.get(claim.clip_id)
        asked_at = self._asked_at.get(claim.clip_id)
        if known is not None and asked_at is not None:
            if (self._clock() - asked_at).total_seconds() < self._wait_ttl_s * RENEWED_AFTER:
                return
        elif known is None and self._n_in_line(claim.tenant_id) >= MAX_IN_LINE:
            return
        place = Waiting(claim=claim, since=known.since if known else self._clock())
        await self._bucket.put(self._place(claim), msgspec.json.encode(place), ttl_s=self._wait_ttl_s)
        self._line[claim.clip_id], self._asked_at[claim.clip_id] = place, self._clock()

    async def _leave_line(self, claim: Claim) -> None:
        if self._line.pop(claim.clip_id, None) is not None:
            await self._bucket.put(self._place(claim), FREE, ttl_s=GONE_AFTER_S)

    def _n_in_line(self, tenant_id: str) -> int:
        return sum(each.claim.tenant_id == tenant_id for each in self._line.values())

    def _place(self, claim: Claim) -> str:
        return f"wait.{self._name}.{claim.clip_id}"

    def _in_order(self, clip_id: str) -> tuple[str, ...]:
        # Clips that ask at the same moment start at different slots and seldom collide.
        start = sum(clip_id.encode()) % len(self._keys)
        return self._keys[start:] + self._keys[:start]


def _holder(entry: Entry) -> Claim | None:
    return None if entry.value in (FREE, UNSURE) else msgspec.json.decode(entry.value, type=Claim)
