"""The job view: one pure function from the events of a job to what everybody sees of it.

Used by `GET /v1/jobs/{id}`, by the projector and by the rebuild, so that all three agree.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from dailies_contracts import TERMINAL_EVENTS, AnyEvent, Event
from dailies_contracts import events as e

from gateway.domain.clips import ClipFacts, clip_view, gather_clips
from gateway.domain.job import (
    Costs,
    Failure,
    JobState,
    JobView,
    PromotionView,
    Prompts,
    RequestView,
    ReviewView,
)
from gateway.domain.reused import origin_view, reused_views
from gateway.domain.timeline import timeline_of
from gateway.domain.times import shown_at

E = TypeVar("E", bound=Event)

TERMINAL_STATE: dict[type[Event], JobState] = {
    e.JobCompleted: "ready",
    e.JobFailed: "failed",
    e.JobCancelled: "cancelled",
}


def job_view(events: Sequence[AnyEvent], *, trace_id: str = "") -> JobView | None:
    """Show one job.

    Total: any events of one job, in any order, give a view; only the timeline depends on the order.

    Args:
        events: All facts about one job, in the order of the log.
        trace_id: Trace of the job, where known.

    Returns:
        None where the job was never requested.
    """
    requested = _last(e.JobRequested, events)
    if requested is None:
        return None
    clips = gather_clips(events)
    ended = next((event for event in events if isinstance(event, TERMINAL_EVENTS)), None)
    completed = _last(e.JobCompleted, events)
    compiled = _last(e.PromptCompiled, events)
    reviews = _reviews(events)
    timeline = timeline_of(events)
    return JobView(
        job_id=requested.job_id,
        tenant_id=requested.tenant_id,
        state=_state(ended, clips, reviews),
        requested_at=shown_at(requested.occurred_at),
        updated_at=max(entry.at for entry in timeline),
        ended_at=shown_at(ended.occurred_at) if ended else None,
        cancel_requested=_last(e.JobCancelRequested, events) is not None,
        source=requested.source,
        request=msgspec.convert(requested.request, RequestView, from_attributes=True),
        delivered_clip_id=completed.clip_id if completed else None,
        clips=(*(clip_view(clip) for clip in clips), *reused_views(events)),
        promotion=_promotion(_last(e.JobPromoted, events), clips),
        reviews=reviews,
        prompts=_prompts(compiled),
        warnings=compiled.warnings if compiled else (),
        reasons=completed.reasons if completed else (),
        costs=_costs(requested, clips, completed),
        batch_id=requested.batch_id,
        origin=origin_view(completed.origin) if completed else None,
        error=_error(_last(e.JobFailed, events)),
        timeline=timeline,
        trace_id=trace_id,
    )


def _state(ended: AnyEvent | None, clips: Sequence[ClipFacts], reviews: Sequence[ReviewView]) -> JobState:
    if ended is not None:
        return TERMINAL_STATE[type(ended)]
    if any(review.approved is None for review in reviews):
        return "awaiting_review"
    states = {clip.state for clip in clips}
    if not states:
        return "queued"
    if states & {"queued", "generating"} or states <= {"failed", "unknown"}:
        return "generating"
    return "evaluating"


def _promotion(promoted: e.JobPromoted | None, clips: Sequence[ClipFacts]) -> PromotionView | None:
    if promoted is None:
        return None
    promotion = promoted.promotion
    finals = [clip for clip in clips if clip.requested.stage == "final"]
    final = finals[-1] if finals else None
    return PromotionView(
        promotion_class=promotion.promotion_class,
        provider=promotion.provider,
        model=promotion.model,
        reason=promotion.reason,
        threshold=promotion.threshold,
        draft_clip_id=promoted.draft_clip_id,
        final_clip_id=final.requested.clip_id if final else None,
        draft_score=promotion.draft_scores.get(promoted.draft_clip_id),
        final_score=final.scored.scores.aggregate if final and final.scored else None,
        draft_scores=promotion.draft_scores,
        candidates=promotion.candidates,
        seed=promotion.seed,
        plan=promotion.plan,
    )


def _reviews(events: Sequence[AnyEvent]) -> tuple[ReviewView, ...]:
    decided = {event.clip_id: event for event in events if isinstance(event, e.ReviewDecided)}
    return tuple(_review(event, decided.get(event.clip_id)) for event in events if isinstance(event, e.ReviewRequested))


def _review(asked: e.ReviewRequested, decided: e.ReviewDecided | None) -> ReviewView:
    if decided is None:
        return ReviewView(clip_id=asked.clip_id, reason=asked.reason, requested_at=shown_at(asked.occurred_at))
    return ReviewView(
        clip_id=asked.clip_id,
        reason=asked.reason,
        requested_at=shown_at(asked.occurred_at),
        approved=decided.approved,
        reviewer=decided.reviewer,
        note=decided.note,
        decided_at=shown_at(decided.occurred_at),
    )


def _prompts(compiled: e.PromptCompiled | None) -> Prompts | None:
    if compiled is None:
        return None
    return Prompts(
        compiler_version=compiled.compiler_version,
        fingerprint=compiled.fingerprint,
        prompt_class=compiled.prompt_class,
        compiled=compiled.prompts,
        unsuitable=compiled.unsuitable,
    )


def _costs(requested: e.JobRequested, clips: Sequence[ClipFacts], completed: e.JobCompleted | None) -> Costs:
    plan = next((each.requested.decision.plan for each in clips if each.requested.decision), None)
    planned = completed or plan
    return Costs(
        estimate=requested.estimate,
        spent_usd_micros=sum(clip.cost_usd_micros for clip in clips),
        held_usd_micros=sum(clip.held_usd_micros for clip in clips),
        budget_usd_micros=requested.request.budget_usd_micros,
        estimate_usd_micros=planned.estimate_usd_micros if planned else None,
        all_premium_usd_micros=planned.all_premium_usd_micros if planned else None,
    )


def _error(failed: e.JobFailed | None) -> Failure | None:
    return Failure(code=failed.code, message=failed.message, reason=failed.reason) if failed else None


def _last(kind: type[E], events: Sequence[AnyEvent]) -> E | None:
    return next((event for event in reversed(events) if isinstance(event, kind)), None)
