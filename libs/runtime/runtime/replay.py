"""Read part of the log from front to back: reports, benchmarks and rebuilds, never a job's own history.

A consumer of its own that remembers nothing on the server and ends where the log ended when it was asked.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from dailies_contracts import VIDEO, AnyEvent, JobArchived, subject_filter
from nats.aio.client import Client
from nats.errors import ConnectionClosedError, NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError

from runtime.archive import ArchiveReader, time_of
from runtime.errors import DependencyUnavailable, NotFound
from runtime.facts import read_fact

BATCH = 256
FETCH_TIMEOUT_S = 10.0
FORGOTTEN_AFTER_S = 60.0
"""Where a reader dies, the server drops its consumer after so long."""

log = logging.getLogger(__name__)


async def replay(
    connection: Client,
    filters: Sequence[str],
    *,
    since: datetime | None = None,
    archive: ArchiveReader | None = None,
) -> AsyncIterator[AnyEvent]:
    """Read every fact on some subjects written until now: those of the stream in its order, then archived ones.

    Args:
        connection: To NATS.
        filters: Subject filters that do not overlap, for example of `subject_filter`.
        since: Only facts that were written at this time or later; None: all.
        archive: Reads archived facts; None: only those that the stream has.

    Raises:
        DependencyUnavailable: NATS or the object store does not answer; begin again.
    """
    if archive is None:
        async for event in _streamed(connection, filters, since=since):
            yield event
        return
    # What is archived meanwhile is then found there; what is found in both is given once.
    seen: set[str] = set()
    async for event in _streamed(connection, filters, since=since):
        seen.add(event.id)
        yield event
    async for event in archived(connection, filters, archive=archive, since=since):
        if event.id not in seen:
            yield event


async def archived(
    connection: Client, filters: Sequence[str], *, archive: ArchiveReader, since: datetime | None = None
) -> AsyncIterator[AnyEvent]:
    """Read the archived facts on some subjects, job by job, those first that were archived first; else as `replay`."""
    marks: dict[str, JobArchived] = {}
    async for mark in _streamed(connection, (subject_filter(JobArchived),)):
        if isinstance(mark, JobArchived) and (since is None or mark.newest_at >= since):
            marks[mark.job_id] = mark
    for mark in marks.values():
        try:
            facts = await archive.read(mark)
        except NotFound as err:
            raise DependencyUnavailable("archive.changing", f"the archive of {mark.job_id} is written anew") from err
        for stored in facts:
            wanted = any(matches(each, stored.subject) for each in filters)
            if wanted and (since is None or time_of(stored) >= since):
                event = read_fact(stored.subject, stored.body)
                if event is not None:
                    yield event


def matches(subject_pattern: str, subject: str) -> bool:
    """Tell whether a subject matches a filter, as the server does."""
    wanted, given = subject_pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        return len(given) >= len(wanted) and matches(".".join(wanted[:-1]), ".".join(given[: len(wanted) - 1]))
    return len(wanted) == len(given) and all(x in ("*", y) for x, y in zip(wanted, given, strict=True))


async def _streamed(
    connection: Client, filters: Sequence[str], *, since: datetime | None = None
) -> AsyncIterator[AnyEvent]:
    config = ConsumerConfig(
        filter_subjects=list(filters),
        ack_policy=AckPolicy.NONE,
        deliver_policy=DeliverPolicy.ALL if since is None else DeliverPolicy.BY_START_TIME,
        opt_start_time=since,
        inactive_threshold=FORGOTTEN_AFTER_S,
        mem_storage=True,
        num_replicas=1,
    )
    try:
        stream = connection.jetstream()
        consumer = await stream.add_consumer(VIDEO, config=config)
        left = consumer.num_pending or 0
        subscription = await stream.pull_subscribe_bind(consumer=consumer.name, stream=VIDEO)
        try:
            while left > 0:
                messages = await subscription.fetch(min(BATCH, left), timeout=FETCH_TIMEOUT_S)
                # Facts that are archived meanwhile do not come any more.
                left = min(left - len(messages), messages[-1].metadata.num_pending)
                for message in messages:
                    if (event := read_fact(message.subject, message.data)) is not None:
                        yield event
        finally:
            await subscription.unsubscribe()
            await stream.delete_consumer(VIDEO, consumer.name)
    except (APIError, NatsTimeoutError, ConnectionClosedError, NoRespondersError) as err:
        raise DependencyUnavailable("nats.unavailable", f"the log cannot be read: {err}") from err
