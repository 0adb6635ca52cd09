from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from gateway.domain.providers import Known, health_of, provider_list
from runtime.benchmarks import Benchmark, Comparison
from runtime.breakers import Ended, HealthRecord, Ordered
from runtime.catalog import load_catalog

CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
AT = NOW.timestamp()


def record(*failures: str) -> HealthRecord:
    ends = tuple(Ended(f"clip_{n}", AT - 60 + n, failure, 10.0 + n) for n, failure in enumerate(failures))
    return HealthRecord(provider="kling", model="kling-2.6", stage="final", ends=ends)


def test_figures_are_about_the_clips_that_ended() -> None:
    health = health_of(record("", "refused", "", "unavailable", "withdrawn", "throttled"), NOW)
    assert (health.n_clips, health.error_rate, health.refusal_rate) == (5, 0.4, 0.2)
    assert health.failures == {"refused": 1, "throttled": 1, "unavailable": 1}
    assert health.n_failed_in_a_row == 2
    assert (health.latency_p50_s, health.latency_p90_s) == (12.0, 12.0)
    assert health.last_ended_at is not None


def test_a_model_that_nobody_asked_has_no_figures() -> None:
    health = health_of(record(), NOW)
    assert (health.n_clips, health.error_rate, health.latency_p50_s, health.last_ended_at) == (0, None, None, None)


def test_orders_without_an_end_are_in_flight_until_they_are_given_up() -> None:
    orders = (Ordered("clip_0", AT - 90), Ordered("clip_9", AT - 90), Ordered("clip_8", AT - 7_200))
    assert health_of(msgspec.structs.replace(record(""), orders=orders), NOW).n_in_flight == 1


def test_every_model_of_the_catalogue_is_shown_with_its_own_health() -> None:
    shown = provider_list(CATALOG, Known({("kling", "kling-2.6", "final"): record("")}), NOW)
    assert [each.name for each in shown.providers] == [each.name for each in CATALOG.provider]
    healthy = [(each.name, model.name) for each in shown.providers for model in each.models if model.health]
    assert healthy == [("kling", "kling-2.6")]


def shown(known: Known) -> dict[str, Any]:
    views = {each.name: each for each in provider_list(CATALOG, known, NOW).providers}
    return views | {model.name: model for view in views.values() for model in view.models}


def test_a_breaker_is_shown_with_why_and_until_when() -> None:
    key = ("kling", "kling-2.6", "final")
    n = CATALOG.policy.breaker.min_failures
    opened = shown(Known({key: record(*["unavailable"] * n)}))["kling-2.6"].breaker
    assert (opened.state, opened.failure, opened.n_failures) == ("open", "unavailable", n)
    assert opened.until == NOW + timedelta(seconds=CATALOG.policy.breaker.cooldown_s - 60 + n - 1)
    old = msgspec.structs.replace(record(), ends=tuple(Ended(f"c{i}", AT - 600, "unavailable", 1.0) for i in range(n)))
    assert shown(Known({key: old}))["kling-2.6"].breaker.state == "half_open"
    closed = shown(Known({key: record("unavailable", "")}))["kling-2.6"].breaker
    assert (closed.state, closed.failure, closed.until) == ("closed", None, None)


def test_a_refused_account_shows_at_every_model_of_the_vendor() -> None:
    views = shown(Known({("kling", "kling-2.6", "final"): record("auth")}))
    assert {views[name].breaker.failure for name in ("kling-2.6", "kling-2.5-turbo")} == {"auth"}
    assert views["gen4.5"].breaker.state == "closed"


def test_a_published_benchmark_is_shown_at_its_vendor_or_model() -> None:
    result = Comparison(
        metric="frechet_distance", extractor="tiny", distance=12.5, kernel_distance=0.2, n_clips=40, n_reference=200
    )
    published = {
        ("kling", model): Benchmark(provider="kling", model=model, since=NOW, measured_at=NOW, result=result)
        for model in ("", "kling-2.6")
    }
    views = shown(Known(benchmarks=published))
    assert views["kling"].benchmark.distance == views["kling-2.6"].benchmark.distance == 12.5
    assert views["kling-2.5-turbo"].benchmark is None
