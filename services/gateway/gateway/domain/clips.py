"""The clips of a job view: everything known about each clip, gathered from the facts that name it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from dailies_contracts import AnyEvent, AssetDeleted, AssetRef, ClipEvent, Event
from dailies_contracts import events as e

from gateway.domain.assets import asset_path, content_of, expiry_of, file_view, files_of
from gateway.domain.job import ClipState, ClipView, Failure, Feedback, File, ScoresView
from gateway.domain.times import shown_at

E = TypeVar("E", bound=Event)


class ClipFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one clip; the facts may have come in any order.

    Attributes:
        settled: What became of it after it had been given up.
        files: Its stored files by name.
    """

    requested: e.ClipRequested
    submitted: e.ProviderSubmitted | None
    ready: e.ClipReady | None
    failed: e.ClipFailed | None
    settled: e.ClipSettled | None
    scored: e.ClipScored | None
    deleted: AssetDeleted | None
    previews: tuple[str, ...]
    files: dict[str, AssetRef]
    expires_at: datetime | None
    feedback: tuple[Feedback, ...]

    @property
    def content(self) -> AssetRef | None:
        """What a client downloads as the clip."""
        return content_of(self.files)

    @property
    def state(self) -> ClipState:
        """State of the clip."""
        if self.scored:
            return "scored"
        if self.ready:
            return "evaluating"
        if self.failed:
            return "unknown" if self.failed.may_still_bill and not self.settled else "failed"
        return "generating" if self.submitted else "queued"

    @property
    def ended_at(self) -> datetime | None:
        """When the vendor was done with it."""
        end = self.ready or self.failed
        return shown_at(end.occurred_at) if end else None

    @property
    def charged_usd_micros(self) -> int:
        """What the vendor billed; a later settlement is the last word."""
        if self.settled:
            return self.settled.charged_usd_micros
        if self.ready:
            return self.ready.cost_usd_micros
        return self.failed.charged_usd_micros if self.failed else 0

    @property
    def cost_usd_micros(self) -> int:
        """Vendor's charge plus scoring."""
        return self.charged_usd_micros + self.scoring_usd_micros

    @property
    def scoring_usd_micros(self) -> int:
        """What the scoring cost."""
        return self.scored.scoring_cost_usd_micros if self.scored else 0

    @property
    def held_usd_micros(self) -> int:
        """What is still held for it."""
        return self.requested.quote_usd_micros if self.state in {"queued", "generating", "unknown"} else 0


def gather_clips(events: Sequence[AnyEvent]) -> tuple[ClipFacts, ...]:
    """Group the facts by clip, in the order in which the clips were requested."""
    requested = [event for event in events if isinstance(event, e.ClipRequested)]
    return tuple(_facts(request, _about(events, request.clip_id)) for request in requested)


def clip_view(clip: ClipFacts) -> ClipView:
    """Show one clip."""
    requested, ready = clip.requested, clip.ready
    return ClipView(
        clip_id=requested.clip_id,
        stage=requested.stage,
        attempt=requested.attempt,
        provider=requested.provider,
        model=requested.model,
        state=clip.state,
        requested_at=shown_at(requested.occurred_at),
        ended_at=clip.ended_at,
        quote_usd_micros=requested.quote_usd_micros,
        cost_usd_micros=clip.cost_usd_micros,
        held_usd_micros=clip.held_usd_micros,
        scoring_usd_micros=clip.scoring_usd_micros,
        draft_clip_id=requested.draft_clip_id,
        seed=ready.seed if ready and ready.seed is not None else requested.seed,
        render_ms=ready.render_ms if ready else None,
        media=ready.media if ready else None,
        file=file_of(clip.content, requested) if clip.content else None,
        deleted=clip.deleted is not None,
        scores=msgspec.convert(clip.scored.scores, ScoresView, from_attributes=True) if clip.scored else None,
        why=requested.decision,
        error=_error(clip.failed) if clip.failed and not ready else None,
        previews=clip.previews,
        asset_path=asset_path(requested.clip_id) if clip.files else None,
        assets={name: file_view(requested.clip_id, name, ref) for name, ref in sorted(clip.files.items())},
        expires_at=shown_at(clip.expires_at) if clip.expires_at else None,
        stored_bytes=sum(ref.size_bytes for ref in clip.files.values()),
        feedback=clip.feedback,
    )


def file_of(asset: AssetRef, clip: ClipEvent) -> File:
    """Show the file that a client downloads as a clip."""
    return File(
        sha256=asset.sha256,
        size_bytes=asset.size_bytes,
        media_type=asset.media_type,
        content_path=f"/v1/jobs/{clip.job_id}/clips/{clip.clip_id}/content",
    )


def feedback_on(events: Sequence[AnyEvent], clip_id: str) -> tuple[Feedback, ...]:
    """Show how people rated a clip."""
    return tuple(
        Feedback(author=event.author, rating=event.rating, note=event.note)
        for event in events
        if isinstance(event, e.FeedbackGiven) and event.clip_id == clip_id
    )


def _facts(requested: e.ClipRequested, about: list[AnyEvent]) -> ClipFacts:
    previews = (name for event in _all(e.PreviewReady, about) for name in event.assets)
    return ClipFacts(
        requested=requested,
        submitted=_first(e.ProviderSubmitted, about),
        ready=_first(e.ClipReady, about),
        failed=_first(e.ClipFailed, about),
        settled=_first(e.ClipSettled, about),
        scored=_first(e.ClipScored, about),
        deleted=_first(AssetDeleted, about),
        previews=tuple(sorted(previews)),
        files=files_of(about, requested.clip_id),
        expires_at=expiry_of(about, requested.clip_id),
        feedback=feedback_on(about, requested.clip_id),
    )


def _error(failed: e.ClipFailed) -> Failure:
    return Failure(code=failed.code, message=failed.message, reason=failed.kind)


def _about(events: Iterable[AnyEvent], clip_id: str) -> list[AnyEvent]:
    return [event for event in events if getattr(event, "clip_id", None) == clip_id]


def _all(kind: type[E], events: Iterable[AnyEvent]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def _first(kind: type[E], events: Iterable[AnyEvent]) -> E | None:
    return next((event for event in events if isinstance(event, kind)), None)
