"""The draft-first plan: how many drafts, what for, and what the job will cost. Made once, then kept in the log.

Drafts buy choice: the best of several, promoted, lifts the final by what it carries over. They pay as long as that lift
is worth more than they cost; money, deadline and price gap set the limits.
"""

from typing import NamedTuple

import msgspec
from dailies_contracts import DraftPlan, PromotionClass
from runtime.routing_policy import Policy
from runtime.worth import own_sd, search_index

from router.domain.allowance import money_left, time_left
from router.domain.context import Context
from router.domain.odds import best_of, level_beyond, passing
from router.domain.policy import Ranked, rank, spread
from router.domain.state import Drafting

BEST_SCORE = 0.98
"""No draft is waited for beyond this."""


class Options(NamedTuple):
    """What a plan chooses from.

    Attributes:
        drafts: Candidates for drafts that may be taken now, or after a rest; best first.
        finals: The same for finals; empty where the job ends with a draft.
        how: How the final would carry a draft over.
    """

    drafts: list[Ranked]
    finals: list[Ranked]
    how: PromotionClass


class Choice(NamedTuple):
    """How many drafts, and why."""

    n_drafts: int
    has_final: bool
    reason: str
    weighed: dict[str, str]


def plan_of(state: Drafting, context: Context) -> DraftPlan:
    """Give the job's plan: as it was made, or made now."""
    return state.plan or make_plan(state, context)


def make_plan(state: Drafting, context: Context) -> DraftPlan:
    """Plan a job from its request, its prompts, the catalogue and what was learned."""
    options = _options(state, context)
    choice = _choose(options, state, context)
    policy = context.catalog.policy
    costs = [each.candidate.cost_usd_micros for each in spread(options.drafts, choice.n_drafts, ())]
    final = options.finals[0] if options.finals and choice.has_final else None
    final_cost = final.candidate.cost_usd_micros if final else 0
    n_clips = choice.n_drafts + (final is not None)
    best = max((each.candidate for each in options.finals), key=lambda each: each.quality, default=None)
    premium = best.cost_usd_micros if best else max(costs, default=0)
    is_promoted = final is not None and choice.n_drafts > 0
    return DraftPlan(
        n_drafts=choice.n_drafts,
        has_final=choice.has_final,
        estimate_usd_micros=sum(costs) + final_cost + n_clips * policy.scoring_cost_usd_micros,
        all_premium_usd_micros=n_clips * (premium + policy.scoring_cost_usd_micros),
        pass_threshold=policy.draft_pass_threshold,
        good_enough=_good_enough(options, choice.n_drafts, policy),
        reason=choice.reason,
        promotion_class=options.how if is_promoted else None,
        final_provider=final.prompt.provider if final else "",
        final_model=final.prompt.model if final else "",
        options=choice.weighed,
    )


def _options(state: Drafting, context: Context) -> Options:
    drafts = _possible(rank(state, "draft", context))
    is_draft_job = state.job.request.quality == "draft"
    finals = [] if is_draft_job else _possible(rank(state, "final", context))
    return Options(drafts, finals, _how(drafts, finals, context))


def _possible(ranked: list[Ranked]) -> list[Ranked]:
    """Keep who may be taken now; where nobody may, who may be after a rest."""
    eligible = [each for each in ranked if each.is_eligible]
    resting = [each for each in ranked if each.resting_until_s is not None]
    return eligible or [msgspec.structs.replace(each, exclusion=None) for each in resting]


def _how(drafts: list[Ranked], finals: list[Ranked], context: Context) -> PromotionClass:
    listing = context.catalog.find(finals[0].prompt.provider, finals[0].prompt.model) if finals else None
    if listing is None:
        return "fresh"
    own = {each.prompt.model for each in drafts if each.prompt.provider == listing.provider.name}
    if own & set(listing.model.finishes):
        return "exact"
    return "anchored" if listing.model.first_frame and not finals[0].prompt.references else "fresh"


def _choose(options: Options, state: Drafting, context: Context) -> Choice:
    drafts, finals, _ = options
    is_draft_job = state.job.request.quality == "draft"
    may_be_lower = state.job.request.allow_lower_tier and context.tenant.allow_lower_tier
    if not drafts:
        return Choice(
            0, not is_draft_job, "No model of the draft tier can serve the request: straight to the final.", {}
        )
    if not finals:
        if not is_draft_job and not may_be_lower:
            return Choice(0, has_final=True, reason="No model of the final tier can serve the request.", weighed={})
        n, weighed = _best(options, state, context, at_least=1)
        told = "The best draft is what is delivered."
        return Choice(n, False, told if is_draft_job else f"No model of the final tier can be had. {told}", weighed)
    final = finals[0].candidate
    draft = min((each.candidate for each in drafts), key=lambda each: each.cost_usd_micros)
    costs = _usd(final.cost_usd_micros), _usd(draft.cost_usd_micros)
    gap = f"a final at {final.model} costs {costs[0]}, a draft at {draft.model} {costs[1]}"
    if final.cost_usd_micros < context.catalog.policy.min_price_ratio * draft.cost_usd_micros:
        return Choice(0, has_final=True, reason=f"Drafts do not pay: {gap}.", weighed={})
    n, weighed = _best(options, state, context, at_least=0)
    if n == 0:
        return Choice(0, has_final=True, reason=f"Drafts do not pay: {_why_none(weighed)}; {gap}.", weighed=weighed)
    return Choice(n, True, f"{n} of the cheap tier first, then the best one goes to {final.model}: {gap}.", weighed)


def _best(options: Options, state: Drafting, context: Context, *, at_least: int) -> tuple[int, dict[str, str]]:
    """Weigh each number of drafts; gives the best one, and what each came to."""
    weighed: dict[str, str] = {}
    best, utility = at_least, float("-inf")
    for n in range(at_least, context.catalog.policy.draft_count + 1):
        obstacle = _obstacle(n, options, state, context)
        if obstacle:
            weighed[str(n)] = obstacle
            continue
        worth = _worth(n, options, context.catalog.policy)
        weighed[str(n)] = f"{worth:.4f}"
        if worth > utility:
            best, utility = n, worth
    return best, weighed


def _worth(n: int, options: Options, policy: Policy) -> float:
    """Give the expected score of what is delivered, less what the drafts cost."""
    base = options.finals[0].candidate.quality if options.finals else 0.0
    if n == 0:
        return base + _of_search(options, "fresh", policy)
    chosen = spread(options.drafts, n, ())
    if not chosen:
        return base
    sd = policy.learning.quality_sd
    cuts = [passing(each.candidate.quality, sd, policy.draft_pass_threshold) for each in chosen]
    gain = sum(cut.gain for cut in cuts) / len(cuts) + best_of(n) * sum(cut.sd for cut in cuts) / len(cuts)
    cost = sum(each.candidate.cost_usd_micros / 1e6 / cut.share for each, cut in zip(chosen, cuts, strict=True))
    if not options.finals:
        base = sum(each.candidate.quality for each in chosen) / len(chosen)
        return base + gain - policy.draft_cost_weight_per_usd * cost
    keep = float(getattr(policy.carry, options.how))
    return base + keep * gain + _of_search(options, options.how, policy) - policy.draft_cost_weight_per_usd * cost


def _of_search(options: Options, how: PromotionClass, policy: Policy) -> float:
    """Give what rendering finals until one is good enough adds to the usual score of one, its price deducted."""
    if not options.finals:
        return 0.0
    best = options.finals[0]
    return search_index(0.0, own_sd(best.scatter, how, policy), price=best.price)


def _obstacle(n: int, options: Options, state: Drafting, context: Context) -> str:
    """Say why so many drafts are not possible; empty where they are."""
    policy = context.catalog.policy
    chosen = spread(options.drafts, n, ())
    final = options.finals[0].candidate if options.finals else None
    cost = sum(each.candidate.cost_usd_micros for each in chosen) + (final.cost_usd_micros if final else 0)
    cost += (n + (final is not None)) * policy.scoring_cost_usd_micros
    left = money_left(state, context)
    if n > 0 and cost > left:
        return f"costs {_usd(cost)}, {_usd(max(0, left))} are left"
    needed_s = max((each.candidate.latency_s for each in chosen), default=0.0) + (final.latency_s if final else 0.0)
    left_s = time_left(state, context).total_seconds()
    if n > 0 and final is not None and needed_s > left_s:
        return f"takes {needed_s:.0f} s, {max(0.0, left_s):.0f} s are left"
    return ""


def _good_enough(options: Options, n_drafts: int, policy: Policy) -> float:
    """Give the score beyond which a draft that has not begun is not worth its price any more."""
    keep = getattr(policy.carry, options.how) if options.finals else 1.0
    sd = policy.learning.quality_sd
    levels = [policy.draft_pass_threshold]
    for each in spread(options.drafts, n_drafts, ()):
        price = policy.draft_cost_weight_per_usd * each.candidate.cost_usd_micros / 1e6
        levels.append(level_beyond(each.candidate.quality, sd, worth=price / keep, at_most=BEST_SCORE))
    return round(min(BEST_SCORE, max(levels)), 2)


def _why_none(weighed: dict[str, str]) -> str:
    obstacles = [f"{n} {why}" for n, why in weighed.items() if not why[0].isdigit() and not why.startswith("-")]
    return "; ".join(obstacles) if obstacles else "choice would lift the final by less than it costs"


def _usd(usd_micros: int) -> str:
    return f"{usd_micros / 1e6:.2f} USD"
