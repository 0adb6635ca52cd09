"""The files of a clip, gathered from the facts that tell of them: what there is, what is delivered, what expires."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from dailies_contracts import AnyEvent, AssetDeleted, AssetFinalized, AssetRef, Event
from dailies_contracts import events as e
from media.layout import clip_key, record_file

from gateway.domain.job import AssetFile, Part

E = TypeVar("E", bound=Event)
SOURCE, FINAL, RIGHTS = "source", "final", "rights"


class AssetView(Part, frozen=True, kw_only=True):
    """The files of one clip.

    Attributes:
        asset_id: The clip's id.
        delivered: It is what the job delivers, signed and kept.
        expires_at: When its files expire; None: they stay.
        deleted: They were deleted on request; `deleted_sha256s` proves which.
        files: By name.
        urls: Signed addresses by name, for a short time, whole or in ranges.
        problem: Why there are no previews, a stable code.
        provenance_path: Who made it.
    """

    asset_id: str
    job_id: str
    stage: str
    provider: str
    model: str
    delivered: bool
    expires_at: datetime | None
    deleted: bool
    deleted_sha256s: tuple[str, ...]
    files: dict[str, AssetFile]
    urls: dict[str, str]
    problem: str
    provenance_path: str


def files_of(events: Sequence[AnyEvent], clip_id: str) -> dict[str, AssetRef]:
    """Give every file of a clip by name; none where it has not come or was deleted."""
    ready = stored_clip(events, clip_id)
    if ready is None or about(AssetDeleted, events, clip_id) is not None:
        return {}
    preview, kept = about(e.PreviewReady, events, clip_id), about(AssetFinalized, events, clip_id)
    return {SOURCE: ready.asset, **(preview.assets if preview else {}), **(kept.assets if kept else {})}


def content_of(files: dict[str, AssetRef]) -> AssetRef | None:
    """Choose what a client downloads as the clip: the signed final once there is one, the vendor's file before."""
    return files.get(FINAL) or files.get(SOURCE)


def expiry_of(events: Sequence[AnyEvent], clip_id: str) -> datetime | None:
    """Say when a clip's files expire; a clip that is delivered does not."""
    preview = about(e.PreviewReady, events, clip_id)
    if preview is None or about(AssetFinalized, events, clip_id) is not None:
        return None
    return preview.expires_at


def file_view(clip_id: str, name: str, ref: AssetRef) -> AssetFile:
    """Show one file."""
    return AssetFile(
        sha256=ref.sha256,
        size_bytes=ref.size_bytes,
        media_type=ref.media_type,
        path=f"{asset_path(clip_id)}/files/{name}",
    )


def asset_path(clip_id: str) -> str:
    """Give the address of a clip's files."""
    return f"/v1/assets/{clip_id}"


def asset_view(events: Sequence[AnyEvent], clip_id: str, urls: dict[str, str]) -> AssetView | None:
    """Show the files of a clip; None where its file has not come."""
    ready, deleted = stored_clip(events, clip_id), about(AssetDeleted, events, clip_id)
    if ready is None:
        return None
    preview = about(e.PreviewReady, events, clip_id)
    files = files_of(events, clip_id)
    return AssetView(
        asset_id=clip_id,
        job_id=ready.job_id,
        stage=ready.stage,
        provider=ready.provider,
        model=ready.model,
        delivered=about(AssetFinalized, events, clip_id) is not None,
        expires_at=expiry_of(events, clip_id),
        deleted=deleted is not None,
        deleted_sha256s=deleted.sha256s if deleted else (),
        files={name: file_view(clip_id, name, ref) for name, ref in sorted(files.items())},
        urls=urls,
        problem=preview.problem if preview else "",
        provenance_path=f"{asset_path(clip_id)}/provenance",
    )


def record_key(events: Sequence[AnyEvent], clip_id: str) -> str:
    """Name the newest rights record that a clip can have."""
    job_id = events[0].job_id
    kept = about(AssetFinalized, events, clip_id)
    return clip_key(job_id, clip_id, record_file(2 if kept else 1))


def stored_clip(events: Sequence[AnyEvent], clip_id: str) -> e.StoredClip | None:
    """Give the fact that tells of a clip's file, rendered or reused; None where it has not come."""
    return about(e.ClipReady, events, clip_id) or about(e.ClipReused, events, clip_id)


def about(kind: type[E], events: Sequence[AnyEvent], clip_id: str) -> E | None:
    """Give the first fact of a type about a clip."""
    return next((x for x in events if isinstance(x, kind) and getattr(x, "clip_id", "") == clip_id), None)
