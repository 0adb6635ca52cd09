"""Keep what a job delivers: sign the final, complete its derivatives, write its record, tell it as AssetFinalized."""

import asyncio

from dailies_contracts import (
    AssetFinalized,
    AssetRef,
    JobCompleted,
    PreviewReady,
    StoredClip,
)
from media.layout import SOURCE, clip_key, clip_prefix, record_file, tags_of
from runtime.errors import NotFound, Permanent
from runtime.log import History
from runtime.telemetry import span

from assets.adapters.signing import ManifestReport, Original
from assets.deriving import Deriving
from assets.domain import derivatives
from assets.domain.rights import (
    RightsRecord,
    Told,
    generation_of,
    prompt_of,
    record_bytes,
    rights_of,
    stored_clip,
)
from assets.ports import Desk

FINAL_FILE = "final.mp4"
JSON = "application/json"
ABSENT = ManifestReport(state="absent")


class Finalizing:
    """Turns a delivered clip into the asset that clients download."""

    def __init__(self, desk: Desk, deriving: Deriving) -> None:
        self._desk = desk
        self._deriving = deriving

    async def finalize(self, completed: JobCompleted, history: History) -> AssetFinalized | None:
        """Keep the delivered clip.

        Returns:
            The fact; None where the clip's file is being erased, or was never stored with us.

        Raises:
            DependencyUnavailable: A store does not answer.
        """
        clip_id = completed.clip_id
        ready = stored_clip(history.events, clip_id)
        if ready is None:
            return None
        prefix = clip_prefix(ready.job_id, clip_id)
        try:
            final, manifest = await self._signed(ready, history)
        except NotFound:
            return None
        files = await self._complete(ready, history)
        if final is not None:
            files[derivatives.FINAL] = final
        # A draft that is delivered as it is stops expiring: its files were tagged as a draft's.
        await self._desk.keeper.tag(prefix, tags_of("final"))
        record = rights_of(history.events, clip_id, self._told(ready, manifest, files))
        if record is None:
            return None
        rights = await self.write_record(record, stage="final")
        if not await self._deriving.comply(ready.job_id, clip_id):
            return None
        return AssetFinalized(
            job_id=ready.job_id,
            tenant_id=ready.tenant_id,
            occurred_at=self._desk.clock(),
            clip_id=clip_id,
            provider=ready.provider,
            model=ready.model,
            stage=ready.stage,
            assets={derivatives.SOURCE: ready.asset, **files, derivatives.RIGHTS: rights},
        )

    async def judge(self, ready: StoredClip, history: History) -> AssetRef | None:
        """Write the first version of a clip's record, once it is scored; None where its file is gone."""
        try:
            content = await self._desk.objects.fetch(ready.asset)
        except (NotFound, Permanent):
            return None
        manifest = await asyncio.to_thread(self._desk.signatures.read, content, ready.asset.media_type)
        # A job may be over already, and then its history tells of the delivery too: this version is of the judgement.
        events = tuple(each for each in history.events if not isinstance(each, JobCompleted))
        record = rights_of(events, ready.clip_id, self._told(ready, manifest, {}))
        return None if record is None else await self.write_record(record, stage=ready.stage)

    async def write_record(self, record: RightsRecord, *, stage: str) -> AssetRef:
        """Store one version of a record; it is never replaced."""
        key = clip_key(record.job_id, record.asset_id, record_file(record.version))
        return await self._desk.objects.put_once(key, record_bytes(record), media_type=JSON, tags=tags_of(stage))

    async def _complete(self, ready: StoredClip, history: History) -> dict[str, AssetRef]:
        """Give a delivered clip every derivative; those that it has are not made again."""
        preview = next((each for each in history.all(PreviewReady) if each.clip_id == ready.clip_id), None)
        have = dict(preview.assets) if preview else {}
        if preview is not None and (preview.problem or set(have) - derivatives.QUICK):
            return have
        derived = await self._deriving.derive(
            ready, stage="final", have=have, generation=generation_of(ready, prompt_of(history.events, ready))
        )
        return derived.assets or have

    async def _signed(self, ready: StoredClip, history: History) -> tuple[AssetRef | None, ManifestReport]:
        """Sign the vendor's file as ours; None where its container cannot carry a manifest."""
        desk = self._desk
        generation = generation_of(ready, prompt_of(history.events, ready))
        content = await desk.objects.fetch(ready.asset)
        manifest = await asyncio.to_thread(desk.signatures.read, content, ready.asset.media_type)

        def sign() -> bytes:
            original = Original(content, ready.asset.media_type, SOURCE)
            return desk.signatures.sign(
                content, ready.asset.media_type, title=FINAL_FILE, original=original, steps=(), generation=generation
            )

        try:
            with span("assets.sign", clip__id=ready.clip_id):
                signed = await asyncio.get_running_loop().run_in_executor(desk.cores, sign)
        except Permanent:
            return None, manifest
        key = clip_key(ready.job_id, ready.clip_id, FINAL_FILE)
        stored = await desk.objects.put_once(key, signed, media_type=ready.asset.media_type, tags=tags_of("final"))
        return stored, manifest

    def _told(self, ready: StoredClip, manifest: ManifestReport, files: dict[str, AssetRef]) -> Told:
        vendor_manifest = {"state": manifest.state, "failures": list(manifest.failures), **manifest.summary}
        return Told(self._desk.licence_of(ready.provider), vendor_manifest, files)
