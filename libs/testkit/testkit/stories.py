"""The lives of jobs as the log tells them, for tests that need a whole history."""

from datetime import datetime, timedelta
from typing import Any, Literal

from dailies_contracts import (
    AnyEvent,
    ClipRequested,
    FeedbackGiven,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobPromoted,
    JobRequested,
    Promotion,
    ReviewDecided,
    ReviewRequested,
    Stage,
    derive_clip_id,
)

from testkit.builders import (
    ASSET,
    JOB,
    NOW,
    TENANT,
    clip_ready,
    clip_scored,
    compiled_prompt,
    job_requested,
    prompt_compiled,
)


def clip_requested(
    job_id: str = JOB,
    *,
    stage: Stage = "draft",
    attempt: int = 1,
    provider: str = "kling",
    tenant_id: str = TENANT,
    at: datetime = NOW,
) -> ClipRequested:
    """One clip ordered from one vendor."""
    return ClipRequested(
        job_id=job_id,
        tenant_id=tenant_id,
        occurred_at=at,
        clip_id=derive_clip_id(job_id, stage=stage, attempt=attempt),
        provider=provider,
        model=f"{provider}-test",
        stage=stage,
        attempt=attempt,
        prompt=compiled_prompt(provider, f"{provider}-test"),
        quote_usd_micros=210_000,
        deadline_at=at + timedelta(minutes=15),
    )


def job_promoted(draft: ClipRequested) -> JobPromoted:
    """A draft goes on to a fresh final at the same vendor."""
    promotion = Promotion(promotion_class="fresh", provider=draft.provider, model=draft.model, reason="It won.")
    return JobPromoted(
        job_id=draft.job_id,
        tenant_id=draft.tenant_id,
        occurred_at=NOW,
        draft_clip_id=draft.clip_id,
        promotion=promotion,
    )


def review_requested(clip: ClipRequested) -> ReviewRequested:
    """A person is asked about a clip."""
    return ReviewRequested(job_id=clip.job_id, tenant_id=clip.tenant_id, occurred_at=NOW, clip_id=clip.clip_id)


def review_decided(clip: ClipRequested, *, approved: bool = True) -> ReviewDecided:
    """A person has decided on a clip."""
    return ReviewDecided(
        job_id=clip.job_id,
        tenant_id=clip.tenant_id,
        occurred_at=NOW,
        clip_id=clip.clip_id,
        approved=approved,
        reviewer="rosa",
    )


def job_completed(clip: ClipRequested) -> JobCompleted:
    """A job ends with a clip."""
    return JobCompleted(
        job_id=clip.job_id,
        tenant_id=clip.tenant_id,
        occurred_at=NOW + timedelta(minutes=5),
        clip_id=clip.clip_id,
        asset=ASSET,
        cost_usd_micros=620_000,
    )


def job_failed(requested: JobRequested, *, code: str = "job.no_clip") -> JobFailed:
    """A job ends without a clip."""
    return JobFailed(
        job_id=requested.job_id,
        tenant_id=requested.tenant_id,
        occurred_at=NOW + timedelta(minutes=5),
        code=code,
        message="No vendor could render it: try another prompt.",
    )


def job_cancelled(requested: JobRequested) -> JobCancelled:
    """A job ends because its owner asked for it."""
    return JobCancelled(job_id=requested.job_id, tenant_id=requested.tenant_id, occurred_at=NOW + timedelta(minutes=5))


def promoted_job(job_id: str = JOB, *, tenant_id: str = TENANT, **request: Any) -> tuple[AnyEvent, ...]:
    """Tell the whole life of a job: two drafts, the first promoted to a final, ready. Keywords are of the request."""
    requested = job_requested(job_id, tenant_id=tenant_id, **request)
    kling = clip_requested(job_id, tenant_id=tenant_id)
    veo = clip_requested(job_id, tenant_id=tenant_id, provider="veo", attempt=2)
    final = clip_requested(job_id, tenant_id=tenant_id, stage="final", at=NOW + timedelta(minutes=2))
    return (
        requested,
        prompt_compiled(job_id),
        kling,
        veo,
        clip_ready(kling),
        clip_scored(kling),
        clip_ready(veo),
        clip_scored(veo, aggregate=0.6),
        job_promoted(kling),
        final,
        clip_ready(final),
        clip_scored(final, aggregate=0.9),
        job_completed(final),
    )


def feedback_given(order: ClipRequested, *, rating: Literal[1, 2, 3, 4, 5] = 5, author: str = "ann") -> FeedbackGiven:
    """A person rated the ordered clip."""
    return FeedbackGiven(
        job_id=order.job_id,
        tenant_id=order.tenant_id,
        occurred_at=order.occurred_at,
        clip_id=order.clip_id,
        author=author,
        rating=rating,
    )
