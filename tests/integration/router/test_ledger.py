import asyncio
import contextlib

import pytest
from router.adapters.ledger import Ledger
from router.domain.money import ClipAccount
from runtime.buckets import Bucket
from runtime.service import Service


@pytest.fixture
async def ledgers(service: Service) -> list[Ledger]:
    """Two replicas' views of the same records; the limit is ten dollars."""
    budgets, tenants = await service.bucket("budgets"), await service.bucket("tenants")
    return [Ledger(budgets, tenants, default_limit_usd_micros=10_000_000) for _ in range(2)]


async def test_concurrent_holds_never_exceed_the_limit(ledgers: list[Ledger]) -> None:
    async def hold(n: int) -> bool:
        return await ledgers[n % 2].hold("acme", f"job_{n}", {f"clip_{n}": 700_000})

    taken = await asyncio.gather(*(hold(n) for n in range(40)))
    assert sum(taken) == 14
    assert await ledgers[0].left_usd_micros("acme") == 200_000


async def test_a_hold_taken_twice_counts_once(ledgers: list[Ledger]) -> None:
    for ledger in (*ledgers, *ledgers):
        assert await ledger.hold("acme", "job_a", {"clip_a": 1_000_000, "clip_b": 2_000_000})
    assert await ledgers[0].left_usd_micros("acme") == 7_000_000


async def test_a_hold_over_several_clips_is_all_or_none(ledgers: list[Ledger]) -> None:
    assert not await ledgers[0].hold("acme", "job_a", {"clip_a": 6_000_000, "clip_b": 6_000_000})
    assert await ledgers[0].left_usd_micros("acme") == 10_000_000
    assert set((await ledgers[0].accounts("job_a")).values()) == {ClipAccount()}


async def test_settling_twice_books_once_and_releases_the_rest(ledgers: list[Ledger]) -> None:
    await ledgers[0].hold("acme", "job_a", {"clip_a": 1_000_000})
    settled = {"clip_a": ClipAccount(charged_usd_micros=600_000)}
    await asyncio.gather(*(ledger.correct("acme", "job_a", settled) for ledger in (*ledgers, *ledgers)))
    assert await ledgers[0].left_usd_micros("acme") == 9_400_000


async def test_a_tenants_own_budget_replaces_the_default(ledgers: list[Ledger], service: Service) -> None:
    tenants = await service.bucket("tenants")
    await tenants.put("acme", b'{"budget_usd_micros": 500000, "webhook_secret": "whsec_x"}')
    assert not await ledgers[0].hold("acme", "job_a", {"clip_a": 600_000})
    assert await ledgers[0].left_usd_micros("acme") == 500_000


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
    service: Service, dies_at: int, after: bool
) -> None:
    budgets, tenants = await service.bucket("budgets"), await service.bucket("tenants")
    healthy = Ledger(budgets, tenants, default_limit_usd_micros=10_000_000)
    dying = Ledger(Dying(budgets, dies_at, after=after), tenants, default_limit_usd_micros=10_000_000)
    quotes = {"clip_a": 1_000_000, "clip_b": 2_000_000}
    charges = {"clip_a": ClipAccount(charged_usd_micros=600_000), "clip_b": ClipAccount()}
    with contextlib.suppress(DiedError):
        await dying.hold("acme", "job_a", quotes)
        await dying.correct("acme", "job_a", charges)
    assert await healthy.hold("acme", "job_a", quotes)
    await healthy.correct("acme", "job_a", charges)
    await healthy.correct("acme", "job_a", charges)
    assert await healthy.left_usd_micros("acme") == 9_400_000
    assert await healthy.accounts("job_a") == charges
