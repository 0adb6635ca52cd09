"""What the asset store does with each message."""

import logging
from datetime import timedelta
from typing import TypeVar

import msgspec
from dailies_contracts import (
    AssetFinalized,
    ClipReady,
    ClipReused,
    ClipScored,
    JobCompleted,
    JobRequested,
    PreviewReady,
    StoredClip,
)
from media.layout import clip_prefix, tags_of
from runtime.errors import Permanent
from runtime.timers import Due

from assets.archiving import Archiving
from assets.deriving import Deriving, generation_told
from assets.finalizing import Finalizing
from assets.keeping import EraseWish, HoldWish, Keeping
from assets.ports import Desk

T = TypeVar("T")

log = logging.getLogger(__name__)


class Handlers:
    """The asset store's handlers and what they need."""

    def __init__(self, desk: Desk, archiving: Archiving) -> None:
        self._desk = desk
        self._archiving = archiving
        self._deriving = Deriving(desk)
        self._finalizing = Finalizing(desk, self._deriving)
        self._keeping = Keeping(desk)

    async def on_clip_ready(self, event: ClipReady) -> None:
        """Derive what a clip is seen by; a file that is no clip ends as a fact that says why.

        Consumes: ClipReady. Emits: PreviewReady.
        Idempotent by: the write-once subject, and objects that are stored once.
        """
        await self._desk.one_at_a_time(event.clip_id, lambda: self._preview(event))

    async def on_clip_reused(self, event: ClipReused) -> None:
        """Derive what a copy is seen by, and write down where it comes from, where a person has to approve it first.

        Otherwise JobCompleted follows at once, and all of it is made then.

        Consumes: ClipReused. Emits: PreviewReady; stores version 1 of the rights record.
        Idempotent by: the write-once subject, and objects that are stored once.
        """
        history = await self._desk.log.history(event.job_id)
        requested = history.first(JobRequested)
        if requested is None or not requested.request.review:
            return
        await self._desk.keeper.tag(clip_prefix(event.job_id, event.clip_id), tags_of(event.stage))
        await self._desk.one_at_a_time(event.clip_id, lambda: self._preview(event))
        if await self._finalizing.judge(event, history) is not None:
            await self._deriving.comply(event.job_id, event.clip_id)

    async def on_clip_scored(self, event: ClipScored) -> None:
        """Write down who made a clip, from what, and how it was judged.

        Consumes: ClipScored. Emits: nothing; stores version 1 of the rights record.
        Idempotent by: an object that is stored once.
        """
        history = await self._desk.log.history(event.job_id)
        ready = next((each for each in history.all(ClipReady) if each.clip_id == event.clip_id), None)
        if ready is not None and await self._finalizing.judge(ready, history) is not None:
            await self._deriving.comply(event.job_id, event.clip_id)

    async def on_job_completed(self, event: JobCompleted) -> None:
        """Keep what the job delivers: signed, with every derivative and its rights record.

        Consumes: JobCompleted. Emits: AssetFinalized.
        Idempotent by: the write-once subject, and objects that are stored once.
        """
        await self._desk.one_at_a_time(event.clip_id, lambda: self._finalize(event))

    async def on_erase_due(self, due: Due) -> None:
        """Erase a clip whose deletion the gateway accepted, and with a job's last clip its words in the archive.

        Consumes: the timer `erase`. Emits: AssetDeleted, JobArchived.
        Idempotent by: the write-once subject; erasing what is gone is harmless.
        """
        wish = _read(due, EraseWish)
        deleted = await self._keeping.erase(wish)
        if deleted is not None and await self._desk.log.append_fact(deleted):
            log.info("asset.deleted", extra={"clip.id": deleted.clip_id, "n_files": len(deleted.sha256s)})
        if deleted is not None:
            await self._archiving.erase_words(deleted.job_id)

    async def on_hold_due(self, due: Due) -> None:
        """Tag the files of a job whose hold changed.

        Consumes: the timer `hold`. Emits: nothing.
        Idempotent by: the hold as it is now, whatever it was.
        """
        await self._keeping.apply_hold(_read(due, HoldWish))

    async def _preview(self, event: StoredClip) -> None:
        desk = self._desk
        # A redelivery after the fact was written would decode the clip again for nothing.
        if await desk.log.find(PreviewReady, event.job_id, event.provider, event.clip_id) is not None:
            return
        generation = await generation_told(desk, event)
        derived = await self._deriving.derive(event, stage=event.stage, have={}, generation=generation)
        if not await self._deriving.comply(event.job_id, event.clip_id):
            return
        expires_at = event.occurred_at + timedelta(days=desk.draft_days) if event.stage == "draft" else None
        fact = PreviewReady(
            job_id=event.job_id,
            tenant_id=event.tenant_id,
            occurred_at=desk.clock(),
            clip_id=event.clip_id,
            provider=event.provider,
            model=event.model,
            stage=event.stage,
            assets=derived.assets,
            problem=derived.problem,
            expires_at=expires_at,
        )
        if await desk.log.append_fact(fact):
            facts = {"clip.id": event.clip_id, "clip.stage": event.stage, "problem": derived.problem}
            log.info("clip.previewed", extra=facts | {"n_assets": len(derived.assets)})

    async def _finalize(self, event: JobCompleted) -> None:
        history = await self._desk.log.history(event.job_id)
        if any(each.clip_id == event.clip_id for each in history.all(AssetFinalized)):
            return
        finalized = await self._finalizing.finalize(event, history)
        if finalized is not None and await self._desk.log.append_fact(finalized):
            log.info("asset.finalized", extra={"clip.id": event.clip_id, "n_assets": len(finalized.assets)})


def _read(due: Due, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(due.payload, type=kind)
    except msgspec.MsgspecError as err:
        raise Permanent("timer.malformed", f"{due.name}: {err}") from err
