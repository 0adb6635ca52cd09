"""Which vendor and model: hard limits, then budget, then utility. Returns data; orders nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from dailies_contracts import Candidate, CompiledPrompt, Quality, Resolution, Stage
from runtime.catalog import Catalog, Listing

from router.domain.failures import AFTER_FAILURE, MAX_REFUSING_VENDORS
from router.domain.state import Clip, Clips


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the shell gathered for a decision.

    Attributes:
        now: The time, UTC.
        catalog: Vendors, models, limits and prices.
        budget_left_usd_micros: What the tenant may still hold.
    """

    now: datetime
    catalog: Catalog
    budget_left_usd_micros: int


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate with what would be ordered; `candidate.passed_over` is empty where it may be taken."""

    candidate: Candidate
    prompt: CompiledPrompt

    @property
    def is_eligible(self) -> bool:
        """May be taken."""
        return not self.candidate.passed_over


def rank(
    prompts: Iterable[CompiledPrompt], *, stage: Stage, quality: Quality, clips: Clips, context: Context
) -> list[Ranked]:
    """Rank every compiled prompt for one more clip of a stage: eligible ones first, best first.

    Args:
        prompts: One per vendor and model that can serve the request.
        stage: What the clip is for.
        quality: What the client asked for; `premium` finals are ranked without regard to cost.
        clips: The job's clips so far: failures rule vendors out.
        context: Catalogue and time.
    """
    ranked = []
    for prompt in prompts:
        listing = context.catalog.find(prompt.provider, prompt.model)
        if listing is None or listing.model.tier != stage:
            continue
        fitted = for_stage(prompt, listing, stage)
        ranked.append(Ranked(candidate=_weigh(fitted, listing, quality, clips, context), prompt=fitted))
    ranked.sort(key=lambda each: (not each.is_eligible, -each.candidate.utility, each.candidate.model))
    return ranked


def for_stage(prompt: CompiledPrompt, listing: Listing, stage: Stage) -> CompiledPrompt:
    """Make a draft of a prompt: the cheapest resolution that the model renders at this length, without sound."""
    if stage == "final":
        return prompt
    cheapest = listing.model.cheapest_resolution(prompt.duration_s)
    resolution = msgspec.convert(cheapest or prompt.resolution, Resolution)
    return msgspec.structs.replace(prompt, resolution=resolution, audio=False)


def quote_usd_micros(prompt: CompiledPrompt, catalog: Catalog) -> int:
    """Quote a clip at the catalogue's price of the vendor's own length."""
    listing = catalog.find(prompt.provider, prompt.model)
    if listing is None:
        return 0
    return listing.model.price_usd_micros(
        duration_s=prompt.duration_s, resolution=prompt.resolution, audio=prompt.audio
    )


def spread(ranked: Sequence[Ranked], n: int, taken: Iterable[Clip]) -> list[Ranked]:
    """Choose n candidates, each time from the vendor that has the fewest clips so far, best first.

    Args:
        ranked: Best first; only eligible ones are taken.
        n: How many; the same candidate may be taken twice where there are too few.
        taken: Clips that already run or ran in this stage.
    """
    eligible = [each for each in ranked if each.is_eligible]
    load = Counter(clip.provider for clip in taken)
    chosen: list[Ranked] = []
    while eligible and len(chosen) < n:
        best = min(eligible, key=lambda each: (load[each.prompt.provider], eligible.index(each)))
        load[best.prompt.provider] += 1
        chosen.append(best)
    return chosen


def _weigh(prompt: CompiledPrompt, listing: Listing, quality: Quality, clips: Clips, context: Context) -> Candidate:
    policy = context.catalog.policy
    cost = quote_usd_micros(prompt, context.catalog)
    is_costly = quality != "premium" or listing.model.tier == "draft"
    cost_weight = policy.cost_weight_per_usd if is_costly else 0.0
    utility = listing.model.quality - cost_weight * cost / 1e6 - policy.latency_weight_per_s * listing.model.latency_s
    return Candidate(
        provider=prompt.provider,
        model=prompt.model,
        cost_usd_micros=cost,
        quality=listing.model.quality,
        latency_s=listing.model.latency_s,
        utility=round(utility, 6),
        passed_over=_ruled_out(prompt, clips),
    )


def _ruled_out(prompt: CompiledPrompt, clips: Clips) -> str:
    failures = [clip.failure for clip in clips.values() if clip.failure is not None]
    refusing = {failure.provider for failure in failures if failure.kind == "refused"}
    if len(refusing) >= MAX_REFUSING_VENDORS:
        return f"{len(refusing)} vendors refused the prompt"
    for kind, n in Counter(each.kind for each in failures if each.provider == prompt.provider).items():
        if n > AFTER_FAILURE[kind].same_vendor:
            return f"failed {n} times in this job: {kind}"
    if any(not AFTER_FAILURE[failure.kind].other_vendor for failure in failures):
        return "no other vendor may be asked after this failure"
    return ""
