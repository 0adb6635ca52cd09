"""What a request about a clip's files does: show them, lead to them, tell who made them, delete and hold them.

Deleting and holding are carried out by the asset store; here they are decided, by one record a job.
"""

import asyncio
from typing import Any

import msgspec
from dailies_contracts import (
    TERMINAL_EVENTS,
    AssetDeleted,
    ClipReady,
    ClipReused,
    ClipSettled,
    JobRequested,
)
from runtime.clock import Clock
from runtime.errors import Conflict, NotFound
from runtime.legal_holds import LegalHold, LegalHolds
from runtime.log import EventLog, History
from runtime.objects import ObjectStore
from runtime.timers import Timers

from gateway.domain.assets import AssetView, about, asset_view, files_of, record_key, stored_clip
from gateway.domain.errors import Gone
from gateway.domain.job import Part
from gateway.domain.remembered import Remembered

ERASE, HOLD = "erase", "hold"
"""Timers of the asset store."""
MAX_REMEMBERED = 10_000


class Provenance(Part, frozen=True, kw_only=True):
    """Who made a clip: its rights record as it is kept.

    Attributes:
        version: Of the record: 1 once it was judged, 2 once it was delivered.
        record: Vendor, model, fingerprints, scores, digests; see the asset store.
    """

    asset_id: str
    job_id: str
    version: int
    record_sha256: str
    record: dict[str, Any]


class Erasing(Part, frozen=True, kw_only=True):
    """A deletion that was accepted: it is carried out within seconds, and never taken back."""

    job_id: str
    asset_ids: tuple[str, ...]


class _EraseWish(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    clip_id: str
    reason: str


class Assets:
    """Shows, deletes and holds the files of clips."""

    def __init__(
        self,
        *,
        log: EventLog,
        objects: ObjectStore,
        holds: LegalHolds,
        store: Timers,
        clock: Clock,
        signed_url_ttl_s: int,
    ) -> None:
        self._log = log
        self._objects = objects
        self._holds = holds
        self._store = store
        self._clock = clock
        self._ttl_s = signed_url_ttl_s
        self._jobs: Remembered[str, str] = Remembered(MAX_REMEMBERED)
        self._addresses: Remembered[tuple[str, int], str] = Remembered(MAX_REMEMBERED)

    async def view(self, asset_id: str, *, tenant_id: str) -> AssetView:
        """Show the files of a clip, with signed addresses.

        Raises:
            NotFound: The tenant has no such asset, or its file has not come.
        """
        history = await self._history(asset_id, tenant_id)
        files = files_of(history.events, asset_id)
        urls = await asyncio.gather(*(self._objects.presign(ref, expires_s=self._ttl_s) for ref in files.values()))
        view = asset_view(history.events, asset_id, dict(zip(files, urls, strict=True)))
        if view is None:
            raise _unknown_asset()
        return view

    async def address(self, asset_id: str, name: str, *, tenant_id: str) -> str:
        """Sign the address of one file; the same address for half its life, so that browsers keep what it leads to.

        Raises:
            NotFound: The tenant has no such asset, or it has no such file.
            Gone: It was deleted.
        """
        history = await self._history(asset_id, tenant_id)
        if about(AssetDeleted, history.events, asset_id) is not None:
            raise Gone("asset.deleted", "The files of this asset were deleted on request.")
        ref = files_of(history.events, asset_id).get(name)
        if ref is None:
            raise NotFound(
                "asset.no_such_file", f"The asset has no file of this name: see files in /v1/assets/{asset_id}."
            )
        question = (ref.uri, int(self._clock().timestamp()) // max(1, self._ttl_s // 2))
        known = self._addresses.get(question)
        if known is None:
            caching = f"private, max-age={self._ttl_s}, immutable"
            known = await self._objects.presign(ref, expires_s=self._ttl_s, cache_control=caching)
            self._addresses.put(question, known)
        return known

    async def provenance(self, asset_id: str, *, tenant_id: str) -> Provenance:
        """Tell who made a clip; its record stays when its files are deleted.

        Raises:
            NotFound: The tenant has no such asset, or it is not judged yet.
        """
        history = await self._history(asset_id, tenant_id)
        try:
            ref = await self._objects.look_up(record_key(history.events, asset_id))
            record = msgspec.json.decode(await self._objects.fetch(ref), type=dict[str, Any])
        except NotFound as err:
            raise NotFound(
                "asset.no_record", "The asset has no record yet: it is written once the clip is scored."
            ) from err
        return Provenance(
            asset_id=asset_id,
            job_id=history.events[0].job_id,
            version=record["version"],
            record_sha256=ref.sha256,
            record=record,
        )

    async def erase(self, asset_id: str, *, reason: str, tenant_id: str) -> Erasing:
        """Accept the deletion of one clip's files. Repeating it is harmless.

        Raises:
            NotFound: The tenant has no such asset, or its file has not come.
            Conflict: Its job is still running, or under a legal hold.
        """
        history = await self._history(asset_id, tenant_id)
        if stored_clip(history.events, asset_id) is None:
            raise _unknown_asset()
        return await self._erase(history, (asset_id,), reason)

    async def erase_job(self, job_id: str, *, reason: str, tenant_id: str) -> Erasing:
        """Accept the deletion of all files of a job. Repeating it is harmless.

        Raises:
            NotFound: The tenant has no such job.
            Conflict: It is still running, or under a legal hold.
        """
        history = await self._log.history(job_id)
        requested = history.first(JobRequested)
        if requested is None or requested.tenant_id != tenant_id:
            raise _unknown_job()
        late = (settled.clip_id for settled in history.all(ClipSettled) if settled.asset is not None)
        came = (ready.clip_id for ready in (*history.all(ClipReady), *history.all(ClipReused)))
        return await self._erase(history, tuple(dict.fromkeys((*came, *late))), reason)

    async def hold(self, job_id: str, *, reason: str) -> LegalHold:
        """Let nothing of a job expire or be deleted.

        Raises:
            NotFound: There is no such job.
            Conflict: A deletion was accepted before.
        """
        return await self._held(job_id, lambda: self._holds.place(job_id, reason=reason, now=self._clock()))

    async def release(self, job_id: str) -> LegalHold:
        """End a legal hold; harmless where there is none.

        Raises:
            NotFound: There is no such job.
        """
        return await self._held(job_id, lambda: self._holds.release(job_id))

    async def _held(self, job_id: str, change: Any) -> LegalHold:
        if await self._log.find(JobRequested, job_id) is None:
            raise _unknown_job()
        hold: LegalHold = await change()
        await self._store.fire(HOLD, job_id, msgspec.json.encode({"job_id": job_id}))
        return hold

    async def _erase(self, history: History, clip_ids: tuple[str, ...], reason: str) -> Erasing:
        if not any(isinstance(event, TERMINAL_EVENTS) for event in history.events):
            raise Conflict(
                "asset.job_running", "The job is still running and may need the file: cancel it first, or wait."
            )
        job_id = history.events[0].job_id
        await self._holds.begin_erasure(job_id, clip_ids)
        for clip_id in clip_ids:
            wish = _EraseWish(job_id=job_id, clip_id=clip_id, reason=reason)
            await self._store.fire(ERASE, clip_id, msgspec.json.encode(wish))
        return Erasing(job_id=job_id, asset_ids=clip_ids)

    async def _history(self, asset_id: str, tenant_id: str) -> History:
        job_id = self._jobs.get(asset_id)
        if job_id is None:
            job_id = await self._log.job_of_clip(asset_id)
            if job_id is None:
                raise _unknown_asset()
            self._jobs.put(asset_id, job_id)
        history = await self._log.history(job_id)
        requested = history.first(JobRequested)
        if requested is None or requested.tenant_id != tenant_id:
            raise _unknown_asset()
        return history


def _unknown_asset() -> NotFound:
    return NotFound(
        "asset.unknown", "You have no asset of this id, or its file has not come yet: see clips in the job."
    )


def _unknown_job() -> NotFound:
    return NotFound("job.unknown", "You have no job of this id. Job ids begin with job_ and never change.")
