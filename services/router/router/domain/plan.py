"""The draft-first plan: how many drafts, and what the job will cost. Derived from the request, never stored."""

import msgspec
from dailies_contracts import CompiledPrompt

from router.domain.policy import Context, Ranked, rank, spread
from router.domain.state import Drafting


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the job is to do.

    Attributes:
        n_drafts: Good drafts wanted before one is promoted; 0: drafts are skipped.
        has_final: A draft is promoted to a final.
        estimate_usd_micros: Drafts, final and scoring at list prices, when nothing fails.
        all_premium_usd_micros: What as many clips would cost, all of them rendered by the final's model.
        reason: Why so, a sentence.
    """

    n_drafts: int
    has_final: bool
    estimate_usd_micros: int
    all_premium_usd_micros: int
    reason: str


def plan_of(state: Drafting, context: Context) -> Plan:
    """Plan a job from its request, its prompts and the catalogue; the same at every step of the job."""
    drafts = _ranked(state, context, stage="draft")
    finals = [] if state.job.request.quality == "draft" else _ranked(state, context, stage="final")
    n_drafts, reason = _n_drafts(state, context, drafts, finals)
    costs = [each.candidate.cost_usd_micros for each in spread(drafts, n_drafts, ())]
    final_cost = finals[0].candidate.cost_usd_micros if finals else 0
    scoring = context.catalog.policy.scoring_cost_usd_micros
    n_clips = n_drafts + bool(finals)
    premium = final_cost or max(costs, default=0)
    return Plan(
        n_drafts=n_drafts,
        has_final=bool(finals),
        estimate_usd_micros=sum(costs) + final_cost + n_clips * scoring,
        all_premium_usd_micros=n_clips * (premium + scoring),
        reason=reason,
    )


def prompts_of(state: Drafting) -> list[CompiledPrompt]:
    """Give the compiled prompts that the request's pin allows."""
    pin = state.job.request.provider
    return [prompt for prompt in state.compiled.prompts if pin in (None, prompt.provider)]


def _n_drafts(state: Drafting, context: Context, drafts: list[Ranked], finals: list[Ranked]) -> tuple[int, str]:
    policy = context.catalog.policy
    if not drafts:
        return 0, "No model of the draft tier can serve the request: straight to the final."
    if not finals:
        return policy.draft_count, "The best draft is what is delivered."
    final, draft = finals[0].candidate, min((each.candidate for each in drafts), key=lambda each: each.cost_usd_micros)
    if final.cost_usd_micros < policy.min_price_ratio * draft.cost_usd_micros:
        return 0, (
            f"Drafts do not pay: a final at {final.model} costs {final.cost_usd_micros / 1e6:.2f} USD, "
            f"a draft at {draft.model} {draft.cost_usd_micros / 1e6:.2f} USD."
        )
    n = _affordable(state, context, drafts, final.cost_usd_micros)
    return n, f"{n} drafts from the cheap tier, then the best one goes to {final.model}."


def _affordable(state: Drafting, context: Context, drafts: list[Ranked], final_cost: int) -> int:
    budget, policy = state.job.request.budget_usd_micros, context.catalog.policy
    for n in range(policy.draft_count, 0, -1):
        cost = final_cost + sum(each.candidate.cost_usd_micros for each in spread(drafts, n, ()))
        if budget is None or cost + (n + 1) * policy.scoring_cost_usd_micros <= budget:
            return n
    return 0


def _ranked(state: Drafting, context: Context, *, stage: str) -> list[Ranked]:
    quality = state.job.request.quality
    prompts = prompts_of(state)
    if stage == "draft":
        return rank(prompts, stage="draft", quality=quality, clips={}, context=context)
    return rank(prompts, stage="final", quality=quality, clips={}, context=context)
