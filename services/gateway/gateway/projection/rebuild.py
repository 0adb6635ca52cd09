"""Build the projection anew from the log: every job that was ever requested, read and written again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

import msgspec
from dailies_contracts import VIDEO, JobRequested, subject_filter
from nats.aio.client import Client
from runtime.errors import Permanent
from runtime.jetstream import request
from runtime.log import EventLog

from gateway.adapters.mongo import JobDocuments
from gateway.projection.documents import Document
from gateway.projection.projector import load_documents

CHUNK = 100
"""Jobs read and written at once."""
JOB_TOKEN = 2
"""`video.v1.<job_id>.job_requested`"""

log = logging.getLogger(__name__)


class _State(msgspec.Struct):
    subjects: dict[str, int] | None = None


class _StreamInfo(msgspec.Struct):
    state: _State = msgspec.field(default_factory=_State)
    total: int = 0


_info_decoder = msgspec.json.Decoder(_StreamInfo)


async def rebuild(
    *, log_of_jobs: EventLog, connection: Client, documents: JobDocuments, keep: bool, n_loads: int
) -> int:
    """Build every document anew.

    Jobs go on meanwhile, and so may the projector: a newer document is never overwritten.

    Args:
        log_of_jobs: What to read.
        connection: To NATS, for the list of jobs.
        documents: What to write.
        keep: Write over the documents instead of dropping them first: lists stay whole meanwhile, but documents of
            jobs that the log does not have stay too.
        n_loads: Histories read at the same time.

    Returns:
        The number of jobs written; those that cannot be stored are logged.

    Raises:
        DependencyUnavailable: A part does not answer; run it again. Lists say that they are stale until one ends well.
    """
    at_once = asyncio.Semaphore(n_loads)
    n_jobs = 0
    if not keep:
        await documents.save_rebuilding(True)
        await documents.drop()
    await documents.ensure_indexes()
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


async def requested_jobs(connection: Client) -> AsyncIterator[Sequence[str]]:
    """List the jobs of the log, in chunks.

    Raises:
        DependencyUnavailable: NATS does not answer.
    """
    job_ids: list[str] = []
    total = 1
    while len(job_ids) < total:
        body = msgspec.json.encode({"subjects_filter": subject_filter(JobRequested), "offset": len(job_ids)})
        info = _info_decoder.decode(await request(connection, f"$JS.API.STREAM.INFO.{VIDEO}", body))
        page = sorted(info.state.subjects or ())
        if not page:
            break
        job_ids += (subject.split(".")[JOB_TOKEN] for subject in page)
        total = info.total
    for start in range(0, len(job_ids), CHUNK):
        yield job_ids[start : start + CHUNK]
