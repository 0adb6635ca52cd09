"""What to do next about a job: `decide(state, context)` gives the events to append, none where it waits.

It looks at the state, not at the event that woke it up: any event, twice, late or out of order, leads to the same
decision (docs/decisions/0002-level-triggered-decider.md).
"""

from dailies_contracts import (
    AnyEvent,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobPromoted,
    Promotion,
    ReviewRequested,
)

from router.domain.orders import Order, about, clips_of, money_left, place
from router.domain.plan import Plan, plan_of
from router.domain.policy import Context
from router.domain.refusals import why_nothing_came
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
            return _draft(state, context)
        case _:
            return WAIT


def is_good(clip: Clip, context: Context) -> bool:
    """Tell whether a clip is fit to be promoted or delivered: passed by the evaluator, and above the threshold."""
    threshold = context.catalog.policy.draft_pass_threshold
    return clip.scores is not None and clip.scores.passed and clip.score >= threshold


def _draft(state: Drafting, context: Context) -> Decision:
    plan = plan_of(state, context)
    drafts = clips_of(state, "draft")
    if not state.clips and plan.estimate_usd_micros > money_left(state, context):
        return (_failed(state, context, *why_nothing_came(state, "draft", context)),)
    if plan.n_drafts == 0 and not drafts:
        return _promote(state, plan, None, context)
    good = [clip for clip in drafts if is_good(clip, context)]
    n_pending = sum(clip.is_pending for clip in drafts)
    n_missing = max(plan.n_drafts, 1) - len(good) - n_pending
    orders = place(state, Order(stage="draft", n=n_missing, reason=plan.reason), context)
    if orders or n_pending:
        return orders
    if not good:
        return (_failed(state, context, *why_nothing_came(state, "draft", context)),)
    best = max(good, key=lambda clip: (clip.score, clip.clip_id))
    return _promote(state, plan, best, context) if plan.has_final else _deliver(state, best, context)


def _promote(state: Drafting, plan: Plan, best: Clip | None, context: Context) -> Decision:
    orders = place(state, Order(stage="final", n=1, reason=plan.reason, draft=best), context)
    if not orders:
        if best is not None:
            return _deliver(state, best, context, note="No final could be ordered: the draft is delivered.")
        return (_failed(state, context, *why_nothing_came(state, "final", context)),)
    scores = {clip.clip_id: clip.score for clip in clips_of(state, "draft") if clip.scores is not None}
    promotion = Promotion(
        promotion_class="fresh",
        provider=orders[0].provider,
        model=orders[0].model,
        reason=plan.reason if best is None else _why_best(best, scores),
        draft_scores=scores,
        threshold=context.catalog.policy.draft_pass_threshold,
    )
    draft_clip_id = best.clip_id if best else ""
    promoted = JobPromoted(**about(state, context.now), draft_clip_id=draft_clip_id, promotion=promotion)
    return (promoted, *orders)


def _finalize(state: Finalizing, context: Context) -> Decision:
    finals = clips_of(state, "final")
    if any(clip.is_pending for clip in finals):
        return WAIT
    good = [clip for clip in finals if is_good(clip, context)]
    if good:
        return _deliver(state, max(good, key=lambda clip: (clip.score, clip.clip_id)), context)
    draft = state.clips.get(state.promoted.draft_clip_id)
    reason = "The final before this one did not pass." if finals else plan_of(state, context).reason
    orders = place(state, Order(stage="final", n=1, reason=reason, draft=draft), context)
    if orders:
        return orders
    if draft is not None:
        return _deliver(state, draft, context, note="No final could be rendered: the draft is delivered.")
    return (_failed(state, context, *why_nothing_came(state, "final", context)),)


def _deliver(state: Drafting, clip: Clip, context: Context, *, note: str = "") -> Decision:
    if state.job.request.review and not isinstance(state, Reviewing):
        reason = note or "The request asked for a person's approval."
        return (ReviewRequested(**about(state, context.now), clip_id=clip.clip_id, reason=reason),)
    if clip.asset is None:
        return (_failed(state, context, "job.no_asset", "The clip was not stored. Ask for the video again."),)
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
    )
    return (completed,)


def _after_review(state: Reviewing, context: Context) -> Decision:
    if state.decision is None:
        return WAIT
    if not state.decision.approved:
        message = "The reviewer did not approve the clip. Change the prompt and ask again."
        return (_failed(state, context, "review.refused", message),)
    return _deliver(state, state.clips[state.clip_id], context)


def _at_deadline(state: Requested, context: Context) -> Decision:
    good = [clip for clip in state.clips.values() if is_good(clip, context)]
    if isinstance(state, Drafting) and good and not state.job.request.review:
        best = max(good, key=lambda clip: (clip.stage == "final", clip.score, clip.clip_id))
        return _deliver(state, best, context, note="The deadline came: the best clip so far is delivered.")
    message = "The job did not end before its deadline. Ask for more time (deadline_s) or a lower quality."
    return (_failed(state, context, "job.deadline_exceeded", message),)


def _failed(state: Requested, context: Context, code: str, message: str) -> JobFailed:
    cost = cost_usd_micros(state.clips)
    return JobFailed(**about(state, context.now), code=code, message=message, cost_usd_micros=cost)


def _why_best(best: Clip, scores: dict[str, float]) -> str:
    others = sorted((score for clip_id, score in scores.items() if clip_id != best.clip_id), reverse=True)
    rest = ", ".join(f"{score:.2f}" for score in others)
    return f"Draft at {best.provider} scored {best.score:.2f}" + (f", the others {rest}." if rest else ".")


def _why_delivered(clip: Clip, draft: Clip | None, note: str) -> tuple[str, ...]:
    reasons = [note] if note else []
    reasons.extend(clip.scores.reasons if clip.scores else ())
    if draft is not None and draft is not clip and clip.score < draft.score:
        reasons.append(f"The final scores {clip.score:.2f}, below its draft's {draft.score:.2f}.")
    return tuple(reasons)
