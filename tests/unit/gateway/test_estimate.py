"""The estimate at admission: a range that holds the router's plan."""

from pathlib import Path

import pytest
from dailies_contracts import VideoRequest
from gateway.domain.estimate import Estimate, estimate, price_key
from runtime.catalog import load_catalog

CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")


def of(**fields: object) -> Estimate | None:
    return estimate(price_key(VideoRequest(prompt="cup", **fields)), CATALOG)  # type: ignore[arg-type]


def test_a_premium_job_costs_drafts_and_a_final() -> None:
    found = of(quality="premium", duration_s=5)
    drafts = [
        model.price_usd_micros(duration_s=length, resolution="720p", audio=False)
        for _, model in CATALOG.listings()
        if model.tier == "draft" and (length := next((x for x in model.durations_s if x >= 5), 0))
    ]
    assert found is not None
    assert 0 < found.from_usd_micros < found.to_usd_micros
    assert found.to_usd_micros > CATALOG.policy.draft_count * max(drafts)


def test_a_draft_job_costs_less_than_a_premium_one() -> None:
    draft, premium = of(quality="draft"), of(quality="premium")
    assert draft is not None
    assert premium is not None
    assert draft.to_usd_micros < premium.to_usd_micros


def test_a_pin_narrows_the_range() -> None:
    pinned, free = of(provider="kling"), of()
    assert pinned is not None
    assert free is not None
    assert pinned.to_usd_micros < free.to_usd_micros


def test_sound_costs_more_for_the_final_alone() -> None:
    silent, sounding = of(quality="premium", resolution="1080p"), of(quality="premium", resolution="1080p", audio=True)
    assert silent is not None
    assert sounding is not None
    assert sounding.to_usd_micros > silent.to_usd_micros


@pytest.mark.parametrize("fields", [{"duration_s": 60}, {"resolution": "4k", "duration_s": 10}, {"provider": "nobody"}])
def test_what_no_model_can_serve_has_no_estimate(fields: dict[str, object]) -> None:
    assert of(**fields) is None
