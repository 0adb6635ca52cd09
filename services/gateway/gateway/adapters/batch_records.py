"""How far each batch has come (bucket `batches`): `batch.<batch_id>`, `open.<tenant_id>.<batch_id>` while it runs.

What is here follows from the log and the manifest; it saves looking at a thousand jobs each second.
"""

from typing import NamedTuple

import msgspec
from runtime.buckets import Bucket
from runtime.errors import ConcurrencyConflict

from gateway.domain.batches import Progress

BUCKET = "batches"
_progress = msgspec.json.Decoder(Progress)


class Record(NamedTuple):
    """A batch's progress as it was read; revision 0: nobody has written it."""

    progress: Progress
    revision: int


class BatchRecords:
    """Reads and changes the progress of batches."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def load(self, batch_id: str) -> Record | None:
        """Read one; None where nobody has begun it."""
        found = await self._bucket.get(f"batch.{batch_id}")
        return None if found is None else Record(_progress.decode(found.value), found.revision)

    async def save(self, batch_id: str, progress: Progress, revision: int) -> None:
        """Write one that has not changed since it was read.

        Raises:
            ConcurrencyConflict: It has: another replica is at it.
        """
        body = msgspec.json.encode(progress)
        if revision:
            await self._bucket.update(f"batch.{batch_id}", body, revision)
        elif await self._bucket.create(f"batch.{batch_id}", body) is None:
            raise ConcurrencyConflict("batch.changed", batch_id, retry_after_s=0.0)

    async def open(self, tenant_id: str, batch_id: str) -> int:
        """Count a batch among its tenant's running ones; gives how many there are, >= 1."""
        await self._bucket.create(f"open.{tenant_id}.{batch_id}", b"{}")
        return max(1, len(await self._bucket.entries(f"open.{tenant_id}.*")))

    async def close(self, tenant_id: str, batch_id: str) -> None:
        """Count a batch no longer."""
        await self._bucket.delete(f"open.{tenant_id}.{batch_id}")
