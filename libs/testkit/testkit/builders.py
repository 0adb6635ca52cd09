"""Events as tests need them: every field has a plain default, named arguments say what the test is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dailies_contracts import (
    AssetRef,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipScored,
    ClipSettled,
    CompiledPrompt,
    FailureKind,
    JobRequested,
    MediaFacts,
    PromptCompiled,
    ProviderSubmitted,
    Scores,
    VideoRequest,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TENANT = "acme"
JOB = "job_test"
ASSET = AssetRef(uri="s3://dailies/jobs/j/c/source.mp4", sha256="0" * 64, size_bytes=1_000, media_type="video/mp4")
MEDIA = MediaFacts(duration_s=5.0, width_px=1280, height_px=720, fps=24.0, video_codec="h264")


def job_requested(job_id: str = JOB, *, tenant_id: str = TENANT, at: datetime = NOW, **request: Any) -> JobRequested:
    """A request for a red ball; keyword arguments are fields of the request."""
    asked = VideoRequest(**({"prompt": "a red ball on a table", "quality": "premium"} | request))
    return JobRequested(job_id=job_id, tenant_id=tenant_id, occurred_at=at, request=asked)


def compiled_prompt(provider: str, model: str, *, duration_s: int = 5, **changes: Any) -> CompiledPrompt:
    """A prompt for one model, 16:9 at 720p."""
    fields: dict[str, Any] = {
        "prompt": "a red ball on a table",
        "score_prompt": "a red ball on a table",
        "aspect_ratio": "16:9",
        "resolution": "720p",
    }
    return CompiledPrompt(provider=provider, model=model, duration_s=duration_s, **(fields | changes))


PROMPTS = (
    compiled_prompt("kling", "kling-2.5-turbo"),
    compiled_prompt("kling", "kling-2.6"),
    compiled_prompt("veo", "veo-3.1-fast-generate-001", duration_s=6),
    compiled_prompt("veo", "veo-3.1-generate-001", duration_s=6),
)


def prompt_compiled(
    job_id: str = JOB, *, at: datetime = NOW, prompts: tuple[CompiledPrompt, ...] = PROMPTS, **changes: Any
) -> PromptCompiled:
    """Prompts for both vendors, two tiers each."""
    fields: dict[str, Any] = {"compiler_version": "1", "fingerprint": "f", "prompt_class": "object.static"}
    return PromptCompiled(job_id=job_id, tenant_id=TENANT, occurred_at=at, prompts=prompts, **(fields | changes))


def provider_submitted(order: ClipRequested) -> ProviderSubmitted:
    """The vendor accepted the ordered clip."""
    return ProviderSubmitted(**_about(order, after_s=1), provider_task_id=f"task-{order.clip_id}")


def clip_ready(order: ClipRequested, *, cost_usd_micros: int = 200_000, after_s: float = 60) -> ClipReady:
    """The ordered clip came."""
    return ClipReady(
        **_about(order, after_s=after_s),
        asset=ASSET,
        media=MEDIA,
        prompt=order.prompt.score_prompt,
        ask=order.prompt.ask,
        cost_usd_micros=cost_usd_micros,
    )


def clip_failed(
    order: ClipRequested, *, kind: FailureKind = "unavailable", may_still_bill: bool = False, charged: int = 0
) -> ClipFailed:
    """The ordered clip failed."""
    return ClipFailed(
        **_about(order, after_s=60),
        kind=kind,
        code=f"provider.{kind}",
        message="It failed.",
        may_still_bill=may_still_bill,
        charged_usd_micros=charged,
    )


def clip_settled(order: ClipRequested, *, charged: int = 0) -> ClipSettled:
    """What the vendor billed in the end for a clip that was given up, or had ended."""
    return ClipSettled(**_about(order, after_s=120), charged_usd_micros=charged, reason="The vendor has said so.")


def clip_scored(
    order: ClipRequested, *, aggregate: float = 0.8, passed: bool = True, scoring_cost_usd_micros: int = 400
) -> ClipScored:
    """The ordered clip was scored."""
    scores = Scores(
        alignment=aggregate,
        motion=aggregate,
        aesthetic=aggregate,
        safety=1.0 if passed else 0.5,
        aggregate=aggregate if passed else 0.0,
        passed=passed,
        scorer_version="test",
    )
    return ClipScored(
        **_about(order, after_s=90),
        scores=scores,
        scoring_cost_usd_micros=scoring_cost_usd_micros,
    )


def _about(order: ClipRequested, *, after_s: float) -> dict[str, Any]:
    """The fields that every fact about an ordered clip shares."""
    return {
        "job_id": order.job_id,
        "tenant_id": order.tenant_id,
        "occurred_at": order.occurred_at + timedelta(seconds=after_s),
        "clip_id": order.clip_id,
        "provider": order.provider,
        "model": order.model,
        "stage": order.stage,
    }
