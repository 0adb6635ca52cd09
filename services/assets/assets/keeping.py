"""Holds and erasures: what the gateway accepted is carried out here, on every object of a clip."""

from datetime import timedelta

import msgspec
from dailies_contracts import (
    AssetDeleted,
    AssetFinalized,
    AssetRef,
    ClipReady,
    ClipReused,
    ClipSettled,
    JobCompleted,
    PreviewReady,
    StoredClip,
)
from dailies_contracts.base import Token
from media.layout import HELD, clip_prefix, tags_of
from runtime.archive import log_prefix
from runtime.errors import NotFound, Permanent
from runtime.log import History

from assets.domain.derivatives import RIGHTS
from assets.domain.rights import record_keys
from assets.ports import Desk

ERASE = "erase"
HOLD = "hold"
AGAIN_AFTER = timedelta(minutes=15)
"""A step that was storing files when the erasure came is done by then; what it left is erased too."""


class EraseWish(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of the timer `erase`: the gateway accepted the erasure of a clip.

    Attributes:
        is_again: The clip was erased; late files are swept up.
    """

    job_id: Token
    clip_id: Token
    reason: str = ""
    is_again: bool = False


class HoldWish(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of the timer `hold`: the hold of a job changed."""

    job_id: Token


class Keeping:
    """Erases and holds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def erase(self, wish: EraseWish) -> AssetDeleted | None:
        """Erase every file of a clip but its rights records, which are the proof.

        Returns:
            The fact; None where the erasure was not accepted, or the clip's file never came.

        Raises:
            DependencyUnavailable: A store does not answer, or something is still there: erase again.
        """
        desk = self._desk
        if wish.clip_id not in (await desk.holds.load(wish.job_id)).erasing:
            return None
        history = await desk.log.history(wish.job_id)
        ready = next((each for each in _stored(history) if each.clip_id == wish.clip_id), None)
        if ready is None:
            return None
        prefix = clip_prefix(wish.job_id, wish.clip_id)
        records = record_keys(wish.job_id, wish.clip_id)
        digests = {*_told(history, wish.clip_id), *await self._found(prefix, records)}
        await desk.keeper.erase(prefix, keep=records)
        if not wish.is_again:
            payload = msgspec.json.encode(msgspec.structs.replace(wish, is_again=True))
            await desk.timers.schedule(ERASE, wish.clip_id, at=desk.clock() + AGAIN_AFTER, payload=payload)
        return AssetDeleted(
            job_id=ready.job_id,
            tenant_id=ready.tenant_id,
            occurred_at=desk.clock(),
            clip_id=ready.clip_id,
            provider=ready.provider,
            model=ready.model,
            stage=ready.stage,
            sha256s=tuple(sorted(digests)),
            reason=wish.reason,
        )

    async def apply_hold(self, wish: HoldWish) -> None:
        """Let a held job's drafts stop expiring, and a released one's expire again."""
        desk = self._desk
        hold = await desk.holds.load(wish.job_id)
        history = await desk.log.history(wish.job_id)
        delivered = history.first(JobCompleted)
        for ready in _stored(history):
            prefix = clip_prefix(ready.job_id, ready.clip_id)
            is_delivered = delivered is not None and delivered.clip_id == ready.clip_id
            stage = HELD if hold.is_held else "final" if is_delivered else ready.stage
            await desk.keeper.hold(prefix, on=hold.is_held)
            await desk.keeper.tag(prefix, tags_of(stage))
        await desk.keeper.hold(log_prefix(wish.job_id), on=hold.is_held)

    async def _found(self, prefix: str, records: tuple[str, ...]) -> set[str]:
        """Digests of what lies there, told by a fact or not."""
        found: set[str] = set()
        for key in await self._desk.keeper.keys(prefix):
            if key not in records:
                try:
                    found.add((await self._desk.objects.look_up(key)).sha256)
                except (NotFound, Permanent):
                    continue
        return found


def _stored(history: History) -> tuple[StoredClip | ClipSettled, ...]:
    """Clips with files: those that came or were reused, and those that came after they had been given up."""
    late = (each for each in history.all(ClipSettled) if each.asset is not None)
    return (*history.all(ClipReady), *history.all(ClipReused), *late)


def _told(history: History, clip_id: str) -> set[str]:
    """Digests of every file of a clip that the log tells of."""
    refs: list[AssetRef] = []
    for event in history.events:
        if getattr(event, "clip_id", "") != clip_id:
            continue
        if isinstance(event, ClipReady):
            refs += [event.asset, *([event.first_frame] if event.first_frame else [])]
        elif isinstance(event, ClipReused):
            refs.append(event.asset)
        elif isinstance(event, ClipSettled):
            refs += [event.asset] if event.asset else []
        elif isinstance(event, PreviewReady | AssetFinalized):
            refs += [ref for name, ref in event.assets.items() if name != RIGHTS]
    return {ref.sha256 for ref in refs}
