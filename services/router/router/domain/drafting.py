"""The drafts of a job: how many more are wanted, when one of them is good enough, and what a final carries over."""

from collections.abc import Iterable

from dailies_contracts import ClipRequested, PromotionClass

from router.domain.allowance import clips_of, is_storm
from router.domain.context import Context
from router.domain.lateness import is_late
from router.domain.orders import Order
from router.domain.plan import plan_of
from router.domain.policy import quote_usd_micros
from router.domain.state import Clip, Drafting


def is_good(clip: Clip, context: Context) -> bool:
    """Tell whether a clip is fit to be promoted or delivered: passed by the evaluator, and above the threshold."""
    threshold = context.catalog.policy.draft_pass_threshold
    return clip.scores is not None and clip.scores.passed and clip.score >= threshold


def best_of(clips: Iterable[Clip], context: Context) -> Clip | None:
    """Give the best of the good clips, None where none is."""
    good = [clip for clip in clips if is_good(clip, context)]
    return max(good, key=lambda clip: (clip.score, clip.clip_id), default=None)


def is_settled(state: Drafting, context: Context) -> bool:
    """Tell whether a draft is so good that those which have not begun, or are late, need not be waited for."""
    drafts = clips_of(state, "draft")
    best = best_of(drafts, context)
    if best is None or best.score < plan_of(state, context).good_enough:
        return False
    waiting = [clip for clip in drafts if clip.is_pending]
    return all(clip.status == "open" and (not clip.is_submitted or is_late(clip, state, context)) for clip in waiting)


def draft_order(state: Drafting, context: Context) -> Order:
    """Say how many more drafts are wanted, and why."""
    plan = plan_of(state, context)
    drafts = clips_of(state, "draft")
    n_done = sum(clip.scores is not None for clip in drafts)
    pending = [clip for clip in drafts if clip.is_pending]
    late = [clip for clip in pending if is_late(clip, state, context)]
    n_missing = max(plan.n_drafts, 1) - n_done - len(pending)
    if not pending and not any(is_good(clip, context) for clip in drafts):
        # One good draft can be promoted: those that scored too low are tried again one by one, and only while none is.
        n_missing = max(1, n_missing)
    n_hedges = sum(clip.cause == "hedge" for clip in drafts)
    is_hedge = bool(late) and n_missing <= 0 and n_hedges < context.catalog.policy.max_hedges_per_stage
    reserve = _final_usd_micros(state, context) if plan.has_final else 0
    return Order(
        stage="draft",
        n=1 if is_hedge else n_missing,
        reason=f"A draft at {late[0].provider} is late: another one beside it." if is_hedge else plan.reason,
        n_planned=plan.n_drafts,
        is_hedge=is_hedge,
        reserve_usd_micros=reserve,
    )


def may_skip(state: Drafting, context: Context) -> bool:
    """Tell whether a final may be rendered without a draft after no draft was good.

    It may not where as many as are ever tried scored too low: that is a verdict on the prompt. What vendors failed to
    deliver is none.
    """
    n_low = sum(clip.scores is not None for clip in clips_of(state, "draft"))
    is_verdict = n_low >= context.catalog.policy.max_attempts_per_stage
    return plan_of(state, context).has_final and not is_verdict and not is_storm(context)


def promotion_class_of(order: ClipRequested, draft: Clip | None, context: Context) -> PromotionClass:
    """Say how a final that was ordered carries its draft over."""
    if draft is None:
        return "fresh"
    listing = context.catalog.find(order.provider, order.model)
    if listing is not None and draft.provider == order.provider and draft.model in listing.model.finishes:
        return "exact"
    is_anchored = draft.first_frame is not None and order.first_frame == draft.first_frame
    return "anchored" if is_anchored else "fresh"


def _final_usd_micros(state: Drafting, context: Context) -> int:
    """Give what the planned final costs: drafts that are tried again must leave it."""
    plan = plan_of(state, context)
    prompts = (x for x in state.compiled.prompts if (x.provider, x.model) == (plan.final_provider, plan.final_model))
    costs = [quote_usd_micros(prompt, context.catalog) for prompt in prompts]
    return max(costs, default=0) + context.catalog.policy.scoring_cost_usd_micros
