import asyncio
import contextlib
from datetime import UTC, datetime

import pytest
from dailies_contracts import VIDEO, BudgetThresholdReached, decode_fact
from router.adapters.ledger import Ledger
from router.domain.money import ClipAccount
from runtime.buckets import Bucket
from runtime.budgets import Limits
from runtime.direct_get import DirectGet
from runtime.service import Service
from testkit.clock import FakeClock

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
TODAY, YESTERDAY = "2026-11-27", "2026-11-26"
TEN_DOLLARS = 10_000_000


def held(day: str = TODAY, **quotes: int) -> dict[str, ClipAccount]:
    """Holds by clip id."""
    return {clip_id: ClipAccount(held_usd_micros=quote, day=day) for clip_id, quote in quotes.items()}


def charged(day: str = TODAY, **charges: int) -> dict[str, ClipAccount]:
    return {clip_id: ClipAccount(charged_usd_micros=charge, day=day) for clip_id, charge in charges.items()}


class Books:
    """Replicas' views of the same records."""

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

    async def record(self) -> bytes:
        """The tenant's record as it is stored."""
        found = await self.budgets.get("tenant.acme")
        assert found is not None
        return found.value

    async def told(self) -> list[tuple[str, int]]:
        """Every threshold that was told, by period and percent, in order."""
        found = await DirectGet(self.service.connection).last_of_each(VIDEO, ("tenant.v1.acme.>",))
        events = [decode_fact(each.body, subject=each.subject) for each in found]
        return [(event.period, event.percent) for event in events if isinstance(event, BudgetThresholdReached)]


@pytest.fixture
async def books(service: Service) -> Books:
    return Books(service, await service.bucket("budgets"), await service.bucket("tenants"))


@pytest.fixture
def ledgers(books: Books) -> list[Ledger]:
    return [books.replica() for _ in range(2)]


async def test_concurrent_holds_never_exceed_the_limit(ledgers: list[Ledger]) -> None:
    async def hold(n: int) -> bool:
        return await ledgers[n % 2].hold("acme", f"job_{n}", held(**{f"clip_{n}": 700_000}))

    taken = await asyncio.gather(*(hold(n) for n in range(40)))
    assert sum(taken) == 14
    assert await ledgers[0].left_usd_micros("acme", NOW) == 200_000


async def test_a_hold_taken_twice_counts_once(ledgers: list[Ledger]) -> None:
    for ledger in (*ledgers, *ledgers):
        assert await ledger.hold("acme", "job_a", held(clip_a=1_000_000, clip_b=2_000_000))
    assert await ledgers[0].left_usd_micros("acme", NOW) == 7_000_000


async def test_a_hold_over_several_clips_is_all_or_none(ledgers: list[Ledger]) -> None:
    assert not await ledgers[0].hold("acme", "job_a", held(clip_a=6_000_000, clip_b=6_000_000))
    assert await ledgers[0].left_usd_micros("acme", NOW) == 10_000_000
    assert set((await ledgers[0].accounts("job_a")).values()) == {ClipAccount()}


async def test_settling_twice_books_once_and_releases_the_rest(ledgers: list[Ledger]) -> None:
    await ledgers[0].hold("acme", "job_a", held(clip_a=1_000_000))
    settled = {"clip_a": ClipAccount(charged_usd_micros=600_000, day=TODAY)}
    await asyncio.gather(*(ledger.correct("acme", "job_a", settled) for ledger in (*ledgers, *ledgers)))
    assert await ledgers[0].left_usd_micros("acme", NOW) == 9_400_000


async def test_a_tenants_own_budget_replaces_the_default(ledgers: list[Ledger], books: Books) -> None:
    await books.tenants.put("acme", b'{"budget_usd_micros": 500000, "webhook_secret": "whsec_x"}')
    assert not await ledgers[0].hold("acme", "job_a", held(clip_a=600_000))
    assert await ledgers[0].left_usd_micros("acme", NOW) == 500_000


class Dying(Bucket):
    """A bucket whose process dies at its n-th write: before the write, or after it with the answer lost."""

    def __init__(self, bucket: Bucket, dies_at: int, *, after: bool) -> None:
        self.__dict__.update(bucket.__dict__)
        self._dies_at = dies_at
        self._after = after

    async def update(self, key: str, value: bytes, revision: int, *, ttl_s: float | None = None) -> int:
        self._dies_at -= 1
        if self._dies_at == 0 and not self._after:
            raise DiedError
        written = await super().update(key, value, revision, ttl_s=ttl_s)
        if self._dies_at == 0:
            raise DiedError
        return written


class DiedError(Exception):
    """The process is gone."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", range(1, 7))
async def test_a_crash_at_any_write_leaves_nothing_counted_twice_or_lost(
    books: Books, dies_at: int, after: bool
) -> None:
    healthy, dying = books.replica(), books.replica(Dying(books.budgets, dies_at, after=after))
    quotes = held(clip_a=4_000_000, clip_b=2_000_000)
    charges = charged(clip_a=3_600_000, clip_b=0)
    with contextlib.suppress(DiedError):
        await dying.hold("acme", "job_a", quotes)
        await dying.correct("acme", "job_a", charges)
    assert await healthy.hold("acme", "job_a", quotes)
    await healthy.correct("acme", "job_a", charges)
    await healthy.correct("acme", "job_a", charges)
    assert await healthy.left_usd_micros("acme", NOW) == 6_400_000
    assert await healthy.accounts("job_a") == charges
    assert await books.told() == [("total", 50)]


async def test_each_limit_binds_in_its_own_period(books: Books) -> None:
    ledger = books.replica(day=3_000_000, month=5_000_000)
    assert await ledger.hold("acme", "job_a", held(YESTERDAY, clip_a=3_000_000))
    assert not await ledger.hold("acme", "job_b", held(YESTERDAY, clip_b=1))
    assert await ledger.left_usd_micros("acme", NOW) == 2_000_000
    assert not await ledger.hold("acme", "job_c", held(TODAY, clip_c=2_000_001))
    assert await ledger.hold("acme", "job_c", held(TODAY, clip_c=2_000_000))
    assert await ledger.hold("acme", "job_d", held("2026-12-01", clip_d=3_000_000))
    assert not await ledger.hold("acme", "job_e", held("2026-12-02", clip_e=2_000_001))


async def test_a_late_success_counts_in_the_day_of_its_hold(books: Books) -> None:
    ledger = books.replica(day=3_000_000)
    await ledger.hold("acme", "job_a", held(YESTERDAY, clip_a=3_000_000))
    assert await ledger.left_usd_micros("acme", NOW) == 3_000_000
    await ledger.correct("acme", "job_a", charged(YESTERDAY, clip_a=2_500_000))
    assert await ledger.left_usd_micros("acme", NOW) == 3_000_000
    assert await ledger.hold("acme", "job_b", held(YESTERDAY, clip_b=500_000))
    assert not await ledger.hold("acme", "job_c", held(YESTERDAY, clip_c=1))


async def test_a_hold_taken_again_after_midnight_moves_to_the_new_day(books: Books) -> None:
    ledger = books.replica(day=3_000_000)
    await ledger.hold("acme", "job_a", held(YESTERDAY, clip_a=3_000_000))
    assert await ledger.hold("acme", "job_a", held(TODAY, clip_a=3_000_000))
    assert await ledger.hold("acme", "job_b", held(YESTERDAY, clip_b=3_000_000))
    assert not await ledger.hold("acme", "job_c", held(TODAY, clip_c=1))


async def test_a_refund_lowers_what_was_charged(ledgers: list[Ledger]) -> None:
    await ledgers[0].hold("acme", "job_a", held(clip_a=1_000_000))
    await ledgers[0].correct("acme", "job_a", charged(clip_a=900_000))
    await ledgers[1].correct("acme", "job_a", charged(clip_a=100_000))
    assert await ledgers[0].left_usd_micros("acme", NOW) == 9_900_000


async def test_each_threshold_is_told_once_per_period_however_often_it_is_crossed(books: Books) -> None:
    ledgers = [books.replica(day=4_000_000) for _ in range(2)]
    for number in range(3):
        job_id, clips = f"job_{number}", {f"clip_{number}": 3_500_000}
        assert await ledgers[number % 2].hold("acme", job_id, held(**clips))
        await ledgers[(number + 1) % 2].correct("acme", job_id, charged(**dict.fromkeys(clips, 0)))
    assert await books.told() == [(TODAY, 50), (TODAY, 80)]
    await asyncio.gather(*(ledger.hold("acme", "job_x", held(clip_x=4_000_000)) for ledger in ledgers))
    assert await books.told() == [(TODAY, 50), (TODAY, 80), (TODAY, 100)]
    books.clock.advance(24 * 3600)
    await ledgers[0].hold("acme", "job_y", held("2026-11-28", clip_y=2_000_000))
    assert (await books.told())[3:] == [("2026-11-28", 50), ("total", 50)]


async def test_a_threshold_reached_by_a_process_that_died_is_told_by_the_next(books: Books) -> None:
    async def dies(_: BudgetThresholdReached) -> bool:
        raise DiedError

    dying, healthy = books.replica(), books.replica()
    dying._tell = dies
    with pytest.raises(DiedError):
        await dying.hold("acme", "job_a", held(clip_a=9_000_000))
    await healthy.correct("acme", "job_a", charged(clip_a=0))
    assert await books.told() == [("total", 50), ("total", 80)]


async def test_periods_that_are_long_over_leave_the_record(books: Books) -> None:
    ledger = books.replica()
    await ledger.hold("acme", "job_a", held("2026-10-02", clip_a=1_000_000, clip_b=1_000_000))
    await ledger.correct("acme", "job_a", charged("2026-10-02", clip_a=700_000))
    assert b"2026-10-02" in await books.record()
    await ledger.correct("acme", "job_a", charged("2026-10-02", clip_b=800_000))
    assert b"2026-10" not in await books.record()
    assert await ledger.left_usd_micros("acme", NOW) == 8_500_000
