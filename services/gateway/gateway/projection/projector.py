"""Keep the documents up to date: for each batch of events, load the jobs concerned and write what they look like.

The batch says only which jobs changed; what they look like comes from the log, so order and repeats do not matter.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from dailies_contracts import AnyEvent
from runtime.log import EventLog

from gateway.adapters.mongo import JobDocuments
from gateway.domain.views import job_view
from gateway.projection.documents import Document, document_of

MAX_REMEMBERED = 100_000
"""Jobs whose last written sequence is remembered, to save writes: about 15 MB."""


class Projector:
    """Projects jobs; one per process."""

    def __init__(self, *, log: EventLog, documents: JobDocuments, n_loads: int, linger_s: float) -> None:
        self._log = log
        self._documents = documents
        self._loads = asyncio.Semaphore(n_loads)
        self._linger_s = linger_s
        self._written: OrderedDict[str, int] = OrderedDict()

    async def on_events(self, events: Sequence[AnyEvent]) -> None:
        """Project the jobs of a batch.

        Consumes: every event. Emits: nothing; writes documents.
        Idempotent by: the guard on `last_sequence`.
        """
        # Facts of a job come in bursts; a moment's patience makes one write of them.
        await asyncio.sleep(self._linger_s)
        documents = await load_documents(self._log, {event.job_id for event in events}, at_once=self._loads)
        fresh = [each for each in documents if self._written.get(each["_id"], 0) < each["last_sequence"]]
        await self._documents.save(fresh)
        for each in fresh:
            self._remember(each["_id"], each["last_sequence"])

    def _remember(self, job_id: str, sequence: int) -> None:
        self._written[job_id] = sequence
        self._written.move_to_end(job_id)
        if len(self._written) > MAX_REMEMBERED:
            self._written.popitem(last=False)


async def load_documents(log: EventLog, job_ids: Iterable[str], *, at_once: asyncio.Semaphore) -> list[Document]:
    """Load jobs from the log as documents, by id; jobs that were never requested have none."""
    found = await asyncio.gather(*(_load(log, job_id, at_once) for job_id in sorted(job_ids)))
    return [document for document in found if document is not None]


async def _load(log: EventLog, job_id: str, at_once: asyncio.Semaphore) -> Document | None:
    async with at_once:
        history = await log.history(job_id)
    view = job_view(history.events, trace_id=history.trace_id)
    return None if view is None else document_of(view, last_sequence=history.last_sequence, stored=history.stored)
