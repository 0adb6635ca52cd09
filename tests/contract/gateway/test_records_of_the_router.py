"""The gateway reads what the router writes: budget records and vendors' health."""

import msgspec
from gateway.domain import providers
from router.domain import health
from router.domain.money import ClipAccount, ClipEntry, TenantAccount
from runtime.budgets import Sums, TenantSums


def test_the_gateway_reads_the_routers_health_records() -> None:
    record = health.HealthRecord(provider="kling", model="kling-2.6", stage="final")
    record = health.with_order(record, health.Ordered("clip_a", 1.0))
    record = health.with_end(record, health.Ended("clip_a", 2.0, "unavailable", 1.0))
    read = msgspec.json.decode(msgspec.json.encode(record), type=providers.HealthRecord)
    assert (read.provider, read.model, read.stage) == ("kling", "kling-2.6", "final")
    assert read.ends == (providers.Ended("clip_a", 2.0, "unavailable", 1.0),)
    assert read.orders == (providers.Ordered("clip_a", 1.0),)
    assert providers.GIVEN_UP_AFTER_S == health.GIVEN_UP_AFTER_S


def test_the_gateway_reads_the_routers_sums() -> None:
    entry = ClipEntry(account=ClipAccount(held_usd_micros=7, day="2026-11-27"))
    account = TenantAccount().counting("clip.job.a", entry)
    read = msgspec.json.decode(msgspec.json.encode(account), type=TenantSums)
    assert read == TenantSums(
        held_usd_micros=7,
        periods={"2026-11-27": Sums(held_usd_micros=7), "2026-11": Sums(held_usd_micros=7)},
    )
