"""The estimate at admission: the plan it assumes, and a range that holds the router's."""

from datetime import date
from pathlib import Path

import msgspec
import pytest
from dailies_contracts import ReferenceImage, VideoRequest
from gateway.domain.estimate import Estimate, RoutingRules, estimate, price_key
from gateway.estimates import Estimator
from runtime.catalog import load_catalog
from testkit.builders import NOW

CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")
SCORING = CATALOG.policy.scoring_cost_usd_micros
TODAY = date(2026, 11, 27)


def maybe(rules: RoutingRules | None = None, **fields: object) -> Estimate | None:
    request = VideoRequest(prompt="cup", **fields)  # type: ignore[arg-type]
    return estimate(price_key(request, rules or RoutingRules()), CATALOG, TODAY)


def of(rules: RoutingRules | None = None, **fields: object) -> Estimate:
    found = maybe(rules, **fields)
    assert found is not None
    return found


def test_the_expected_cost_is_that_of_the_plan_to_the_micro_dollar() -> None:
    found = of(quality="premium", duration_s=5)
    prices = [clip.price_usd_micros for clip in found.plan.clips]
    assert found.expected_usd_micros == sum(prices) + len(prices) * SCORING
    assert found.scoring_usd_micros == len(prices) * SCORING
    assert [clip.stage for clip in found.plan.clips] == ["draft"] * found.plan.n_drafts + ["final"]
    assert len({clip.provider for clip in found.plan.clips[:-1]}) == found.plan.n_drafts


def test_the_stages_add_up_to_the_whole() -> None:
    found = of(quality="premium")
    for name in ("low", "expected", "high"):
        assert sum(getattr(each, f"{name}_usd_micros") for each in found.stages) == getattr(found, f"{name}_usd_micros")
    assert found.low_usd_micros < found.expected_usd_micros < found.high_usd_micros < found.ceiling_usd_micros


def test_a_draft_job_costs_less_than_a_premium_one_and_has_no_final() -> None:
    draft, premium = of(quality="draft"), of(quality="premium")
    assert draft.high_usd_micros < premium.high_usd_micros
    assert [each.stage for each in draft.stages] == ["draft"]
    assert draft.low_usd_micros > 0


def test_wishes_and_rules_narrow_the_vendors() -> None:
    free, pinned = of(), of(provider="kling")
    assert {clip.provider for clip in pinned.plan.clips} == {"kling"}
    assert pinned.high_usd_micros < free.high_usd_micros
    assert "kling" not in {clip.provider for clip in of(deny_providers=("kling",)).plan.clips}
    ruled = of(RoutingRules(allow_providers=("veo",)))
    assert {clip.provider for clip in ruled.plan.clips} == {"veo"}
    assert maybe(RoutingRules(allow_providers=("veo",)), allow_providers=("kling",)) is None
    assert maybe(RoutingRules(regions=("moon",))) is None


def test_a_budget_bounds_the_range_and_leaves_drafts_out() -> None:
    free = of(quality="premium")
    tight = of(quality="premium", budget_usd_micros=free.expected_usd_micros - 1)
    assert tight.plan.n_drafts < free.plan.n_drafts
    assert tight.ceiling_usd_micros <= free.expected_usd_micros - 1


def test_sound_costs_more_for_the_final_alone() -> None:
    silent, sounding = of(quality="premium", resolution="1080p"), of(quality="premium", resolution="1080p", audio=True)
    assert sounding.high_usd_micros > silent.high_usd_micros
    assert not any(clip.audio for clip in sounding.plan.clips if clip.stage == "draft")


@pytest.mark.parametrize("fields", [{"duration_s": 60}, {"resolution": "4k", "duration_s": 10}, {"provider": "nobody"}])
def test_what_no_model_can_serve_has_no_estimate(fields: dict[str, object]) -> None:
    assert maybe(**fields) is None


def image(role: str | None = None) -> ReferenceImage:
    return ReferenceImage(uri="s3://b/k", sha256="0" * 64, size_bytes=1, media_type="image/png", role=role)


def test_images_narrow_the_vendors_and_change_prices() -> None:
    between = (image(), image("last_frame"))
    kling = of(provider="kling", quality="premium", reference_images=between)
    assert [(clip.model, clip.resolution) for clip in kling.plan.clips] == [("kling-2.6", "1080p")]
    assert kling.plan.clips[0].price_usd_micros == 350_000
    pika = of(provider="pika", quality="draft", duration_s=5, resolution="1080p", reference_images=between)
    assert {(clip.resolution, clip.price_usd_micros) for clip in pika.plan.clips} == {("720p", 200_000)}
    assert maybe(provider="runway", reference_images=between) is None
    shown = of(quality="premium", duration_s=5, reference_images=(image("reference"),))
    assert [(clip.model, clip.duration_s) for clip in shown.plan.clips] == [("veo-3.1-generate-001", 8)]


def test_references_beside_a_first_frame_change_no_price() -> None:
    both = of(quality="premium", reference_images=(image(), image()))
    assert both == of(quality="premium", reference_images=(image(),))


def test_a_replaced_catalogue_counts_at_once() -> None:
    catalog = CATALOG
    estimator = Estimator(lambda: catalog, lambda: NOW)
    request = VideoRequest(prompt="cup")
    before = estimator.estimate(request)
    policy = msgspec.structs.replace(CATALOG.policy, scoring_cost_usd_micros=SCORING + 1)
    catalog = msgspec.structs.replace(CATALOG, policy=policy)
    after = estimator.estimate(request)
    assert before is not None
    assert after is not None
    assert after.expected_usd_micros == before.expected_usd_micros + len(before.plan.clips)
    assert Estimator(None, lambda: NOW).estimate(request) is None
