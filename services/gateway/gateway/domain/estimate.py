"""What a job will cost, said at once: the plan that the router is expected to make, and the range around it.

The router decides later, with budget, vendors and what was learned as they are then; what it plans lies within the
range. What fails is rendered again, up to the ceiling.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec
from dailies_contracts import CostEstimate, Quality, Stage, VideoRequest
from dailies_contracts.base import Resolution
from runtime.catalog import Catalog, Listing, Model
from runtime.worth import price_of, utility_of

from gateway.domain.job import Part

RESOLUTIONS: tuple[Resolution, ...] = ("480p", "720p", "1080p", "4k")


class RoutingRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant's settings say about vendors, as the router reads them."""

    plan: str = ""
    allow_providers: tuple[str, ...] = ()
    deny_providers: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    allow_lower_tier: bool = True


class PriceKey(msgspec.Struct, frozen=True):
    """What of a request its price depends on; hashable, so that estimates can be remembered."""

    quality: Quality
    duration_s: int
    aspect_ratio: str
    resolution: Resolution
    audio: bool
    provider: str | None
    first_frame: bool
    last_frame: bool
    references: bool
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    use_case: str
    may_be_lower: bool
    budget_usd_micros: int | None
    rules: RoutingRules


class PlannedClip(Part, frozen=True, kw_only=True):
    """One clip of the plan, at the vendor's own length, without the scoring."""

    stage: Stage
    provider: str
    model: str
    duration_s: int
    resolution: str
    audio: bool
    price_usd_micros: int


class AssumedPlan(Part, frozen=True, kw_only=True):
    """What the expected cost assumes: the vendors that the catalogue's figures favour, and that nothing fails."""

    n_drafts: int
    has_final: bool
    clips: tuple[PlannedClip, ...]
    reason: str


class StageEstimate(Part, frozen=True, kw_only=True):
    """What one stage costs, scoring included."""

    stage: Stage
    n_clips: int
    low_usd_micros: int
    expected_usd_micros: int
    high_usd_micros: int


class Estimate(Part, frozen=True, kw_only=True):
    """What a job will cost, micro-dollars, scoring included.

    Attributes:
        low_usd_micros: The cheapest vendors take it, with as few drafts as may be planned.
        expected_usd_micros: The plan below.
        high_usd_micros: The dearest vendors take it, with as many drafts as may be planned.
        ceiling_usd_micros: The most it can cost where clips fail and are rendered again.
        scoring_usd_micros: What of the expected cost is scoring.
        all_premium_usd_micros: What as many clips would cost, all of them rendered by the best model that may serve.
    """

    low_usd_micros: int
    expected_usd_micros: int
    high_usd_micros: int
    ceiling_usd_micros: int
    scoring_usd_micros: int
    all_premium_usd_micros: int
    stages: tuple[StageEstimate, ...]
    plan: AssumedPlan

    def as_fact(self) -> CostEstimate:
        """Give what is kept with the job."""
        return CostEstimate(
            low_usd_micros=self.low_usd_micros,
            expected_usd_micros=self.expected_usd_micros,
            high_usd_micros=self.high_usd_micros,
        )


def price_key(request: VideoRequest, rules: RoutingRules) -> PriceKey:
    """Give what of a request its price depends on."""
    return PriceKey(
        request.quality,
        request.duration_s,
        request.aspect_ratio,
        request.resolution,
        request.audio,
        request.provider,
        request.first_frame is not None,
        request.last_frame is not None,
        request.first_frame is None and bool(request.images_as("reference")),
        request.allow_providers,
        request.deny_providers,
        request.use_case,
        request.allow_lower_tier and rules.allow_lower_tier,
        request.budget_usd_micros,
        rules,
    )


def estimate(key: PriceKey, catalog: Catalog, today: date) -> Estimate | None:
    """Estimate a job.

    Args:
        key: What was asked for.
        catalog: Prices and what to expect.
        today: UTC; some models retire.

    Returns:
        None where no model of the catalogue can serve the request.
    """
    drafts = _ranked(key, catalog, "draft", today)
    finals = [] if key.quality == "draft" else _of_asked_grade(_ranked(key, catalog, "final", today), key, catalog)
    needs_final = key.quality != "draft" and not (drafts and key.may_be_lower)
    if not finals and (needs_final or not drafts):
        return None
    plan = _plan(key, catalog, drafts, finals)
    stages = _stages(plan, drafts, finals, catalog)
    high = sum(each.high_usd_micros for each in stages)
    expected = sum(each.expected_usd_micros for each in stages)
    retries = round(high * catalog.policy.max_retry_cost_ratio)
    budget = high + retries if key.budget_usd_micros is None else key.budget_usd_micros
    scoring = len(plan.clips) * catalog.policy.scoring_cost_usd_micros
    best = _best(finals or list(plan.clips), catalog)
    return Estimate(
        low_usd_micros=sum(each.low_usd_micros for each in stages),
        expected_usd_micros=expected,
        high_usd_micros=max(expected, min(high, budget)),
        ceiling_usd_micros=max(expected, min(high + retries, budget)),
        scoring_usd_micros=scoring,
        all_premium_usd_micros=len(plan.clips) * best.price_usd_micros + scoring,
        stages=stages,
        plan=plan,
    )


def _best(clips: list[PlannedClip], catalog: Catalog) -> PlannedClip:
    """Give the clip of the model that the catalogue thinks most of, whatever it costs."""
    listings = {clip.model: catalog.find(clip.provider, clip.model) for clip in clips}
    return max(clips, key=lambda clip: found.model.quality if (found := listings[clip.model]) else 0.0)


def _plan(key: PriceKey, catalog: Catalog, drafts: list[PlannedClip], finals: list[PlannedClip]) -> AssumedPlan:
    final = finals[:1]
    if not drafts:
        return _assumed(final, "No model of the draft tier can serve the request: straight to the final.")
    cheapest = min(clip.price_usd_micros for clip in drafts)
    if final and final[0].price_usd_micros < catalog.policy.min_price_ratio * cheapest:
        return _assumed(final, "Drafts do not pay: a final costs little more than a draft.")
    fewest = 0 if final else 1
    for n in range(catalog.policy.draft_count, fewest - 1, -1):
        clips = [*_spread(drafts, n), *final]
        cost = sum(clip.price_usd_micros + catalog.policy.scoring_cost_usd_micros for clip in clips)
        if n == fewest or key.budget_usd_micros is None or cost <= key.budget_usd_micros:
            break
    if n == 0:
        return _assumed(final, "The job's budget is too small for drafts: straight to the final.")
    told = f"then the best one goes to {final[0].model}" if final else "the best one is what is delivered"
    return _assumed(clips, f"{n} drafts at different vendors where possible, {told}.")


def _assumed(clips: Sequence[PlannedClip], reason: str) -> AssumedPlan:
    n_drafts = sum(clip.stage == "draft" for clip in clips)
    return AssumedPlan(n_drafts=n_drafts, has_final=len(clips) > n_drafts, clips=tuple(clips), reason=reason)


def _stages(
    plan: AssumedPlan, drafts: list[PlannedClip], finals: list[PlannedClip], catalog: Catalog
) -> tuple[StageEstimate, ...]:
    # A final may go without drafts; drafts alone are at least one.
    fewest = 0 if finals else 1
    stages = []
    if drafts:
        stages.append(_stage(plan, drafts, catalog, least=fewest, most=catalog.policy.draft_count))
    if finals:
        stages.append(_stage(plan, finals, catalog, least=1, most=1))
    return tuple(stages)


def _stage(plan: AssumedPlan, found: list[PlannedClip], catalog: Catalog, *, least: int, most: int) -> StageEstimate:
    scoring, stage = catalog.policy.scoring_cost_usd_micros, found[0].stage
    prices = [clip.price_usd_micros + scoring for clip in found]
    planned = [clip.price_usd_micros + scoring for clip in plan.clips if clip.stage == stage]
    return StageEstimate(
        stage=stage,
        n_clips=len(planned),
        low_usd_micros=least * min(prices),
        expected_usd_micros=sum(planned),
        high_usd_micros=most * max(prices),
    )


def _spread(clips: Iterable[PlannedClip], n: int) -> list[PlannedClip]:
    """Choose n clips as the router does: each time from the vendor that has the fewest, best first."""
    ranked, load = list(clips), Counter[str]()
    chosen: list[PlannedClip] = []
    while len(chosen) < n:
        best = min(ranked, key=lambda clip: (load[clip.provider], ranked.index(clip)))
        load[best.provider] += 1
        chosen.append(best)
    return chosen


def _ranked(key: PriceKey, catalog: Catalog, stage: Stage, today: date) -> list[PlannedClip]:
    """List what each model would render, the one that the catalogue's figures favour first."""
    policy = catalog.policy
    found: list[tuple[float, PlannedClip]] = []
    for listing in catalog.listings():
        if listing.model.tier != stage or not _is_allowed(key, listing, catalog, today):
            continue
        clip, model = _clip(key, listing), listing.model
        if clip is not None:
            cost = clip.price_usd_micros
            price = price_of(policy, quality=key.quality, stage=stage, cost_usd_micros=cost, latency_s=model.latency_s)
            worth = utility_of(policy, quality=key.quality, stage=stage, score=model.quality, price=price)
            found.append((worth, clip))
    found.sort(key=lambda each: (-each[0], each[1].model))
    return [clip for _, clip in found]


def _of_asked_grade(finals: list[PlannedClip], key: PriceKey, catalog: Catalog) -> list[PlannedClip]:
    """Keep the finals to the tier that was asked for; another one takes over where it may and must."""
    case = catalog.use_case_named(key.use_case)
    premium = catalog.policy.premium_grades if key.quality == "premium" else None
    grades = case.grades if case else premium
    if grades is None or key.provider is not None:
        return finals
    listings = {clip.model: catalog.find(clip.provider, clip.model) for clip in finals}
    asked = [clip for clip in finals if (found := listings[clip.model]) and found.model.grade in grades]
    return asked or (finals if key.may_be_lower else [])


def _is_allowed(key: PriceKey, listing: Listing, catalog: Catalog, today: date) -> bool:
    provider, model, rules = listing.provider, listing.model, key.rules
    plan = catalog.plan_named(rules.plan)
    return (
        provider.enabled
        and not model.is_retired(today)
        and key.provider in (None, provider.name)
        and all(not names or provider.name in names for names in (key.allow, rules.allow_providers))
        and provider.name not in (*key.deny, *rules.deny_providers)
        and (not rules.regions or bool(set(rules.regions) & set(provider.regions)))
        and (plan is None or model.grade in plan.grades)
    )


def _clip(key: PriceKey, listing: Listing) -> PlannedClip | None:
    if not _takes(key, listing.model):
        return None
    model = listing.model.ordered_with(last_frame=key.last_frame, references=key.references)
    is_draft = model.tier == "draft"
    enough = RESOLUTIONS[RESOLUTIONS.index(key.resolution) :]
    offered = model.resolutions_for(audio=key.audio, from_image=key.first_frame)
    for resolution in (name for name in enough if name in offered):
        lengths = [length for length in model.durations_at(resolution) if length >= key.duration_s]
        if not lengths:
            continue
        length, audio = min(lengths), key.audio and not is_draft
        # A draft is silent and as small as the model renders this length.
        size = (is_draft and model.cheapest_resolution(length)) or resolution
        price = model.price_usd_micros(duration_s=length, resolution=size, audio=audio)
        return PlannedClip(
            stage=model.tier,
            provider=listing.provider.name,
            model=model.name,
            duration_s=length,
            resolution=size,
            audio=audio,
            price_usd_micros=price,
        )
    return None


def _takes(key: PriceKey, model: Model) -> bool:
    if not model.takes_aspect(key.aspect_ratio, from_image=key.first_frame):
        return False
    if (key.last_frame and model.last_frame is None) or (key.references and model.references is None):
        return False
    return model.first_frame if key.first_frame else not model.needs_first_frame
