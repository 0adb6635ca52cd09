import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from dailies_contracts import BudgetThresholdReached
from router.adapters.ledger import Ledger
from router.domain.money import ClipAccount
from runtime.buckets import Bucket

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
N_WRITES_OF_THE_HOLD = 5
"""Two clips, the totals, two clips."""
TODAY, YESTERDAY = "2026-11-27", "2026-11-26"


def held(day: str = TODAY, **quotes: int) -> dict[str, ClipAccount]:
    """Holds by clip id."""
    return {clip_id: ClipAccount(held_usd_micros=quote, day=day) for clip_id, quote in quotes.items()}


def charged(day: str = TODAY, **charges: int) -> dict[str, ClipAccount]:
    return {clip_id: ClipAccount(charged_usd_micros=charge, day=day) for clip_id, charge in charges.items()}


async def left_usd_micros(ledger: Ledger) -> int:
    return (await ledger.look("acme", "job_a")).left_usd_micros(NOW)


async def test_concurrent_holds_never_exceed_the_limit(ledgers: list[Ledger]) -> None:
    async def hold(n: int) -> bool:
        return await ledgers[n % 2].hold("acme", f"job_{n}", held(**{f"clip_{n}": 700_000}), sequence=1)

    taken = await asyncio.gather(*(hold(n) for n in range(40)))
    assert sum(taken) == 14
    assert await left_usd_micros(ledgers[0]) == 200_000


async def test_a_hold_taken_twice_counts_once(ledgers: list[Ledger]) -> None:
    for ledger in (*ledgers, *ledgers):
        assert await ledger.hold("acme", "job_a", held(clip_a=1_000_000, clip_b=2_000_000), sequence=1)
    assert await left_usd_micros(ledgers[0]) == 7_000_000


async def test_a_hold_over_several_clips_is_all_or_none(ledgers: list[Ledger], desk: Any) -> None:
    assert not await ledgers[0].hold("acme", "job_a", held(clip_a=6_000_000, clip_b=6_000_000), sequence=1)
    assert await left_usd_micros(ledgers[0]) == 10_000_000
    assert set((await desk.accounts("job_a")).values()) == {ClipAccount()}


async def test_settling_twice_books_once_and_releases_the_rest(ledgers: list[Ledger]) -> None:
    await ledgers[0].hold("acme", "job_a", held(clip_a=1_000_000), sequence=1)
    settled = {"clip_a": ClipAccount(charged_usd_micros=600_000, day=TODAY)}
    await asyncio.gather(*(ledger.correct("acme", "job_a", settled, sequence=2) for ledger in (*ledgers, *ledgers)))
    assert await left_usd_micros(ledgers[0]) == 9_400_000


async def test_a_tenants_own_budget_replaces_the_default(ledgers: list[Ledger], desk: Any) -> None:
    await desk.tenants.put("acme", b'{"budget_usd_micros": 500000, "webhook_secret": "whsec_x"}')
    assert not await ledgers[0].hold("acme", "job_a", held(clip_a=600_000), sequence=1)
    assert await left_usd_micros(ledgers[0]) == 500_000


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", range(1, 11))
async def test_a_crash_at_any_write_leaves_nothing_counted_twice_or_lost(
    desk: Any, died: type[Exception], dies_at: int, after: bool
) -> None:
    healthy, dying = desk.replica(), desk.dying(dies_at, after=after)
    quotes = held(clip_a=4_000_000, clip_b=2_000_000)
    charges = charged(clip_a=3_600_000, clip_b=0)
    with contextlib.suppress(died):
        await dying.hold("acme", "job_a", quotes, sequence=1)
        await dying.correct("acme", "job_a", charges, sequence=2)
    was_settling = dies_at > N_WRITES_OF_THE_HOLD + (not after)
    assert await healthy.hold("acme", "job_a", quotes, sequence=1) is not was_settling
    await healthy.correct("acme", "job_a", charges, sequence=2)
    await healthy.correct("acme", "job_a", charges, sequence=2)
    assert await left_usd_micros(healthy) == 6_400_000
    assert await desk.accounts("job_a") == charges
    assert await desk.told() == [("total", 50)]


async def test_each_limit_binds_in_its_own_period(desk: Any) -> None:
    ledger = desk.replica(day=3_000_000, month=5_000_000)
    assert await ledger.hold("acme", "job_a", held(YESTERDAY, clip_a=3_000_000), sequence=1)
    assert not await ledger.hold("acme", "job_b", held(YESTERDAY, clip_b=1), sequence=1)
    assert await left_usd_micros(ledger) == 2_000_000
    assert not await ledger.hold("acme", "job_c", held(TODAY, clip_c=2_000_001), sequence=1)
    assert await ledger.hold("acme", "job_c", held(TODAY, clip_c=2_000_000), sequence=1)
    assert await ledger.hold("acme", "job_d", held("2026-12-01", clip_d=3_000_000), sequence=1)
    assert not await ledger.hold("acme", "job_e", held("2026-12-02", clip_e=2_000_001), sequence=1)


async def test_a_late_success_counts_in_the_day_of_its_hold(desk: Any) -> None:
    ledger = desk.replica(day=3_000_000)
    await ledger.hold("acme", "job_a", held(YESTERDAY, clip_a=3_000_000), sequence=1)
    assert await left_usd_micros(ledger) == 3_000_000
    await ledger.correct("acme", "job_a", charged(YESTERDAY, clip_a=2_500_000), sequence=2)
    assert await left_usd_micros(ledger) == 3_000_000
    assert await ledger.hold("acme", "job_b", held(YESTERDAY, clip_b=500_000), sequence=1)
    assert not await ledger.hold("acme", "job_c", held(YESTERDAY, clip_c=1), sequence=1)


async def test_a_hold_taken_again_after_midnight_moves_to_the_new_day(desk: Any) -> None:
    ledger = desk.replica(day=3_000_000)
    await ledger.hold("acme", "job_a", held(YESTERDAY, clip_a=3_000_000), sequence=1)
    assert await ledger.hold("acme", "job_a", held(TODAY, clip_a=3_000_000), sequence=1)
    assert await ledger.hold("acme", "job_b", held(YESTERDAY, clip_b=3_000_000), sequence=1)
    assert not await ledger.hold("acme", "job_c", held(TODAY, clip_c=1), sequence=1)


async def test_a_refund_lowers_what_was_charged(ledgers: list[Ledger]) -> None:
    await ledgers[0].hold("acme", "job_a", held(clip_a=1_000_000), sequence=1)
    await ledgers[0].correct("acme", "job_a", charged(clip_a=900_000), sequence=2)
    await ledgers[1].correct("acme", "job_a", charged(clip_a=100_000), sequence=2)
    assert await left_usd_micros(ledgers[0]) == 9_900_000


async def test_each_threshold_is_told_once_per_period_however_often_it_is_crossed(desk: Any) -> None:
    ledgers = [desk.replica(day=4_000_000) for _ in range(2)]
    for number in range(3):
        job_id, clips = f"job_{number}", {f"clip_{number}": 3_500_000}
        assert await ledgers[number % 2].hold("acme", job_id, held(**clips), sequence=1)
        await ledgers[(number + 1) % 2].correct("acme", job_id, charged(**dict.fromkeys(clips, 0)), sequence=2)
    assert await desk.told() == [(TODAY, 50), (TODAY, 80)]
    await asyncio.gather(*(ledger.hold("acme", "job_x", held(clip_x=4_000_000), sequence=1) for ledger in ledgers))
    assert await desk.told() == [(TODAY, 50), (TODAY, 80), (TODAY, 100)]
    desk.clock.advance(24 * 3600)
    await ledgers[0].hold("acme", "job_y", held("2026-11-28", clip_y=2_000_000), sequence=1)
    assert (await desk.told())[3:] == [("2026-11-28", 50), ("total", 50)]


async def test_a_threshold_reached_by_a_process_that_died_is_told_by_the_next(desk: Any, died: type[Exception]) -> None:
    async def dies(_: BudgetThresholdReached) -> bool:
        raise died

    dying, healthy = desk.replica(), desk.replica()
    dying._tell = dies
    with pytest.raises(died):
        await dying.hold("acme", "job_a", held(clip_a=9_000_000), sequence=1)
    await healthy.correct("acme", "job_a", charged(clip_a=0), sequence=2)
    assert await desk.told() == [("total", 50), ("total", 80)]


async def test_periods_that_are_long_over_leave_the_record(desk: Any) -> None:
    ledger = desk.replica()
    await ledger.hold("acme", "job_a", held("2026-10-02", clip_a=1_000_000, clip_b=1_000_000), sequence=1)
    await ledger.correct("acme", "job_a", charged("2026-10-02", clip_a=700_000), sequence=2)
    assert set((await desk.record()).periods) == {"2026-10-02", "2026-10"}
    await ledger.correct("acme", "job_a", charged("2026-10-02", clip_b=800_000), sequence=2)
    assert (await desk.record()).periods == {}
    assert await left_usd_micros(ledger) == 8_500_000


async def test_a_record_never_goes_back_to_an_older_history(desk: Any) -> None:
    ledger = desk.replica()
    assert await ledger.hold("acme", "job_a", held(clip_a=1_000_000), sequence=1)
    await ledger.correct("acme", "job_a", charged(clip_a=900_000), sequence=5)
    await ledger.correct("acme", "job_a", charged(clip_a=300_000), sequence=9)
    await ledger.correct("acme", "job_a", charged(clip_a=900_000), sequence=5)
    assert not await ledger.hold("acme", "job_a", held(clip_a=1_000_000), sequence=4)
    assert await desk.accounts("job_a") == charged(clip_a=300_000)
    assert await left_usd_micros(ledger) == 9_700_000


async def test_a_writer_that_stood_still_does_not_count_what_another_has_counted_for_it(desk: Any) -> None:
    paused, at_totals = asyncio.Event(), asyncio.Event()

    class Pausing(Bucket):
        """Stands still before it writes the totals."""

        async def update(self, key: str, value: bytes, revision: int, *, ttl_s: float | None = None) -> int:
            if key.startswith("tenant.") and not at_totals.is_set():
                at_totals.set()
                await paused.wait()
            return await super().update(key, value, revision, ttl_s=ttl_s)

    bucket = Pausing.__new__(Pausing)
    bucket.__dict__.update(desk.budgets.__dict__)
    slow, quick = desk.replica(bucket), desk.replica()
    holding = asyncio.create_task(slow.hold("acme", "job_a", held(clip_a=1_000_000), sequence=1))
    await at_totals.wait()
    assert await quick.hold("acme", "job_a", held(clip_a=1_000_000), sequence=1)
    assert await quick.hold("acme", "job_b", held(clip_b=1_000_000), sequence=1)
    assert (await desk.record()).recent.keys() == {"clip.job_b.clip_b"}
    paused.set()
    assert await holding
    assert (await desk.record()).held_usd_micros == 2_000_000


async def test_a_half_done_hold_that_does_not_fit_is_refused_whoever_finishes_it(
    desk: Any, died: type[Exception]
) -> None:
    dying = desk.dying(2, after=False)
    with pytest.raises(died):
        await dying.hold("acme", "job_a", held(clip_a=6_000_000), sequence=1)
    ledger = desk.replica()
    assert await ledger.hold("acme", "job_b", held(clip_b=6_000_000), sequence=1)
    await ledger.correct("acme", "job_a", charged(clip_a=0), sequence=3)
    record = await desk.record()
    assert (record.spent_usd_micros, record.held_usd_micros) == (0, 6_000_000)


async def test_of_two_decisions_about_one_clip_the_larger_hold_stands_until_one_is_ordered(
    ledgers: list[Ledger],
) -> None:
    assert await ledgers[0].hold("acme", "job_a", held(clip_a=6_000_000), sequence=1)
    assert await ledgers[1].hold("acme", "job_a", held(clip_a=2_000_000), sequence=1)
    assert not await ledgers[1].hold("acme", "job_b", held(clip_b=5_000_000), sequence=1)
    await ledgers[0].correct("acme", "job_a", held(clip_a=6_000_000), sequence=2)
    assert await left_usd_micros(ledgers[0]) == 4_000_000
    await ledgers[0].correct("acme", "job_a", charged(clip_a=1_000_000), sequence=3)
    assert await ledgers[1].hold("acme", "job_b", held(clip_b=5_000_000), sequence=1)


async def test_a_settlement_that_finishes_anothers_hold_passes_no_limit(desk: Any, died: type[Exception]) -> None:
    ledger = desk.replica()
    assert await ledger.hold("acme", "job_a", held(clip_a=6_000_000), sequence=1)
    with pytest.raises(died):
        await desk.dying(2, after=False).hold("acme", "job_a", held(clip_b=5_000_000), sequence=2)
    settled = charged(clip_a=6_000_000) | charged(clip_b=0)
    await ledger.correct("acme", "job_a", settled, sequence=3)
    record = await desk.record()
    assert (record.spent_usd_micros, record.held_usd_micros) == (6_000_000, 0)
    assert await desk.told() == [("total", 50)]
