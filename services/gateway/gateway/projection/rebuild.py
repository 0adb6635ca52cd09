"""Build the projection anew from the log: every job that was ever requested, read and written again."""

import asyncio
import logging
from collections.abc import Sequence

from dailies_contracts import WEBHOOKS
from nats.aio.client import Client
from runtime.direct_get import DirectGet
from runtime.errors import Permanent
from runtime.job_index import requested_jobs
from runtime.log import EventLog
from runtime.subscribe import Incoming

from gateway.adapters.mongo import JobDocuments
from gateway.projection.deliveries import DeliveryProjector
from gateway.projection.documents import Document
from gateway.projection.projector import load_documents

ATTEMPTS_AT_ONCE = 200

log = logging.getLogger(__name__)


async def rebuild(
    *, log_of_jobs: EventLog, connection: Client, documents: JobDocuments, drop: bool, n_loads: int
) -> int:
    """Build every document anew.

    Jobs go on meanwhile, and so may the projector: a newer document is never overwritten.

    Args:
        log_of_jobs: What to read.
        connection: To NATS, for the list of jobs.
        documents: What to write.
        drop: Drop the documents first instead of writing over them: lists are not whole meanwhile, and documents of
            jobs that the log does not have are gone for good.
        n_loads: Histories read at the same time.

    Returns:
        The number of jobs written; those that cannot be stored are logged.

    Raises:
        DependencyUnavailable: A part does not answer; run it again. Lists say that they are stale until one ends well.
    """
    at_once = asyncio.Semaphore(n_loads)
    n_jobs = 0
    if drop:
        await documents.save_rebuilding(True)
        await documents.drop()
    async for job_ids in requested_jobs(connection):
        loaded = await load_documents(log_of_jobs, job_ids, at_once=at_once)
        n_jobs += await _restore(documents, loaded)
        log.info("projection.rebuilding", extra={"n_jobs": n_jobs})
    await documents.save_rebuilding(False)
    return n_jobs


async def _restore(documents: JobDocuments, loaded: Sequence[Document]) -> int:
    """Write a chunk; where one of its documents cannot be stored, all the others."""
    try:
        await documents.restore(loaded)
    except Permanent as err:
        if len(loaded) > 1:
            return sum([await _restore(documents, [each]) for each in loaded])
        log.error("projection.refused", extra={"job.id": loaded[0]["_id"], "reason": err.detail})  # noqa: TRY400
        return 0
    return len(loaded)


async def rebuild_deliveries(*, connection: Client, projector: DeliveryProjector) -> int:
    """Write the delivery log anew from its stream, beside a running projector; nothing newer is overwritten.

    Returns:
        The number of attempts written.

    Raises:
        DependencyUnavailable: A part does not answer; run it again.
    """
    reader, n_attempts, after = DirectGet(connection), 0, 0
    while page := await reader.following(WEBHOOKS, "webhooks.v1.>", after=after, limit=ATTEMPTS_AT_ONCE):
        await projector.on_attempts([Incoming(each.subject, each.body, each.headers) for each in page])
        n_attempts, after = n_attempts + len(page), page[-1].sequence
    return n_attempts
