"""Which vendor and model: hard limits, breaker and slots, budget, then utility. Returns data; orders nothing."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from dailies_contracts import Candidate, CompiledPrompt, PromotionClass, Resolution, Stage
from runtime.catalog import Catalog, Listing
from runtime.worth import price_of, utility_of

from router.domain.allowance import clips_of, money_left, time_left
from router.domain.carrying import Carried, carried, promotion_class_of
from router.domain.context import Context
from router.domain.exclusions import Exclusion, job_exclusion, outside_grades, standing_exclusion, vendor_exclusion
from router.domain.health import latency_s, success_of
from router.domain.learning import Belief, draw, seed_of
from router.domain.state import Clip, Drafting


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate with what would be ordered; `candidate.passed_over` is empty where it may be taken.

    Attributes:
        exclusion: Why it may not be taken, as a class of reasons.
        resting_until_s: Where only its breaker is in the way: when it may be tried again, seconds since 1970.
        is_try: It is tried again after an outage: one clip at a time.
        is_rewritten: The prompt is the softer wording.
        promotion_class: How a final would carry its draft over.
        price: What money and time of it come to in units of the score.
        scatter: How much its clips scatter around what they usually score, as a standard deviation.
        doubt_sd: How sure the expected score is, as a standard deviation.
    """

    candidate: Candidate
    prompt: CompiledPrompt
    exclusion: Exclusion | None = None
    resting_until_s: float | None = None
    is_try: bool = False
    is_rewritten: bool = False
    promotion_class: PromotionClass = "fresh"
    price: float = 0.0
    scatter: float = 0.0
    doubt_sd: float = 0.0

    @property
    def is_eligible(self) -> bool:
        """May be taken."""
        return self.exclusion is None

    @property
    def name(self) -> str:
        """Names the candidate."""
        return f"{self.prompt.provider}.{self.prompt.model}"


def rank(state: Drafting, stage: Stage, context: Context, *, draft: Clip | None = None) -> list[Ranked]:
    """Rank every compiled prompt for one more clip of a stage: eligible ones first, best first.

    Args:
        state: The job: its wishes, its prompts, and its clips so far, whose failures rule vendors out.
        stage: What the clip is for.
        context: Catalogue, market, budget and time.
        draft: What a final is to carry over.
    """
    ranked = []
    over = carried(draft, state, context)
    for prompt in state.compiled.prompts:
        listing = context.catalog.find(prompt.provider, prompt.model)
        if listing is None or listing.model.tier != stage:
            continue
        ranked.append(_candidate(state, for_stage(prompt, listing, stage), listing, context, over))
    ranked = _only_asked_grades(_in_time(ranked, state, context), state, stage, context)
    ranked.sort(key=lambda each: (not each.is_eligible, -each.candidate.utility, each.candidate.model))
    return ranked


def sampler_seed(state: Drafting, stage: Stage) -> int:
    """Give what the sampler draws from for the next clip of a stage."""
    return seed_of(state.job.job_id, stage, str(len(clips_of(state, stage))))


def for_stage(prompt: CompiledPrompt, listing: Listing, stage: Stage) -> CompiledPrompt:
    """Make a draft of a prompt: the cheapest resolution that the model renders at this length, without sound."""
    if stage == "final":
        return prompt
    cheapest = listing.model.ordered_as(prompt).cheapest_resolution(prompt.duration_s)
    resolution = msgspec.convert(cheapest or prompt.resolution, Resolution)
    return msgspec.structs.replace(prompt, resolution=resolution, audio=False)


def quote_usd_micros(prompt: CompiledPrompt, catalog: Catalog) -> int:
    """Quote a clip at the catalogue's price of the vendor's own length."""
    listing = catalog.find(prompt.provider, prompt.model)
    if listing is None:
        return 0
    return listing.model.ordered_as(prompt).price_usd_micros(
        duration_s=prompt.duration_s, resolution=prompt.resolution, audio=prompt.audio
    )


def spread(ranked: Sequence[Ranked], n: int, taken: Iterable[Clip]) -> list[Ranked]:
    """Choose n candidates, each time from the vendor that has the fewest clips so far, best first.

    Args:
        ranked: Best first; only eligible ones are taken.
        n: How many; the same candidate may be taken twice where there are too few, unless it is only tried again.
        taken: Clips that already run or ran in this stage.
    """
    eligible = [each for each in ranked if each.is_eligible]
    load = Counter(clip.provider for clip in taken)
    chosen: list[Ranked] = []
    while eligible and len(chosen) < n:
        best = min(eligible, key=lambda each: (load[each.prompt.provider], eligible.index(each)))
        load[best.prompt.provider] += 1
        chosen.append(best)
        if best.is_try:
            eligible.remove(best)
    return chosen


def _candidate(state: Drafting, prompt: CompiledPrompt, listing: Listing, context: Context, over: Carried) -> Ranked:
    policy, stage = context.catalog.policy, listing.model.tier
    how = promotion_class_of(prompt, listing, state, over)
    words = job_exclusion(state, prompt, policy, is_anchored=how == "anchored")
    sent = prompt
    if words.is_rewritten:
        sent = msgspec.structs.replace(prompt, prompt=prompt.softer_prompt)
    lift = over.lift(how, policy) - policy.rewrite_penalty * words.is_rewritten
    belief = context.belief_of(listing, stage, state.compiled.prompt_class)
    weighed = _weigh(state, sent, listing, context, belief=belief, lift=lift)
    assert weighed.drawn is not None  # noqa: S101 (just drawn)
    quality = state.job.request.quality
    cost, latency, success = weighed.cost_usd_micros, weighed.latency_s, weighed.success
    price = price_of(policy, quality=quality, stage=stage, cost_usd_micros=cost, latency_s=latency, success=success)
    score, scatter = weighed.drawn + lift, belief.scatter
    utility = utility_of(policy, quality=quality, stage=stage, score=score, price=price, how=how, scatter=scatter)
    standing = standing_exclusion(state, listing, context) or words.exclusion
    rest = vendor_exclusion(listing, context)
    exclusion = standing or rest.exclusion or _too_dear(weighed, state, context)
    return Ranked(
        candidate=msgspec.structs.replace(
            weighed,
            utility=round(utility, 6),
            passed_over=exclusion.reason if exclusion else "",
            note=rest.note or words.note,
        ),
        prompt=sent,
        exclusion=exclusion,
        resting_until_s=rest.until_s if standing is None and rest.exclusion is not None else None,
        is_try=rest.is_try,
        is_rewritten=words.is_rewritten,
        promotion_class=how,
        price=price,
        scatter=scatter,
        doubt_sd=math.hypot(belief.sd, over.doubt_sd(how, policy)),
    )


def _weigh(
    state: Drafting, prompt: CompiledPrompt, listing: Listing, context: Context, *, belief: Belief, lift: float
) -> Candidate:
    """Say what to expect of a candidate; its utility comes after."""
    policy, model = context.catalog.policy, listing.model
    record = context.market.health_of(prompt.provider, prompt.model, model.tier)
    seed, name = sampler_seed(state, model.tier), f"{prompt.provider}.{prompt.model}"
    exploration = policy.learning.final_exploration if model.tier == "final" else 1.0
    success = success_of(record, policy.breaker, now_s=context.now_s) * (1 - belief.refusal)
    latency = latency_s(record, 0.5, before=model.latency_s)
    latency += latency * _queue(listing, context)
    return Candidate(
        provider=prompt.provider,
        model=prompt.model,
        cost_usd_micros=quote_usd_micros(prompt, context.catalog),
        quality=round(min(1.0, max(0.0, belief.quality + lift)), 4),
        latency_s=round(latency, 1),
        utility=0.0,
        drawn=draw(belief, seed=seed, name=name, exploration=exploration),
        success=round(success, 4),
        n_observed=round(belief.n, 2),
    )


def _queue(listing: Listing, context: Context) -> float:
    """Give how many rounds of the vendor's slots a clip would wait for."""
    n = context.market.in_flight(listing.provider.name, now_s=context.now_s)
    return max(0, n - listing.provider.slots + 1) / listing.provider.slots


def _too_dear(candidate: Candidate, state: Drafting, context: Context) -> Exclusion | None:
    left = money_left(state, context)
    cost = candidate.cost_usd_micros + context.catalog.policy.scoring_cost_usd_micros
    if cost <= left:
        return None
    return Exclusion("money", f"costs {cost / 1e6:.2f} USD, {max(0, left) / 1e6:.2f} USD are left of the budget")


def affordable(ranked: list[Ranked], most_usd_micros: int, context: Context) -> list[Ranked]:
    """Pass over who costs more than may be spent on one more clip."""
    scoring = context.catalog.policy.scoring_cost_usd_micros
    why = Exclusion("money", f"{max(0, most_usd_micros) / 1e6:.2f} USD may be spent on this clip")
    return [
        _without(each, why) if each.is_eligible and each.candidate.cost_usd_micros + scoring > most_usd_micros else each
        for each in ranked
    ]


def _in_time(ranked: list[Ranked], state: Drafting, context: Context) -> list[Ranked]:
    """Pass over who would come after the deadline, where somebody else would come before it."""
    left_s = time_left(state, context).total_seconds()
    in_time = [each for each in ranked if each.is_eligible and each.candidate.latency_s <= left_s]
    if not in_time:
        return ranked
    late = f"takes longer than the {max(0.0, left_s):.0f} s that are left"
    return [
        _without(each, Exclusion("late", late)) if each.is_eligible and each.candidate.latency_s > left_s else each
        for each in ranked
    ]


def _only_asked_grades(ranked: list[Ranked], state: Drafting, stage: Stage, context: Context) -> list[Ranked]:
    """Keep finals to the tier that the use case asks for; a lower one takes over where it may and must."""
    if stage == "draft":
        return ranked
    outside = {each.name: why for each in ranked if (why := outside_grades(each.prompt, state, context)) is not None}
    has_asked = any(each.is_eligible and each.name not in outside for each in ranked)
    may_be_lower = state.job.request.allow_lower_tier and context.tenant.allow_lower_tier
    if not outside or (not has_asked and may_be_lower):
        note = "another tier than asked for: none of that can be had"
        return [_noted(each, note) if each.name in outside and each.is_eligible else each for each in ranked]
    return [
        _without(each, outside[each.name]) if each.is_eligible and each.name in outside else each for each in ranked
    ]


def _without(each: Ranked, exclusion: Exclusion) -> Ranked:
    candidate = msgspec.structs.replace(each.candidate, passed_over=exclusion.reason)
    return msgspec.structs.replace(each, candidate=candidate, exclusion=exclusion)


def _noted(each: Ranked, note: str) -> Ranked:
    return msgspec.structs.replace(each, candidate=msgspec.structs.replace(each.candidate, note=note))
