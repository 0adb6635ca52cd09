"""Runs batches: a few jobs of each tenant's batches at a time, the next ones as others end, whatever crashes meanwhile.

A look at a batch reads what has become of its running jobs, writes down what shall run next, then makes it so. Where
the process dies in between, the next look (the message comes again, or the timer) makes good what is missing: jobs are
named by their keys, and the log takes each once.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from dailies_contracts import (
    BatchCancelRequested,
    BatchRequested,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobFailed,
    JobRequested,
)
from runtime.clock import Clock
from runtime.errors import ConcurrencyConflict, Permanent, Transient
from runtime.log import EventLog
from runtime.timers import Due, Timers

from gateway.adapters.batch_records import BatchRecords, Record
from gateway.batches import Batches
from gateway.domain.batches import Item, ItemState, Manifest, Progress, beginning, is_same
from gateway.domain.remembered import Remembered

TIMER = "batch"
MAX_MANIFESTS = 32
"""Manifests kept in memory: about a megabyte each."""
OUTCOMES: dict[type[JobCompleted | JobFailed | JobCancelled], ItemState] = {
    JobCompleted: "ready",
    JobFailed: "failed",
    JobCancelled: "cancelled",
}


class BatchRuns:
    """The gateway's handlers of batches."""

    def __init__(
        self,
        *,
        log: EventLog,
        batches: Batches,
        records: BatchRecords,
        timers: Timers,
        clock: Clock,
        window: int,
        look_every_s: float,
    ) -> None:
        """Take what the handlers need.

        Args:
            log: Where jobs are asked for and seen to end.
            batches: Reads manifests.
            records: Progress.
            timers: The gateway's own.
            clock: The time.
            window: Jobs of batches that one tenant may have running.
            look_every_s: Time between two looks at a batch.
        """
        self._log = log
        self._batches = batches
        self._records = records
        self._timers = timers
        self._clock = clock
        self._window = window
        self._look_every = timedelta(seconds=look_every_s)
        self._manifests: Remembered[str, tuple[Item, ...]] = Remembered(MAX_MANIFESTS)

    async def on_batch_fact(self, event: BatchRequested | BatchCancelRequested) -> None:
        """Begin a batch, or stop it.

        Consumes: BatchRequested, BatchCancelRequested. Emits: JobRequested, JobCancelRequested; the timer `batch`.
        Idempotent by: the write-once subjects of the jobs' facts.
        """
        await self._look(event.tenant_id, event.batch_id)

    async def on_batch_due(self, due: Due) -> None:
        """Go on with a batch.

        Consumes: the timer `batch`. Emits: JobRequested, JobCancelRequested; the timer `batch`.
        Idempotent by: the write-once subjects of the jobs' facts.
        """
        await self._look(due.payload.decode(), due.key)

    async def _look(self, tenant_id: str, batch_id: str) -> None:
        requested = await self._log.facts_of_tenant(BatchRequested, tenant_id, batch_id)
        if not requested:
            raise Transient("log.behind", batch_id, retry_after_s=0.5)
        items = await self._items(requested[0])
        record = await self._records.load(batch_id) or Record(beginning(Manifest(items=items)), 0)
        if record.progress.has_ended and record.revision:
            return
        is_cancelled = bool(await self._log.facts_of_tenant(BatchCancelRequested, tenant_id, batch_id))
        progress = await self._with_outcomes(record.progress, items)
        if is_cancelled:
            progress = progress.changed(dict.fromkeys(progress.indexes("waiting"), "cancelled"))
        else:
            share = max(1, self._window // await self._records.open(tenant_id, batch_id))
            n_free = max(0, share - len(progress.indexes("running")))
            progress = progress.changed(dict.fromkeys(progress.indexes("waiting")[:n_free], "running"))
        try:
            if progress != record.progress or not record.revision:
                await self._records.save(batch_id, progress, record.revision)
        except ConcurrencyConflict:
            pass  # another replica looks at the same batch; what it wrote is made so by the next look
        else:
            await self._make_so(requested[0], items, progress, is_cancelled=is_cancelled)
        if progress.has_ended:
            await self._records.close(tenant_id, batch_id)
        else:
            at = self._clock() + self._look_every
            await self._timers.schedule(TIMER, batch_id, at=at, payload=tenant_id.encode())

    async def _with_outcomes(self, progress: Progress, items: Sequence[Item]) -> Progress:
        running = {items[index].job_id: index for index in progress.indexes("running")}
        states: dict[int, ItemState] = {}
        for job_id, job in (await self._log.facts_of_jobs(JobRequested, running)).items():
            if not is_same(job, items[running[job_id]]):
                states[running[job_id]] = "refused"  # somebody else named another job so since the batch was checked
        for kind, state in OUTCOMES.items():
            for job_id in await self._log.facts_of_jobs(kind, running):
                states.setdefault(running[job_id], state)
        return progress.changed(states)

    async def _make_so(
        self, batch: BatchRequested, items: Sequence[Item], progress: Progress, *, is_cancelled: bool
    ) -> None:
        running = {items[index].job_id: items[index] for index in progress.indexes("running")}
        asked = await self._log.facts_of_jobs(JobRequested, running)
        missing = [item for job_id, item in running.items() if job_id not in asked]
        await asyncio.gather(*(self._request(batch, item) for item in missing))
        if is_cancelled:
            stopped = await self._log.facts_of_jobs(JobCancelRequested, running)
            await asyncio.gather(*(self._cancel(batch, job_id) for job_id in running if job_id not in stopped))

    async def _request(self, batch: BatchRequested, item: Item) -> None:
        if item.request is None:
            raise Permanent("batch.no_request", f"{batch.batch_id}: {item.idempotency_key}")
        await self._log.append_fact(
            JobRequested(
                job_id=item.job_id,
                tenant_id=batch.tenant_id,
                occurred_at=self._clock(),
                request=item.request,
                request_sha256=item.request_sha256,
                source="http",
                estimate=item.estimate,
                batch_id=batch.batch_id,
            )
        )

    async def _cancel(self, batch: BatchRequested, job_id: str) -> None:
        await self._log.append_fact(
            JobCancelRequested(
                job_id=job_id, tenant_id=batch.tenant_id, occurred_at=self._clock(), reason="The batch was cancelled."
            )
        )

    async def _items(self, batch: BatchRequested) -> tuple[Item, ...]:
        known = self._manifests.get(batch.batch_id)
        if known is None:
            known = await self._batches.items(batch.manifest)
            self._manifests.put(batch.batch_id, known)
        return known
