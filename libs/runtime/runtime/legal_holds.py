"""What may not be erased, and what is being erased: one record a job, in bucket `legal_holds`, by compare-and-set.

A legal hold and an erasure exclude each other, whoever asks first and however many ask at once. The gateway takes the
wishes, the asset store carries them out.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from runtime.buckets import Bucket
from runtime.errors import ConcurrencyConflict, Conflict

BUCKET = "legal_holds"
MAX_TRIES = 10
"""Each lost race means that somebody else's change went through."""


class LegalHold(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one job.

    Attributes:
        reason: Why nothing of it may be erased; empty: it may.
        held_at: Since when.
        erasing: Clips whose erasure was accepted; it is never taken back.
    """

    reason: str = ""
    held_at: datetime | None = None
    erasing: tuple[str, ...] = ()

    @property
    def is_held(self) -> bool:
        """Tell whether a legal hold is on."""
        return self.held_at is not None


class LegalHolds:
    """Reads and changes holds."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def load(self, job_id: str) -> LegalHold:
        """Read the hold of a job."""
        entry = await self._bucket.get(job_id)
        return msgspec.json.decode(entry.value, type=LegalHold) if entry else LegalHold()

    async def place(self, job_id: str, *, reason: str, now: datetime) -> LegalHold:
        """Let nothing of a job be erased; a hold that is on stays as it is.

        Raises:
            Conflict: A clip of it is erased already, or is being erased.
        """

        def placed(hold: LegalHold) -> LegalHold:
            if hold.erasing:
                raise Conflict("asset.erased", "Files of this job were deleted already: too late to hold them.")
            return hold if hold.is_held else LegalHold(reason=reason, held_at=now)

        return await self._change(job_id, placed)

    async def release(self, job_id: str) -> LegalHold:
        """Let a job be erased again; harmless where nothing held it."""
        return await self._change(job_id, lambda hold: LegalHold(erasing=hold.erasing))

    async def begin_erasure(self, job_id: str, clip_ids: tuple[str, ...]) -> LegalHold:
        """Accept the erasure of clips; from here on no hold can be placed on the job.

        Raises:
            Conflict: The job is held.
        """

        def begun(hold: LegalHold) -> LegalHold:
            if hold.is_held:
                raise Conflict("asset.held", "The job is under a legal hold: nothing of it may be deleted.")
            return LegalHold(erasing=tuple(sorted({*hold.erasing, *clip_ids})))

        return await self._change(job_id, begun)

    async def _change(self, job_id: str, changed: Callable[[LegalHold], LegalHold]) -> LegalHold:
        for _ in range(MAX_TRIES):
            entry = await self._bucket.get(job_id)
            before = msgspec.json.decode(entry.value, type=LegalHold) if entry else LegalHold()
            after = changed(before)
            if after == before:
                return before
            try:
                if entry is not None:
                    await self._bucket.update(job_id, msgspec.json.encode(after), entry.revision)
                elif await self._bucket.create(job_id, msgspec.json.encode(after)) is None:
                    continue
            except ConcurrencyConflict:
                continue
            return after
        raise ConcurrencyConflict("hold.changing", f"the hold of {job_id} keeps changing")
