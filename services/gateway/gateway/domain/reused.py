"""Clips that answer a job although they were rendered for an earlier one: shown beside those of the job's own."""

from collections.abc import Sequence

import msgspec
from dailies_contracts import AnyEvent, AssetDeleted, Origin
from dailies_contracts import events as e

from gateway.domain.assets import about, asset_path, content_of, expiry_of, file_view, files_of
from gateway.domain.clips import feedback_on, file_of
from gateway.domain.job import ClipView, OriginView, ScoresView
from gateway.domain.times import shown_at


def origin_view(origin: Origin | None) -> OriginView | None:
    """Show where a clip comes from; None where it was rendered for its job."""
    return msgspec.convert(origin, OriginView, from_attributes=True) if origin else None


def reused_views(events: Sequence[AnyEvent]) -> tuple[ClipView, ...]:
    """Show the earlier clip that answers a job; nothing where its clips are rendered for it."""
    return tuple(_view(event, events) for event in events if isinstance(event, e.ClipReused))


def _view(clip: e.ClipReused, events: Sequence[AnyEvent]) -> ClipView:
    files = files_of(events, clip.clip_id)
    content, expires_at = content_of(files), expiry_of(events, clip.clip_id)
    preview = about(e.PreviewReady, events, clip.clip_id)
    return ClipView(
        clip_id=clip.clip_id,
        stage=clip.stage,
        attempt=0,
        provider=clip.provider,
        model=clip.model,
        state="scored",
        requested_at=shown_at(clip.occurred_at),
        ended_at=shown_at(clip.occurred_at),
        quote_usd_micros=0,
        cost_usd_micros=0,
        held_usd_micros=0,
        seed=clip.seed,
        media=clip.media,
        file=file_of(content, clip) if content else None,
        deleted=about(AssetDeleted, events, clip.clip_id) is not None,
        scores=msgspec.convert(clip.scores, ScoresView, from_attributes=True),
        previews=tuple(sorted(preview.assets)) if preview else (),
        asset_path=asset_path(clip.clip_id) if files else None,
        assets={name: file_view(clip.clip_id, name, ref) for name, ref in sorted(files.items())},
        expires_at=shown_at(expires_at) if expires_at else None,
        stored_bytes=sum(ref.size_bytes for ref in files.values()),
        feedback=feedback_on(events, clip.clip_id),
        origin=origin_view(clip.origin),
    )
