from datetime import UTC, datetime
from pathlib import Path

import msgspec
from gateway.domain.providers import Ended, HealthRecord, Ordered, health_of, provider_list
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
    shown = provider_list(CATALOG, {("kling", "kling-2.6", "final"): record("")}, NOW)
    assert [each.name for each in shown.providers] == [each.name for each in CATALOG.provider]
    healthy = [(each.name, model.name) for each in shown.providers for model in each.models if model.health]
    assert healthy == [("kling", "kling-2.6")]
