"""The worker's facts: ProviderSubmitted, ClipReady, ClipFailed and ClipSettled, each built in one place."""

from datetime import datetime
from typing import Any, NamedTuple

from dailies_contracts import (
    AssetRef,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipSettled,
    FailureKind,
    MediaFacts,
    ProviderSubmitted,
)
from msgspec.structs import replace

from provider_workers.domain.adapter import Failed, Submission, Succeeded
from provider_workers.domain.cost import Cost
from provider_workers.domain.failures import JOB_OVER, WITHDRAWN, WORDS, ProviderError, Wording
from provider_workers.domain.progress import Clip


class Stored(NamedTuple):
    """A clip that lies in our store, what probing it found, and the first frame of a draft."""

    asset: AssetRef
    media: MediaFacts
    first_frame: AssetRef | None = None


def submitted(clip: Clip, submission: Submission, *, now: datetime, found: bool) -> ProviderSubmitted:
    """The vendor has accepted; `found`: we looked the task up instead of being told by the submit."""
    return ProviderSubmitted(
        **_about(clip.request),
        occurred_at=now,
        provider_task_id=submission.provider_task_id,
        reference=submission.reference,
        found=found,
        sample=clip.sample,
    )


def ready(clip: Clip, outcome: Succeeded, stored: Stored, cost: Cost, *, now: datetime) -> ClipReady:
    """The vendor's file is stored."""
    request = clip.request
    since = clip.submitted.occurred_at if clip.submitted else request.occurred_at
    own_ms = outcome.render_ms
    return ClipReady(
        **_about(request),
        occurred_at=now,
        asset=stored.asset,
        media=stored.media,
        prompt=request.prompt.score_prompt,
        negative_prompt=request.prompt.negative_prompt,
        cost_usd_micros=cost.usd_micros,
        cost_source=cost.source,
        provider_task_id=clip.submitted.provider_task_id if clip.submitted else "",
        render_ms=max(0, round((now - since).total_seconds() * 1_000)) if own_ms is None else own_ms,
        seed=request.seed,
        ask=request.prompt.ask,
        first_frame=stored.first_frame,
    )


def failed(
    clip: Clip, kind: FailureKind, *, now: datetime, wording: Wording | None = None, **details: Any
) -> ClipFailed:
    """The clip will not come.

    Args:
        clip: The clip.
        kind: Class of the failure.
        now: The time.
        wording: Our code and sentence; None: those of the kind.
        details: `vendor_code`, `retry_after_s`, `charged_usd_micros`, `may_still_bill`.
    """
    code, message = wording or WORDS[kind]
    return ClipFailed(**_about(clip.request), occurred_at=now, kind=kind, code=code, message=message, **details)


def for_all(event: ClipFailed, clip: Clip) -> tuple[ClipFailed, ...]:
    """Tell the failure of a request of every clip that it orders, in the order of its party."""
    return tuple(as_told_by_leader(replace(event, clip_id=each.clip_id, id=""), each) for each in clip.party)


def as_told_by_leader(event: ClipFailed, clip: Clip) -> ClipFailed:
    """Say of a clip that its request failed as a whole."""
    return replace(event, sample_of=clip.request.sample_of) if clip.is_led else event


def dropped(clip: Clip, *, now: datetime) -> ClipFailed:
    """Nothing was sent, and nobody wants the clip any more: nothing is billed."""
    return failed(clip, "unclassified", now=now, wording=JOB_OVER if clip.job_over else WITHDRAWN)


def refused_submit(clip: Clip, error: ProviderError, *, now: datetime) -> ClipFailed:
    """The vendor did not accept the clip: nothing is billed."""
    return failed(clip, error.kind, now=now, vendor_code=error.vendor_code, retry_after_s=error.retry_after_s)


def ended_by_vendor(clip: Clip, outcome: Failed, *, now: datetime, charged_usd_micros: int) -> ClipFailed:
    """The vendor accepted the clip and ended it without a file."""
    return failed(
        clip,
        outcome.kind,
        now=now,
        vendor_code=outcome.vendor_code,
        charged_usd_micros=charged_usd_micros,
    )


def settled(
    clip: Clip, reason: str, *, now: datetime, charged_usd_micros: int = 0, asset: AssetRef | None = None
) -> ClipSettled:
    """It is known what became of a clip that was given up."""
    return ClipSettled(
        **_about(clip.request), occurred_at=now, charged_usd_micros=charged_usd_micros, reason=reason, asset=asset
    )


def _about(request: ClipRequested) -> dict[str, Any]:
    return {
        "job_id": request.job_id,
        "tenant_id": request.tenant_id,
        "clip_id": request.clip_id,
        "provider": request.provider,
        "model": request.model,
        "stage": request.stage,
    }
