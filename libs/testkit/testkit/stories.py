"""The lives of jobs as the log tells them, for tests that need a whole history."""

from datetime import datetime, timedelta
from typing import Any, Literal

from dailies_contracts import (
    AnyEvent,
    AssetRef,
    ClipRequested,
    ClipReused,
    FeedbackGiven,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobPromoted,
    JobRequested,
    Origin,
    Promotion,
    ReviewDecided,
    ReviewRequested,
    Stage,
    derive_clip_id,
)

from testkit.builders import (
    ASSET,
    JOB,
    MEDIA,
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


def clip_reused(job_id: str, origin: ClipRequested, *, asset: AssetRef = ASSET, tenant_id: str = TENANT) -> ClipReused:
    """A job gets a copy of a final that was rendered for another one."""
    return ClipReused(
        job_id=job_id,
        tenant_id=tenant_id,
        occurred_at=NOW + timedelta(hours=1),
        clip_id=derive_clip_id(job_id, stage=origin.stage, attempt=0),
        provider=origin.provider,
        model=origin.model,
        stage=origin.stage,
        origin=Origin(
            job_id=origin.job_id,
            clip_id=origin.clip_id,
            match="exact",
            fingerprint="f",
            rendered_at=NOW,
            cost_usd_micros=620_000,
            shared=origin.tenant_id != tenant_id,
        ),
        asset=asset,
        media=MEDIA,
        compiled=origin.prompt,
        scores=clip_scored(origin, aggregate=0.9).scores,
        seed=7,
        provider_task_id="task-of-the-original",
    )


def answered_job(reused: ClipReused, **request: Any) -> tuple[AnyEvent, ...]:
    """Tell the whole life of a job that an earlier clip answers. Keywords are of the request."""
    completed = JobCompleted(
        job_id=reused.job_id,
        tenant_id=reused.tenant_id,
        occurred_at=reused.occurred_at,
        clip_id=reused.clip_id,
        asset=reused.asset,
        cost_usd_micros=0,
        estimate_usd_micros=1_000_000,
        final_score=reused.scores.aggregate,
        origin=reused.origin,
    )
    requested = job_requested(reused.job_id, tenant_id=reused.tenant_id, **request)
    return requested, prompt_compiled(reused.job_id), reused, completed


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
