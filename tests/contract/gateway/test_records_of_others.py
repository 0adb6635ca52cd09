"""The gateway reads what others write into buckets: the router's budget records, the evaluator's benchmarks."""

from datetime import UTC, datetime

import msgspec
from router.domain.money import ClipAccount, ClipEntry, TenantAccount
from runtime.benchmarks import Benchmark, Comparison
from runtime.budgets import Sums, TenantSums


def test_the_gateway_reads_the_evaluators_benchmarks() -> None:
    compared = Comparison(
        metric="frechet_distance", extractor="tiny", distance=12.5, kernel_distance=0.2, n_clips=40, n_reference=200
    )
    at = datetime(2026, 11, 27, tzinfo=UTC)
    written = Benchmark(provider="kling", model="", since=at, measured_at=at, result=compared)
    read = msgspec.json.decode(msgspec.json.encode(written), type=Benchmark)
    assert msgspec.to_builtins(read) == msgspec.to_builtins(written)


def test_the_gateway_reads_the_routers_sums() -> None:
    entry = ClipEntry(account=ClipAccount(held_usd_micros=7, day="2026-11-27"))
    account = TenantAccount().counting("clip.job.a", entry)
    read = msgspec.json.decode(msgspec.json.encode(account), type=TenantSums)
    assert read == TenantSums(
        held_usd_micros=7,
        periods={"2026-11-27": Sums(held_usd_micros=7), "2026-11": Sums(held_usd_micros=7)},
    )
