"""The market as replicas share it: one key per record in bucket `market`, changed by compare-and-set.

Learning the same fact twice changes nothing (`domain/windows.py`), so a redelivery, two replicas at once or a rebuild
from the log all end in the same records. Each process keeps a copy and catches up with what changed.
"""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec
from dailies_contracts import ClipRequested
from runtime.breakers import HealthRecord
from runtime.buckets import Bucket, Entry
from runtime.errors import ConcurrencyConflict, Transient
from runtime.routing_policy import Learning

from router.domain.learning import QualityRecord
from router.domain.market import HealthKey, Key, Lesson, Market, Record, learn, taught, with_record
from router.domain.storms import TenantRecord, retry_ratio, with_tenant_order

CATCH_UP_S = 1.0
"""What other replicas learned counts after so long."""
MAX_ROUNDS = 20
TRY_TTL_S = 120.0
"""A clip that tries a vendor again has shown by then whether it was accepted."""
TENANT_TTL_S = 3_600.0
MAX_TENANTS = 10_000
"""Tenants whose recent orders are remembered."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_health = msgspec.json.Decoder(HealthRecord)
_quality = msgspec.json.Decoder(QualityRecord)
_tenant = msgspec.json.Decoder(TenantRecord)


class _Orders(NamedTuple):
    record: TenantRecord
    read_at: float


class MarketBoard:
    """What was learned of vendors, models and tenants."""

    def __init__(
        self, records: Bucket, turns: Bucket, *, learning: Callable[[], Learning], catch_up_s: float = CATCH_UP_S
    ) -> None:
        """Share records and turns.

        Args:
            records: Bucket `market`.
            turns: Bucket `turns`: who tries a vendor again, and how much each tenant tries again.
            learning: How fast to learn, as the catalogue says now.
            catch_up_s: What other replicas learned counts after so long.
        """
        self._records = records
        self._turns = turns
        self._learning = learning
        self._catch_up_s = catch_up_s
        self._market = Market()
        self._revision = 0
        self._caught_up_at = float("-inf")
        self._catching_up = asyncio.Lock()
        self._orders: dict[str, _Orders] = {}

    async def snapshot(self) -> Market:
        """Give the market as it was at most a second ago."""
        if time.monotonic() - self._caught_up_at >= self._catch_up_s:
            async with self._catching_up:
                if time.monotonic() - self._caught_up_at >= self._catch_up_s:
                    await self._catch_up()
        return self._market

    def expect(self, lessons: Iterable[Lesson]) -> None:
        """Learn in this process at once what all replicas are about to learn: the clips that it has just ordered."""
        for lesson in lessons:
            self._market = learn(self._market, lesson, self._learning())

    async def teach(self, lessons: Iterable[Lesson]) -> None:
        """Learn for all replicas; learning the same again changes nothing.

        Raises:
            Transient: Others change the same records all the time.
        """
        by_key: defaultdict[Key, list[Lesson]] = defaultdict(list)
        for lesson in lessons:
            by_key[lesson.key].append(lesson)
        await asyncio.gather(*(self._teach_one(_key_of(key), about_key) for key, about_key in by_key.items()))

    async def count_orders(self, orders: Iterable[ClipRequested]) -> None:
        """Count a tenant's orders, and which of them were retries."""
        by_tenant: defaultdict[str, list[ClipRequested]] = defaultdict(list)
        for order in orders:
            by_tenant[order.tenant_id].append(order)
        for tenant_id, ordered in by_tenant.items():
            await self._count(tenant_id, ordered)

    async def retry_ratio(self, tenant_id: str, *, now_s: float) -> float:
        """Give the share of retries among a tenant's recent orders as they were at most a second ago, [0, 1]."""
        known = self._orders.get(tenant_id)
        if known is None or time.monotonic() - known.read_at >= self._catch_up_s:
            found = await self._turns.get(f"tenant.{tenant_id}")
            known = _Orders(_tenant.decode(found.value) if found else TenantRecord(), time.monotonic())
            if len(self._orders) >= MAX_TENANTS:
                self._orders.clear()
            self._orders[tenant_id] = known
        return retry_ratio(known.record, now_s=now_s)

    async def take_turn(self, name: str, job_id: str) -> bool:
        """Let a job try a vendor again; False where another job is doing so."""
        key = f"try.{_UNSAFE.sub('_', name)}"
        if await self._turns.create(key, job_id.encode(), ttl_s=TRY_TTL_S) is not None:
            return True
        found = await self._turns.get(key)
        return found is not None and found.value == job_id.encode()

    async def _catch_up(self) -> None:
        for entry in await self._records.changes(after_revision=self._revision):
            record = _decoded(entry)
            self._revision = max(self._revision, entry.revision)
            self._market = with_record(self._market, self._with_own(record))
        self._caught_up_at = time.monotonic()

    def _with_own(self, record: Record) -> Record:
        """Keep what only this process knows yet: orders that the shared record does not show."""
        if not isinstance(record, HealthRecord):
            return record
        key = HealthKey(record.provider, record.model, record.stage)
        own = self._market.health.get(key)
        for order in own.orders if own else ():
            record = taught(record, Lesson(key, order), self._learning())
        return record

    async def _teach_one(self, key: str, lessons: list[Lesson]) -> None:
        for _ in range(MAX_ROUNDS):
            found = await self._records.get(key)
            known = _decoded(found) if found else None
            record = known
            for lesson in lessons:
                record = taught(record, lesson, self._learning())
            if record is known:
                return
            if await _written(self._records, key, msgspec.json.encode(record), found):
                return
        raise Transient("market.contended", key)

    async def _count(self, tenant_id: str, orders: list[ClipRequested]) -> None:
        key = f"tenant.{tenant_id}"
        for _ in range(MAX_ROUNDS):
            found = await self._turns.get(key)
            known = _tenant.decode(found.value) if found else TenantRecord()
            record = known
            for order in orders:
                record = with_tenant_order(record, order)
            if record is known:
                return
            if await _written(self._turns, key, msgspec.json.encode(record), found, ttl_s=TENANT_TTL_S):
                return
        raise Transient("market.contended", key)


async def _written(bucket: Bucket, key: str, value: bytes, found: Entry | None, *, ttl_s: float | None = None) -> bool:
    """Replace what was found; False where somebody else was quicker."""
    if found is None:
        return await bucket.create(key, value, ttl_s=ttl_s) is not None
    try:
        await bucket.update(key, value, found.revision, ttl_s=ttl_s)
    except ConcurrencyConflict:
        return False
    return True


def _decoded(entry: Entry) -> Record:
    return _health.decode(entry.value) if entry.key.startswith("health.") else _quality.decode(entry.value)


def _key_of(key: Key) -> str:
    kind = "health" if isinstance(key, HealthKey) else "quality"
    return ".".join((kind, *(_UNSAFE.sub("_", part) for part in key)))
