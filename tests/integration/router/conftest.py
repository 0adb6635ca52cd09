"""Budget records on a real server, with processes that die at any write."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from dailies_contracts import VIDEO, BudgetThresholdReached, decode_fact
from router.adapters.ledger import Ledger
from router.advance import Advance
from router.app import build_advance, open_shared
from router.domain.money import ClipAccount, TenantAccount
from runtime.buckets import Bucket
from runtime.budgets import Limits
from runtime.catalog import Catalog, load_catalog
from runtime.direct_get import DirectGet
from runtime.log import EventLog
from runtime.service import Service
from testkit.clock import FakeClock

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
CATALOG = Path(__file__).parents[3] / "deploy" / "catalog.toml"
TEN_DOLLARS = 10_000_000


class DiedError(Exception):
    """The process is gone."""


class Dying(Bucket):
    """A bucket whose process dies at its n-th write: before the write, or after it with the answer lost.

    Nothing is written after that, whatever was under way beside it.
    """

    def __init__(self, bucket: Bucket, dies_at: int, *, after: bool) -> None:
        self.__dict__.update(bucket.__dict__)
        self._dies_at = dies_at
        self._after = after
        self._n_writes = 0

    async def update(self, key: str, value: bytes, revision: int, *, ttl_s: float | None = None) -> int:
        self._n_writes += 1
        is_last = self._n_writes == self._dies_at
        if self._n_writes > self._dies_at or (is_last and not self._after):
            raise DiedError
        written = await super().update(key, value, revision, ttl_s=ttl_s)
        if is_last:
            raise DiedError
        return written


class Desk:
    """The records, and replicas of the ledger that work on them."""

    def __init__(self, service: Service, budgets: Bucket, tenants: Bucket) -> None:
        self.service = service
        self.budgets = budgets
        self.tenants = tenants
        self.clock = FakeClock(NOW)

    def replica(self, budgets: Bucket | None = None, **limits: int) -> Ledger:
        """One more; the limit is ten dollars unless it says otherwise."""
        return Ledger(
            budgets or self.budgets,
            self.tenants,
            tell=self.service.log.append_fact,
            clock=self.clock,
            defaults=Limits(**({"total": TEN_DOLLARS} | limits)),
        )

    def dying(self, dies_at: int, *, after: bool) -> Ledger:
        """A replica that dies at its n-th write."""
        return self.replica(Dying(self.budgets, dies_at, after=after))

    async def advance(self, log: EventLog, ledger: Ledger, catalog: Catalog) -> Advance:
        """A way to move jobs with such a ledger."""
        shared, timers = await open_shared(self.service), self.service.timers
        return build_advance(shared, log=log, timers=timers, ledger=ledger, catalog=catalog, clock=self.clock)

    async def record(self, tenant_id: str = "acme") -> TenantAccount:
        """A tenant's record as it is stored."""
        found = await self.budgets.get(f"tenant.{tenant_id}")
        assert found is not None
        return msgspec.json.decode(found.value, type=TenantAccount)

    async def accounts(self, job_id: str) -> dict[str, ClipAccount]:
        """What the records say of a job's clips."""
        return {
            clip_id: entry.account for clip_id, entry in (await self.replica().look("acme", job_id)).entries.items()
        }

    async def told(self, tenant_id: str = "acme") -> list[tuple[str, int]]:
        """Every threshold that was told, by period and percent, in order."""
        found = await DirectGet(self.service.connection).last_of_each(VIDEO, (f"tenant.v1.{tenant_id}.>",))
        events = [decode_fact(each.body, subject=each.subject) for each in found]
        return [(event.period, event.percent) for event in events if isinstance(event, BudgetThresholdReached)]


@pytest.fixture
async def desk(service: Service) -> Desk:
    return Desk(service, await service.bucket("budgets"), await service.bucket("tenants"))


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog(CATALOG)


@pytest.fixture
def ledgers(desk: Desk) -> list[Ledger]:
    """Two replicas."""
    return [desk.replica() for _ in range(2)]


@pytest.fixture(scope="session")
def died() -> type[Exception]:
    return DiedError
