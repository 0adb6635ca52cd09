"""What a tenant stores, from the projection: clips and bytes, by what becomes of them."""

from datetime import datetime
from typing import Any

from runtime.clock import Clock
from runtime.errors import DependencyUnavailable

from gateway.adapters.mongo import JobDocuments
from gateway.domain.errors import Unavailable
from gateway.domain.job import Part
from gateway.lists import is_stale


class Shelf(Part, frozen=True, kw_only=True):
    """Clips of one kind and what their files take."""

    n_clips: int = 0
    stored_bytes: int = 0


class StorageReport(Part, frozen=True, kw_only=True):
    """What a tenant stores.

    Attributes:
        expiring: Clips whose files expire, while they are there.
        kept: Clips whose files stay.
        as_of: Every fact up to this time is counted; None where the projection has never run.
    """

    tenant_id: str
    expiring: Shelf
    kept: Shelf
    stored_bytes: int
    as_of: datetime | None
    stale: bool


class Storage:
    """Answers questions for storage."""

    def __init__(self, *, documents: JobDocuments, clock: Clock, stale_s: float) -> None:
        self._documents = documents
        self._clock = clock
        self._stale_s = stale_s

    async def report(self, tenant_id: str) -> StorageReport:
        """Sum what a tenant stores.

        Raises:
            Unavailable: MongoDB is away.
        """
        now = self._clock()
        try:
            freshness = await self._documents.freshness()
            expiring = _shelf(await self._documents.aggregate(pipeline(tenant_id, {"$gt": now})))
            kept = _shelf(await self._documents.aggregate(pipeline(tenant_id, None)))
        except DependencyUnavailable as err:
            raise Unavailable(
                "projection.unavailable", "Figures are away for the moment. Ask again later.", retry_after_s=5.0
            ) from err
        return StorageReport(
            tenant_id=tenant_id,
            expiring=expiring,
            kept=kept,
            stored_bytes=expiring.stored_bytes + kept.stored_bytes,
            as_of=freshness.as_of,
            stale=is_stale(freshness, now=now, stale_s=self._stale_s),
        )


def pipeline(tenant_id: str, expires_at: Any) -> list[dict[str, Any]]:
    """Sum the clips of a tenant whose files are there.

    Args:
        tenant_id: Whose.
        expires_at: Condition on when they expire; None: they do not.
    """
    return [
        {"$match": {"tenant_id": tenant_id}},
        {"$unwind": "$clips"},
        {"$match": {"clips.stored_bytes": {"$gt": 0}, "clips.expires_at": expires_at}},
        {"$group": {"_id": None, "n_clips": {"$sum": 1}, "stored_bytes": {"$sum": "$clips.stored_bytes"}}},
    ]


def _shelf(found: list[dict[str, Any]]) -> Shelf:
    if not found:
        return Shelf()
    return Shelf(n_clips=int(found[0]["n_clips"]), stored_bytes=int(found[0]["stored_bytes"]))
