"""What a request about a batch does. It is checked, stored and written into the log; `batch_runs` does the rest."""

import asyncio
import hashlib
import secrets
from datetime import timedelta

import msgspec
from dailies_contracts import (
    AssetRef,
    BatchCancelRequested,
    BatchRequested,
    CostEstimate,
    JobRequested,
    derive_batch_id,
)
from runtime.clock import Clock
from runtime.errors import Conflict, NotFound
from runtime.log import EventLog
from runtime.objects import ObjectStore

from gateway.adapters.batch_records import BatchRecords
from gateway.costs import CostReports
from gateway.domain.batch_views import BatchAccepted, BatchCosts, BatchView, accepted, batch_view
from gateway.domain.batches import (
    KEY_REUSED,
    Item,
    Manifest,
    Read,
    beginning,
    read_batch,
    refusals,
    without_taken_keys,
)
from gateway.domain.bodies import CancelBody
from gateway.domain.costs import MAX_DAYS, CostQuery, EstimateReport
from gateway.domain.errors import InvalidBatch, Unavailable
from gateway.domain.requests import Allowed
from gateway.estimates import Estimator

LONGEST = timedelta(days=MAX_DAYS - 1)
_manifest = msgspec.json.Decoder(Manifest)


class Batches:
    """Takes, shows and stops batches."""

    def __init__(
        self,
        *,
        log: EventLog,
        objects: ObjectStore,
        records: BatchRecords,
        estimator: Estimator,
        reports: CostReports,
        clock: Clock,
    ) -> None:
        self._log = log
        self._objects = objects
        self._records = records
        self._estimator = estimator
        self._reports = reports
        self._clock = clock

    async def accept(
        self, body: bytes, *, tenant_id: str, key: str | None, allowed: Allowed
    ) -> tuple[BatchAccepted, bool]:
        """Write a batch into the log, once per idempotency key.

        Emits: BatchRequested.
        Idempotent by: the batch id, which the tenant and the key name.

        Returns:
            The answer, and whether the same key and batch had it before.

        Raises:
            InvalidRequest: Something is wrong with it: in mode `all` with one request, in mode `partial` with all.
            Conflict: The key named another batch before.
            DependencyUnavailable: Log or store do not answer; send the same again.
        """
        read = await asyncio.to_thread(read_batch, body, tenant_id=tenant_id, allowed=allowed)
        batch_id = derive_batch_id(tenant_id, key or secrets.token_hex(16))
        before = await self._find(tenant_id, batch_id)
        if before is not None:
            return await self._again(before, read), True
        items = await self._checked(read)
        manifest = await self._store(tenant_id, batch_id, items)
        event = BatchRequested(
            tenant_id=tenant_id,
            occurred_at=self._clock(),
            batch_id=batch_id,
            mode=read.mode,
            n_requests=len(items),
            manifest=manifest,
            request_sha256=read.sha256,
        )
        if await self._log.append_fact(event):
            return accepted(batch_id, items), False
        before = await self._find(tenant_id, batch_id)
        if before is None:
            raise Unavailable("log.behind", "The batch is being written right now. Send the same request again.")
        return await self._again(before, read), True

    async def view(self, batch_id: str, *, tenant_id: str) -> BatchView:
        """Show a batch as far as it has come.

        Raises:
            NotFound: The tenant has no such batch.
        """
        requested = await self._known(tenant_id, batch_id)
        items, cancelled = await asyncio.gather(
            self.items(requested.manifest), self._log.facts_of_tenant(BatchCancelRequested, tenant_id, batch_id)
        )
        found = await self._records.load(batch_id)
        progress = found.progress if found else beginning(Manifest(items=items))
        costs = await self._costs(requested)
        return batch_view(requested, items, progress, is_cancelled=bool(cancelled), costs=costs)

    async def cancel(self, batch_id: str, body: CancelBody, *, tenant_id: str) -> None:
        """Ask for a batch to stop.

        Emits: BatchCancelRequested.
        Idempotent by: its write-once subject.

        Raises:
            NotFound: The tenant has no such batch.
            Conflict: It has already ended.
        """
        await self._known(tenant_id, batch_id)
        found = await self._records.load(batch_id)
        if found is not None and found.progress.has_ended:
            raise Conflict("batch.already_ended", "The batch has already ended: nothing to stop.")
        await self._log.append_fact(
            BatchCancelRequested(tenant_id=tenant_id, occurred_at=self._clock(), batch_id=batch_id, reason=body.reason)
        )

    async def items(self, manifest: AssetRef) -> tuple[Item, ...]:
        """Read the requests of a batch."""
        return _manifest.decode(await self._objects.fetch(manifest)).items

    async def _checked(self, read: Read) -> tuple[Item, ...]:
        known = await self._log.facts_of_jobs(JobRequested, [item.job_id for item in read.items if item.job_id])
        items = without_taken_keys(read.items, known)
        left_out = refusals(items)
        if left_out and (read.mode == "all" or len(left_out) == len(items)):
            raise InvalidBatch(left_out, n_requests=len(items))
        return tuple(
            item if item.request is None else msgspec.structs.replace(item, estimate=self._estimate(item))
            for item in items
        )

    def _estimate(self, item: Item) -> CostEstimate | None:
        found = self._estimator.estimate(item.request) if item.request else None
        return found.as_fact() if found else None

    async def _store(self, tenant_id: str, batch_id: str, items: tuple[Item, ...]) -> AssetRef:
        body = msgspec.json.encode(Manifest(items=items))
        digest = hashlib.sha256(body).hexdigest()
        # Named by its contents: another body under the same key cannot replace what the log refers to.
        key = f"batches/{tenant_id}/{batch_id}/{digest[:16]}.json"
        return await self._objects.put(key, body, media_type="application/json")

    async def _again(self, before: BatchRequested, read: Read) -> BatchAccepted:
        if before.request_sha256 != read.sha256:
            raise Conflict(
                KEY_REUSED, "This Idempotency-Key already named another batch. Use a fresh key for a new one."
            )
        return accepted(before.batch_id, await self.items(before.manifest))

    async def _known(self, tenant_id: str, batch_id: str) -> BatchRequested:
        found = await self._find(tenant_id, batch_id)
        if found is None:
            raise NotFound(
                "batch.unknown", "You have no batch of this id. Batch ids begin with batch_ and never change."
            )
        return found

    async def _find(self, tenant_id: str, batch_id: str) -> BatchRequested | None:
        found = await self._log.facts_of_tenant(BatchRequested, tenant_id, batch_id)
        return found[0] if found else None

    async def _costs(self, requested: BatchRequested) -> BatchCosts | None:
        first, last = requested.occurred_at.date(), self._clock().date()
        query = CostQuery(requested.tenant_id, (), first, min(last, first + LONGEST), batch_id=requested.batch_id)
        try:
            report = await self._reports.report(query)
        except Unavailable:
            return None
        estimates = report.estimates or EstimateReport()
        return BatchCosts(
            spent_usd_micros=report.total.spent_usd_micros,
            held_usd_micros=report.total.held_usd_micros,
            expected_usd_micros=estimates.expected_usd_micros,
            actual_usd_micros=estimates.actual_usd_micros,
            as_of=report.as_of,
            stale=report.stale,
        )
