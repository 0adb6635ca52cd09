"""Every job that the log has, for whoever builds something anew from it: projections, budget records, figures."""

from collections.abc import AsyncIterator, Sequence

import msgspec
from dailies_contracts import VIDEO, Event, JobArchived, JobRequested, subject_filter
from dailies_contracts.subjects import job_of
from nats.aio.client import Client

from runtime.jetstream import request

CHUNK = 100
"""Jobs given at once."""
"""`video.v1.<job_id>.job_requested`"""


class _State(msgspec.Struct):
    subjects: dict[str, int] | None = None


class _StreamInfo(msgspec.Struct):
    state: _State = msgspec.field(default_factory=_State)
    total: int = 0


_info_decoder = msgspec.json.Decoder(_StreamInfo)


async def requested_jobs(connection: Client) -> AsyncIterator[Sequence[str]]:
    """List the jobs of the log, archived ones included, in chunks.

    Raises:
        DependencyUnavailable: NATS does not answer.
    """
    requested = await _jobs_with(connection, JobRequested)
    known = set(requested)
    # The request of a job whose words were erased is in the archive alone.
    erased = dict.fromkeys(each for each in await _jobs_with(connection, JobArchived) if each not in known)
    job_ids = [*requested, *erased]
    for start in range(0, len(job_ids), CHUNK):
        yield job_ids[start : start + CHUNK]


async def _jobs_with(connection: Client, kind: type[Event]) -> list[str]:
    job_ids: list[str] = []
    total = 1
    while len(job_ids) < total:
        body = msgspec.json.encode({"subjects_filter": subject_filter(kind), "offset": len(job_ids)})
        info = _info_decoder.decode(await request(connection, f"$JS.API.STREAM.INFO.{VIDEO}", body))
        page = sorted(info.state.subjects or ())
        if not page:
            break
        job_ids += map(job_of, page)
        total = info.total
    return job_ids
