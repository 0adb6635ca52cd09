"""The event log: append facts and decisions, read a job's whole history. The log is the database.

Write-once subjects make every append harmless to repeat; the expected sequence makes a decision atomic. Of a job that
ended long ago the stream has its request and JobArchived, which names the rest; readers here put both together.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from dailies_contracts import (
    VIDEO,
    AnyEvent,
    ClipRequested,
    ClipReused,
    Event,
    Fact,
    InvalidSubject,
    JobArchived,
    JobRequested,
    TenantEvent,
    cloudevents_headers,
    decode,
    decode_fact,
    encode,
    filter_of_job,
    job_filter,
    subject_of,
)
from dailies_contracts.subjects import PREFIX, check_token, job_of
from nats.aio.client import Client

from runtime.archive import ArchiveReader, Split, headers_of, merged, split
from runtime.direct_get import DirectGet, Stored
from runtime.errors import ConcurrencyConflict, DependencyUnavailable, InvariantBroken, NotFound
from runtime.facts import read_fact
from runtime.jetstream import SUBJECT_TAKEN, WRONG_LAST_SEQUENCE, ApiError, Outgoing, publish, publish_together
from runtime.telemetry import inject, trace_id_of

E = TypeVar("E", bound=Event)
T = TypeVar("T", bound=TenantEvent)
EXPECTED_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"
MAX_TRIES = 3
"""The archive of one job changes every few days."""
JOBS_AT_ONCE = 300
"""The server takes 1,024 subjects a request; a job has its fact and what is said about its archive."""

log = logging.getLogger(__name__)


class History(NamedTuple):
    """Everything that happened to one job.

    Attributes:
        events: In the order of the log, archived ones included; that they were archived is not among them.
        last_sequence: Of the job in the stream; 0 where it is unknown. A decision expects it.
        trace_id: Trace of the oldest message that belongs to one, in hex; empty where none does.
        stored: The same facts as the messages that they came in.
    """

    events: tuple[AnyEvent, ...]
    last_sequence: int
    trace_id: str = ""
    stored: tuple[Stored, ...] = ()

    def first(self, kind: type[E]) -> E | None:
        """Give the first event of a type, None where there is none."""
        return next((event for event in self.events if isinstance(event, kind)), None)

    def has(self, event: Event) -> bool:
        """Tell whether this fact has happened, in this form or another."""
        return any(each.id == event.id for each in self.events)

    def all(self, kind: type[E]) -> tuple[E, ...]:
        """Give every event of a type, in order."""
        return tuple(event for event in self.events if isinstance(event, kind))


class EventLog:
    """The one stream of facts, as every service writes and reads it."""

    def __init__(self, connection: Client, *, source: str, archive: ArchiveReader | None = None) -> None:
        """Read and write one stream.

        Args:
            connection: To NATS.
            source: Who writes.
            archive: Reads what is archived; None: a job that is cannot be read.
        """
        self._connection = connection
        self._archive = archive
        self._source = f"/dailies/{source}"
        self._reader = DirectGet(connection)

    async def append_fact(self, event: Fact) -> bool:
        """Write one fact.

        Returns:
            True when written now, False when it had already happened: success either way.

        Raises:
            DependencyUnavailable: No answer; append it again.
        """
        ack = await publish(self._connection, subject_of(event), encode(event), self._headers(event))
        if ack.error is None:
            return True
        if ack.error.err_code == SUBJECT_TAKEN:
            return False
        raise _refusal(ack.error)

    async def append(self, job_id: str, events: Sequence[Event], *, expected_sequence: int) -> int:
        """Write a decision: all of its events or none, and only if nothing about the job changed.

        Args:
            job_id: The job that every event is about.
            events: At least one; the server takes up to 1,000.
            expected_sequence: `last_sequence` of the history that was decided on.

        Returns:
            Sequence of the last event: what a further decision on the same history expects.

        Raises:
            ConcurrencyConflict: The job changed, or one of the facts has already happened: load and decide again.
            DependencyUnavailable: No answer: load again to see whether it is written.
        """
        expectation = {EXPECTED_SEQUENCE: str(expected_sequence), EXPECTED_SUBJECT: job_filter(job_id)}
        messages = [Outgoing(subject_of(event), encode(event), self._headers(event)) for event in events]
        messages[0].headers.update(expectation)
        ack = await publish_together(self._connection, messages)
        if ack.error is None:
            return ack.seq
        if ack.error.err_code in WRONG_LAST_SEQUENCE or ack.error.err_code == SUBJECT_TAKEN:
            raise ConcurrencyConflict("job.changed", job_id, retry_after_s=0.0)
        raise _refusal(ack.error)

    async def history(self, job_id: str) -> History:
        """Read everything that happened to a job, in one request.

        A malformed message among its facts is left out: its consumers have dead-lettered it, and it must not stop
        the job.

        Raises:
            DependencyUnavailable: No answer in time, from the bus or, of an archived job, the object store.
        """
        here, stored = await self._read((job_filter(job_id),))
        read = [(event, x) for x in stored if (event := read_fact(x.subject, x.body)) is not None]
        trace_id = next((found for x in stored if (found := trace_id_of(x.headers))), "")
        return History(
            tuple(event for event, _ in read), here.last_sequence, trace_id, stored=tuple(each for _, each in read)
        )

    async def context_of(self, job_id: str) -> Mapping[str, str]:
        """Read the trace context that a job was requested in, as message headers; empty where it is unknown."""
        stored = await self._reader.last_of_each(VIDEO, (f"{PREFIX}.{job_id}.{JobRequested.FACT}",))
        return stored[0].headers if stored else {}

    async def find(self, kind: type[E], job_id: str, *tokens: str) -> E | None:
        """Read one fact by the tokens of its subject, None where it has not happened."""
        subject = ".".join((PREFIX, job_id, kind.FACT, *tokens))
        stored = await self._whichever(job_id, subject)
        if stored is None:
            return None
        event = decode(stored.body)
        if not isinstance(event, kind):
            raise InvariantBroken("log.wrong_type", subject)
        return event

    async def facts_of_jobs(self, kind: type[E], job_ids: Iterable[str]) -> dict[str, E]:
        """Read one fact each of many jobs, by job id; of a type that a job has once."""
        wanted = [check_token(job_id) for job_id in job_ids]
        found: dict[str, E] = {}
        for start in range(0, len(wanted), JOBS_AT_ONCE):
            for stored in await self._of_jobs(kind, wanted[start : start + JOBS_AT_ONCE]):
                event = decode(stored.body, subject=stored.subject)
                if isinstance(event, kind):
                    found[event.job_id] = event
        return found

    async def facts_of_tenant(self, kind: type[T], tenant_id: str, *tokens: str) -> list[T]:
        """Read a tenant's facts of one type, all or those whose subject goes on with some tokens, in order."""
        prefix = ".".join((kind.PREFIX, check_token(tenant_id), kind.FACT, *tokens))
        whole = len(tokens) == len(kind.TOKENS)
        stored = await self._reader.last_of_each(VIDEO, (prefix if whole else f"{prefix}.>",))
        events = (decode_fact(each.body, subject=each.subject) for each in stored)
        return [event for event in events if isinstance(event, kind)]

    async def job_of_clip(self, clip_id: str) -> str | None:
        """Give the job of a clip that was ordered or reused, None where there is no such clip.

        The server looks through its index of subjects: milliseconds, not microseconds; remember what it finds.

        Raises:
            DependencyUnavailable: No answer in time.
        """
        try:
            subjects = tuple(f"{PREFIX}.*.{kind.FACT}.*.{check_token(clip_id)}" for kind in (ClipRequested, ClipReused))
        except InvalidSubject:
            return None
        stored = await self._reader.last_of_each(VIDEO, subjects)
        if stored:
            return job_of(stored[0].subject)
        return await self._archive.job_of_clip(clip_id) if self._archive else None

    async def _of_jobs(self, kind: type[E], job_ids: Sequence[str]) -> list[Stored]:
        subjects = {job_id: f"{PREFIX}.{job_id}.{kind.FACT}" for job_id in job_ids}
        filters = (*subjects.values(), *(filter_of_job(JobArchived, job_id) for job_id in job_ids))
        by_job: dict[str, list[Stored]] = {}
        for stored in await self._reader.last_of_each(VIDEO, filters):
            by_job.setdefault(job_of(stored.subject), []).append(stored)
        found = [
            _written_before(here, subjects[job_id]) or await self._whichever(job_id, subjects[job_id])
            for job_id, here in ((job_id, split(stored)) for job_id, stored in by_job.items())
        ]
        return [stored for stored in found if stored is not None]

    async def _whichever(self, job_id: str, subject: str) -> Stored | None:
        """Read one fact of a job from the stream, or from the archive where it happened first there."""
        _, facts = await self._read((subject, filter_of_job(JobArchived, job_id)), subject)
        return next((each for each in facts if each.subject == subject), None)

    async def _read(self, filters: tuple[str, ...], subject: str = "") -> tuple[Split, list[Stored]]:
        """Read a job's facts from stream and archive, in order; the archive only where the subject needs it."""
        for _ in range(MAX_TRIES):
            here = split(await self._reader.last_of_each(VIDEO, filters))
            if here.mark is None or (subject and _written_before(here, subject) is not None):
                return here, here.facts
            if self._archive is None:
                raise DependencyUnavailable("archive.not_configured", "Set S3_URL and S3_BUCKET to read archived jobs.")
            try:
                return here, merged(await self._archive.read(here.mark), here.facts)
            except NotFound:
                continue  # its parts were written anew meanwhile
        raise InvariantBroken("archive.missing", f"{filters[0]}: its archive is not where the log says")

    def _headers(self, event: Fact) -> dict[str, str]:
        headers = cloudevents_headers(event, source=self._source)
        inject(headers)
        return headers


async def write_again(connection: Client, job_id: str, facts: Sequence[Stored], *, expected_sequence: int) -> None:
    """Write facts that the log once had, as they were published: all of them or none.

    Args:
        connection: To NATS.
        job_id: The job that every fact is about.
        facts: At least one, in order; the server takes up to 1,000.
        expected_sequence: What the stream has of the job up to now; 0: nothing.

    Raises:
        ConcurrencyConflict: The stream has something else of the job.
        DependencyUnavailable: No answer: look whether they are written.
    """
    messages = [Outgoing(each.subject, each.body, headers_of(each)) for each in facts]
    messages[0].headers.update({EXPECTED_SEQUENCE: str(expected_sequence), EXPECTED_SUBJECT: job_filter(job_id)})
    ack = await publish_together(connection, messages)
    if ack.error is None:
        return
    if ack.error.err_code in WRONG_LAST_SEQUENCE or ack.error.err_code == SUBJECT_TAKEN:
        raise ConcurrencyConflict("job.changed", job_id, retry_after_s=0.0)
    raise _refusal(ack.error)


def _written_before(here: Split, subject: str) -> Stored | None:
    """Give a fact that the stream has, unless it may be a later form of one that is archived."""
    fact = next((each for each in here.facts if each.subject == subject), None)
    return fact if fact and (here.mark is None or fact.sequence < here.mark_sequence) else None


def _refusal(error: ApiError) -> DependencyUnavailable:
    return DependencyUnavailable("nats.append_refused", f"{error.err_code} {error.description}")
