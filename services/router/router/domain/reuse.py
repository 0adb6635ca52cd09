"""Whether an earlier clip answers a job, and what the log then says. Pure."""

from datetime import datetime

import msgspec
from dailies_contracts import (
    AnyEvent,
    AssetDeleted,
    AssetRef,
    ClipReady,
    ClipRequested,
    ClipReused,
    ClipScored,
    FeedbackGiven,
    JobCompleted,
    JobRequested,
    Origin,
    PromptCompiled,
    ReuseMode,
    ReviewDecided,
    VideoRequest,
    derive_clip_id,
)
from runtime.routing_policy import Policy

from router.domain.context import Context, TenantRules
from router.domain.exclusions import outside_grades, standing_exclusion
from router.domain.state import Clip, Drafting

NOT_RENDERED = 0
"""The attempt that names a reused clip: those that are rendered count from 1."""
BAD_RATING = 2
"""A clip that somebody rated so, or lower, answers nobody else."""


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """What a job delivered and how it came about: rendered for that job, not deleted, and disliked by nobody."""

    requested: JobRequested
    compiled: PromptCompiled
    order: ClipRequested
    ready: ClipReady
    scored: ClipScored
    completed: JobCompleted


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An original whose request is equal to a job's, or nearly so."""

    original: Original
    is_exact: bool
    similarity: float = 1.0


def mode_of(request: VideoRequest, tenant: TenantRules, policy: Policy) -> ReuseMode:
    """Say whether a request may be answered with an earlier clip: as it says, else its tenant, else the catalogue."""
    return request.reuse or tenant.reuse or policy.reuse.default


def original_of(events: tuple[AnyEvent, ...]) -> Original | None:
    """Read from a job's history what it delivered; None where that may answer no other job."""
    completed = next((each for each in events if isinstance(each, JobCompleted)), None)
    if completed is None or completed.origin is not None:
        return None
    about = [each for each in events if getattr(each, "clip_id", "") == completed.clip_id]
    if any(isinstance(each, AssetDeleted) or is_disliked(each) for each in about):
        return None
    parts = {
        "requested": next((each for each in events if isinstance(each, JobRequested)), None),
        "compiled": next((each for each in events if isinstance(each, PromptCompiled)), None),
        "order": next((each for each in about if isinstance(each, ClipRequested)), None),
        "ready": next((each for each in about if isinstance(each, ClipReady)), None),
        "scored": next((each for each in about if isinstance(each, ClipScored)), None),
    }
    return None if None in parts.values() else msgspec.convert(parts | {"completed": completed}, Original)


def is_fit(original: Original, policy: Policy) -> bool:
    """Tell whether a clip is what its request asked for: a final unless drafts were wanted, and a good one."""
    scores, completed = original.scored.scores, original.completed
    if original.ready.stage == "draft" and original.requested.request.quality != "draft":
        return False
    if completed.draft_score is not None and completed.draft_score - scores.aggregate >= policy.min_score_drop:
        return False
    return scores.passed and scores.aggregate >= max(policy.reuse.min_score, policy.draft_pass_threshold)


def may_answer(original: Original, state: Drafting, context: Context) -> bool:
    """Tell whether a clip may be delivered to this job: fit, and of a model that this job could be given."""
    listing = context.catalog.find(original.ready.provider, original.ready.model)
    if listing is None or not is_fit(original, context.catalog.policy):
        return False
    is_final = original.ready.stage == "final"
    if is_final and outside_grades(original.order.prompt, state, context) is not None:
        return False
    return standing_exclusion(state, listing, context) is None


def copy_id(state: Drafting, original: Original) -> str:
    """Name a job's copy of a clip."""
    return derive_clip_id(state.job.job_id, stage=original.ready.stage, attempt=NOT_RENDERED)


def reused(state: Drafting, found: Found, asset: AssetRef, now: datetime) -> ClipReused:
    """Tell that a clip answers a job.

    Args:
        state: The job.
        found: The clip.
        asset: The job's own copy of its file.
        now: The time.
    """
    original = found.original
    ready, scored = original.ready, original.scored
    return ClipReused(
        job_id=state.job.job_id,
        tenant_id=state.job.tenant_id,
        occurred_at=now,
        clip_id=copy_id(state, original),
        provider=ready.provider,
        model=ready.model,
        stage=ready.stage,
        asset=asset,
        media=ready.media,
        compiled=original.order.prompt,
        scores=scored.scores,
        seed=ready.seed if ready.seed is not None else original.order.seed,
        provider_task_id=ready.provider_task_id,
        origin=Origin(
            job_id=ready.job_id,
            clip_id=ready.clip_id,
            match="exact" if found.is_exact else "near",
            similarity=found.similarity,
            fingerprint=original.compiled.fingerprint,
            rendered_at=ready.occurred_at,
            cost_usd_micros=original.completed.cost_usd_micros,
            shared=ready.tenant_id != state.job.tenant_id,
        ),
    )


def reused_clip(state: Drafting) -> Clip | None:
    """Give the earlier clip that answers a job, None where it is rendered."""
    return next((clip for clip in state.clips.values() if clip.origin is not None), None)


def why_reused(origin: Origin) -> str:
    """Say in words why nothing was rendered."""
    alike = (
        "an equal request" if origin.match == "exact" else f"nearly the same request ({origin.similarity:.0%} alike)"
    )
    return (
        f"Answered from the prompt cache, at no cost: {alike} was rendered before. "
        'For a take of its own ask again with "reuse": "off".'
    )


def is_disliked(event: AnyEvent) -> bool:
    """Tell whether somebody says that a clip is not good enough."""
    match event:
        case FeedbackGiven(rating=rating):
            return rating <= BAD_RATING
        case ReviewDecided(approved=approved):
            return not approved
        case _:
            return False
