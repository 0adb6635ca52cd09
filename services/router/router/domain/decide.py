"""What to do next about a job: `decide(state, context)` gives the events to append, none where it waits.

It looks at the state, not at the event that woke it up: any event, twice, late or out of order, leads to the same
decision (docs/decisions/0002-level-triggered-decider.md).
"""

import msgspec
from dailies_contracts import (
    AnyEvent,
    ClipRequested,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobPromoted,
    Promotion,
    ReviewRequested,
    Stage,
)

from router.domain.allowance import clips_of, money_left
from router.domain.context import Context
from router.domain.drafting import best_of, draft_order, is_good, is_settled, may_skip, promotion_class_of
from router.domain.finals import why_once_more
from router.domain.lateness import is_late, may_rest
from router.domain.orders import Order, about, place, withdrawals
from router.domain.plan import plan_of
from router.domain.refusals import WhyNot, why_nothing_came
from router.domain.reuse import reused_clip, why_reused
from router.domain.state import (
    Cancelling,
    Clip,
    Drafting,
    Ended,
    Finalizing,
    Phase,
    Requested,
    Reviewing,
    cost_usd_micros,
    deadline_of,
    evolve_clips,
)

Decision = tuple[AnyEvent, ...]
WAIT: Decision = ()


def decide(state: Phase, context: Context) -> Decision:
    """Decide what happens next.

    Args:
        state: The job's phase.
        context: Time, catalogue and budget.

    Returns:
        Events to append together; empty: wait for the next fact.
    """
    match state:
        case Ended():
            return WAIT
        case Cancelling():
            return (JobCancelled(**about(state, context.now), cost_usd_micros=cost_usd_micros(state.clips)),)
        case Requested() if context.now >= deadline_of(state.job, context.catalog.policy.job_deadline_s):
            return _at_deadline(state, context)
        case Reviewing():
            return _after_review(state, context)
        case Finalizing():
            return _finalize(state, context)
        case Drafting():
            return _answer(state, context) or _draft(state, context)
        case _:
            return WAIT


def _answer(state: Drafting, context: Context) -> Decision:
    """Deliver the earlier clip that answers the job, where there is one."""
    earlier = reused_clip(state)
    if earlier is not None:
        return _deliver(state, earlier, context)
    if context.reusable is None or state.clips:
        return ()
    answered = msgspec.structs.replace(state, clips=evolve_clips(state.clips, context.reusable))
    return (context.reusable, *_answer(answered, context))


def _draft(state: Drafting, context: Context) -> Decision:
    plan = plan_of(state, context)
    state = msgspec.structs.replace(state, plan=plan)  # so that nobody makes it again
    drafts = clips_of(state, "draft")
    if not state.clips and plan.estimate_usd_micros > money_left(state, context):
        return _ended_without(state, "draft", context)
    if plan.n_drafts == 0 and not drafts:
        return _promote(state, None, context)
    if not is_settled(state, context):
        orders = place(state, draft_order(state, context), context)
        if orders or any(clip.is_pending and not is_late(clip, state, context) for clip in drafts):
            return orders
    best = best_of(drafts, context)
    if best is not None:
        return _promote(state, best, context) if plan.has_final else _deliver(state, best, context)
    if any(clip.is_pending for clip in drafts):
        return WAIT
    if may_rest(state, "draft", context):
        return WAIT
    return _promote(state, None, context) if may_skip(state, context) else _ended_without(state, "draft", context)


def _promote(state: Drafting, best: Clip | None, context: Context) -> Decision:
    plan = plan_of(state, context)
    orders = place(state, Order(stage="final", n=1, n_planned=1, reason=plan.reason, draft=best), context)
    if not orders:
        if may_rest(state, "final", context):
            return WAIT
        if best is not None:
            return _deliver(state, best, context, note="No final could be ordered: the draft is delivered.")
        return _ended_without(state, "final", context)
    promoted = JobPromoted(
        **about(state, context.now),
        draft_clip_id=best.clip_id if best else "",
        promotion=_promotion(state, best, orders[0], context),
    )
    return (promoted, *orders, *withdrawals(state, context))


def _promotion(state: Drafting, best: Clip | None, order: ClipRequested, context: Context) -> Promotion:
    plan = plan_of(state, context)
    scores = {clip.clip_id: clip.score for clip in clips_of(state, "draft") if clip.scores is not None}
    decision = order.decision
    return Promotion(
        promotion_class=promotion_class_of(order, best, context),
        provider=order.provider,
        model=order.model,
        reason=plan.reason if best is None else _why_best(best, scores),
        draft_scores=scores,
        threshold=plan.pass_threshold,
        candidates=decision.candidates if decision else (),
        seed=decision.seed if decision else 0,
        plan=plan,
    )


def _finalize(state: Finalizing, context: Context) -> Decision:
    finals = clips_of(state, "final")
    draft = state.clips.get(state.promoted.draft_clip_id)
    best = best_of(finals, context)
    n_late = sum(is_late(clip, state, context) for clip in finals if clip.is_pending)
    if best is None and any(clip.is_pending for clip in finals):
        return (*_hedge(state, draft, n_late, context), *withdrawals(state, context))
    reason = why_once_more(state, best, draft, context) if best is not None else ""
    if best is not None and not reason:
        return _deliver(state, best, context)
    if any(clip.is_pending for clip in finals):
        return WAIT
    orders = place(state, _final_order(state, draft, finals, context, reason=reason), context)
    if orders:
        return (*orders, *withdrawals(state, context))
    if best is not None:
        return _deliver(state, best, context)
    if may_rest(state, "final", context):
        return WAIT
    if draft is not None:
        return _deliver(state, draft, context, note="No final could be rendered: the draft is delivered.")
    return _ended_without(state, "final", context)


def _final_order(state: Finalizing, draft: Clip | None, finals: list[Clip], context: Context, *, reason: str) -> Order:
    after_failure = "The final before this one did not pass." if finals else plan_of(state, context).reason
    return Order(stage="final", n=1, n_planned=1, reason=reason or after_failure, draft=draft)


def _hedge(state: Finalizing, draft: Clip | None, n_late: int, context: Context) -> tuple[ClipRequested, ...]:
    hedges = sum(clip.cause == "hedge" for clip in clips_of(state, "final"))
    if not n_late or hedges >= context.catalog.policy.max_hedges_per_stage:
        return ()
    reason = "The final is late: another one beside it."
    return place(state, Order(stage="final", n=1, n_planned=1, reason=reason, draft=draft, is_hedge=True), context)


def _deliver(state: Drafting, clip: Clip, context: Context, *, note: str = "") -> Decision:
    if state.job.request.review and not isinstance(state, Reviewing):
        reason = note or "The request asked for a person's approval."
        return (ReviewRequested(**about(state, context.now), clip_id=clip.clip_id, reason=reason),)
    if clip.asset is None:
        return (_failed(state, context, WhyNot("job.no_asset", "The clip was not stored. Ask for the video again.")),)
    plan = plan_of(state, context)
    promoted = state.promoted if isinstance(state, Finalizing | Reviewing) else None
    draft = state.clips.get(promoted.draft_clip_id) if promoted else None
    is_final = clip.stage == "final"
    completed = JobCompleted(
        **about(state, context.now),
        clip_id=clip.clip_id,
        asset=clip.asset,
        cost_usd_micros=cost_usd_micros(state.clips),
        estimate_usd_micros=plan.estimate_usd_micros,
        all_premium_usd_micros=plan.all_premium_usd_micros,
        promotion_class=promoted.promotion.promotion_class if promoted and is_final else None,
        draft_score=draft.score if draft else None,
        final_score=clip.score,
        reasons=_why_delivered(clip, draft, note),
        origin=clip.origin,
    )
    return (completed,)


def _after_review(state: Reviewing, context: Context) -> Decision:
    if state.decision is None:
        return WAIT
    if not state.decision.approved:
        message = "The reviewer did not approve the clip. Change the prompt and ask again."
        return (_failed(state, context, WhyNot("review.refused", message)),)
    return _deliver(state, state.clips[state.clip_id], context)


def _at_deadline(state: Requested, context: Context) -> Decision:
    good = [clip for clip in state.clips.values() if is_good(clip, context)]
    if isinstance(state, Drafting) and good and not state.job.request.review:
        best = max(good, key=lambda clip: (clip.stage == "final", clip.score, clip.clip_id))
        return _deliver(state, best, context, note="The deadline came: the best clip so far is delivered.")
    message = "The job did not end before its deadline. Ask for more time (deadline_s) or a lower quality."
    return (_failed(state, context, WhyNot("job.deadline_exceeded", message)),)


def _ended_without(state: Drafting, stage: Stage, context: Context) -> Decision:
    return (_failed(state, context, why_nothing_came(state, stage, context)),)


def _failed(state: Requested, context: Context, why: WhyNot) -> JobFailed:
    return JobFailed(
        **about(state, context.now),
        code=why.code,
        message=why.message,
        reason=why.reason,
        cost_usd_micros=cost_usd_micros(state.clips),
    )


def _why_best(best: Clip, scores: dict[str, float]) -> str:
    others = sorted((score for clip_id, score in scores.items() if clip_id != best.clip_id), reverse=True)
    rest = ", ".join(f"{score:.2f}" for score in others)
    return f"Draft at {best.provider} scored {best.score:.2f}" + (f", the others {rest}." if rest else ".")


def _why_delivered(clip: Clip, draft: Clip | None, note: str) -> tuple[str, ...]:
    reasons = [note] if note else []
    if clip.origin is not None:
        reasons.append(why_reused(clip.origin))
    reasons.extend(clip.scores.reasons if clip.scores else ())
    if draft is not None and draft is not clip and clip.score < draft.score:
        reasons.append(f"The final scores {clip.score:.2f}, below its draft's {draft.score:.2f}.")
    return tuple(reasons)
