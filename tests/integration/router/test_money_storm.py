"""Sixty-four workers die between any two writes on a real server: no limit is passed, every hold ends, sums agree."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dailies_contracts import AnyEvent, ClipRequested, ClipScored, Event, subject_of
from router.adapters.bookkeeping import Bookkeeping
from router.adapters.ledger import Ledger
from router.advance import Advance
from router.app import Shared, build_advance, open_shared
from router.domain.money import TenantAccount
from router.domain.state import Ended
from runtime.buckets import Bucket
from runtime.budgets import TOTAL, Limits
from runtime.catalog import load_catalog
from runtime.errors import Transient
from runtime.log import EventLog
from testkit.builders import NOW, clip_failed, clip_ready, clip_scored, clip_settled, job_requested, prompt_compiled

CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")
SCORING = CATALOG.policy.scoring_cost_usd_micros
N_WORKERS = 64
N_JOBS = 32
DEATHS = 0.03
LIMITS = {
    "ample": Limits(total=1_000_000_000),
    "tight": Limits(day=6_000_000, month=50_000_000, total=1_000_000_000),
    "tightest": Limits(day=4_000_000, month=3_000_000, total=2_500_000),
}
TENANTS = tuple(LIMITS)


class DiedError(Exception):
    """The process is gone."""


class Fate:
    """Says at each write whether the process dies, on either side of it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.n_deaths = 0

    def strikes(self) -> None:
        if self._random.random() < DEATHS:
            self.n_deaths += 1
            raise DiedError


class Mortal(Bucket):
    """The records as a process sees them that may die at any write; every tenant record it writes is looked at."""

    def __init__(self, bucket: Bucket, fate: Fate) -> None:
        self.__dict__.update(bucket.__dict__)
        self._fate = fate

    async def update(self, key: str, value: bytes, revision: int, *, ttl_s: float | None = None) -> int:
        self._fate.strikes()
        written = await super().update(key, value, revision, ttl_s=ttl_s)
        if key.startswith("tenant."):
            check_limits(value, LIMITS[key.removeprefix("tenant.")])
        self._fate.strikes()
        return written


class MortalLog(EventLog):
    """The log of a process that may die at any decision."""

    def __init__(self, log: EventLog, fate: Fate) -> None:
        self.__dict__.update(log.__dict__)
        self._fate = fate

    async def append(self, job_id: str, events: Sequence[Event], *, expected_sequence: int) -> int:
        self._fate.strikes()
        sequence = await super().append(job_id, events, expected_sequence=expected_sequence)
        self._fate.strikes()
        return sequence


def check_limits(record: bytes, limits: Limits) -> None:
    """Hold one state of a tenant's record against its limits: `spent + held <= limit` at this instant."""
    account = msgspec.json.decode(record, type=TenantAccount)
    for period in (TOTAL, *account.periods):
        sums, limit = account.of(period), limits.of(period)
        assert limit is None or sums.used_usd_micros <= limit, (period, sums, limit)
        assert min(sums.spent_usd_micros, sums.held_usd_micros) >= 0, (period, sums)


class Vendors:
    """What becomes of each clip, and what was billed for it at last; the clip's id decides, so all workers agree."""

    def __init__(self) -> None:
        self.billed: dict[str, dict[str, int]] = {tenant: {} for tenant in TENANTS}

    def facts(self, order: ClipRequested) -> list[Event]:
        draw = random.Random(order.clip_id)
        price = order.quote_usd_micros - SCORING
        good = draw.random() < 0.8
        scored = [clip_ready(order, cost_usd_micros=price), clip_scored(order, aggregate=0.8 if good else 0.2)]
        facts: list[Event]
        match draw.choice(["ready", "ready", "ready", "refunded", "failed", "billed", "late", "never"]):
            case "ready":
                facts, charge = [*scored], price
            case "refunded":
                facts, charge = [*scored, clip_settled(order, charged=price // 3)], price // 3
            case "failed":
                facts, charge = [clip_failed(order)], 0
            case "billed":
                facts, charge = [clip_failed(order, kind="bad_output", charged=price)], price
            case "late":
                lost = clip_failed(order, kind="outcome_unknown", may_still_bill=True)
                facts, charge = [lost, clip_settled(order, charged=price)], price
            case _:
                lost = clip_failed(order, kind="outcome_unknown", may_still_bill=True)
                facts, charge = [lost, clip_settled(order, charged=0)], 0
        is_scored = any(isinstance(fact, ClipScored) for fact in facts)
        self.billed[order.tenant_id][order.clip_id] = charge + is_scored * SCORING
        return facts


class Storm:
    """Many workers on the same jobs, each a process that may die and be replaced."""

    def __init__(self, desk: Any, fate: Fate, shared: Shared) -> None:
        self.desk = desk
        self.shared = shared
        self.log: EventLog = desk.service.log
        self.fate = fate
        self.vendors = Vendors()
        self.replicas = [self.replica() for _ in range(8)]

    def replica(self) -> Advance:
        ledger = Ledger(
            Mortal(self.desk.budgets, self.fate),
            self.desk.tenants,
            tell=self.log.append_fact,
            clock=self.desk.clock,
            defaults=Limits(),
        )
        return build_advance(
            self.shared,
            log=MortalLog(self.log, self.fate),
            timers=self.desk.service.timers,
            ledger=ledger,
            catalog=CATALOG,
            clock=self.desk.clock,
        )

    async def work(self, number: int) -> None:
        """Bring one job to its end; another worker does the same at the same time."""
        job_id, place = f"job_{number % N_JOBS}", number % len(self.replicas)
        while True:
            try:
                phase = await self.replicas[place](job_id)
            except (DiedError, Transient):
                self.replicas[place] = self.replica()
                continue
            owed = self.owed((await self.log.history(job_id)).events)
            if not owed and isinstance(phase, Ended):
                return
            if not owed:
                # It waits for a timer: a vendor rests, or a clip is late. Time passes when nothing else happens.
                self.desk.clock.now += timedelta(seconds=5)
            for fact in owed[:2]:
                await self.log.append_fact(fact)

    def owed(self, events: Sequence[AnyEvent]) -> list[Event]:
        known = {subject_of(event) for event in events}
        orders = [event for event in events if isinstance(event, ClipRequested)]
        return [fact for order in orders for fact in self.vendors.facts(order) if subject_of(fact) not in known]


@pytest.mark.timeout(120)
async def test_money_stays_exact_under_sixty_four_workers_that_die(desk: Any) -> None:
    for tenant, limits in LIMITS.items():
        named = zip(("day_budget_usd_micros", "month_budget_usd_micros", "budget_usd_micros"), limits, strict=True)
        await desk.tenants.put(tenant, msgspec.json.encode(dict(named)))
    for number in range(N_JOBS):
        tenant = TENANTS[number % len(TENANTS)]
        await desk.service.log.append_fact(job_requested(f"job_{number}", tenant_id=tenant))
        compiled = prompt_compiled(f"job_{number}")
        await desk.service.log.append_fact(msgspec.structs.replace(compiled, tenant_id=tenant))
    desk.clock.now = NOW
    storm = Storm(desk, Fate(seed=7), await open_shared(desk.service))
    await asyncio.gather(*(storm.work(number) for number in range(N_WORKERS)))

    assert storm.fate.n_deaths > N_WORKERS
    for tenant in TENANTS:
        record = await desk.record(tenant)
        assert record.held_usd_micros == 0
        assert record.spent_usd_micros == sum(storm.vendors.billed[tenant].values())
    assert (await desk.record("tight")).of("2026-11-22").spent_usd_micros > 0
    thresholds = [await desk.told(tenant) for tenant in TENANTS]
    assert all(len(each) == len(set(each)) for each in thresholds)

    books = Bookkeeping(
        log_of_jobs=desk.service.log, connection=desk.service.connection, budgets=desk.budgets, clock=desk.clock
    )
    assert await books.check() == []
