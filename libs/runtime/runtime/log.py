"""The event log: append facts and decisions, read a job's whole history. The log is the database.

Write-once subjects make every append harmless to repeat; the expected sequence makes a decision atomic.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from dailies_contracts import (
    VIDEO,
    AnyEvent,
    Event,
    Fact,
    JobRequested,
    MalformedEvent,
    TenantEvent,
    cloudevents_headers,
    decode,
    decode_fact,
    encode,
    job_filter,
    subject_of,
)
from dailies_contracts.subjects import PREFIX, check_token
from nats.aio.client import Client

from runtime.direct_get import DirectGet, Stored
from runtime.errors import ConcurrencyConflict, DependencyUnavailable, InvariantBroken
from runtime.jetstream import SUBJECT_TAKEN, WRONG_LAST_SEQUENCE, ApiError, Outgoing, publish, publish_together
from runtime.telemetry import inject, trace_id_of

E = TypeVar("E", bound=Event)
T = TypeVar("T", bound=TenantEvent)
EXPECTED_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"

log = logging.getLogger(__name__)


class History(NamedTuple):
    """Everything that happened to one job.

    Attributes:
        events: In the order of the log.
        last_sequence: Stream sequence of the newest; 0 where the job is unknown. A decision expects it.
        trace_id: Trace of the oldest message that belongs to one, in hex; empty where none does.
    """

    events: tuple[AnyEvent, ...]
    last_sequence: int
    trace_id: str = ""

    def first(self, kind: type[E]) -> E | None:
        """Give the first event of a type, None where there is none."""
        return next((event for event in self.events if isinstance(event, kind)), None)

    def all(self, kind: type[E]) -> tuple[E, ...]:
        """Give every event of a type, in order."""
        return tuple(event for event in self.events if isinstance(event, kind))


class EventLog:
    """The one stream of facts, as every service writes and reads it."""

    def __init__(self, connection: Client, *, source: str) -> None:
        self._connection = connection
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
            DependencyUnavailable: No answer in time.
        """
        stored = await self._reader.last_of_each(VIDEO, (job_filter(job_id),))
        stored.sort(key=_sequence)
        events = tuple(event for x in stored if (event := _readable(x)) is not None)
        trace_id = next((found for x in stored if (found := trace_id_of(x.headers))), "")
        return History(events, stored[-1].sequence if stored else 0, trace_id)

    async def context_of(self, job_id: str) -> Mapping[str, str]:
        """Read the trace context that a job was requested in, as message headers; empty where it is unknown."""
        stored = await self._reader.last_of_each(VIDEO, (f"{PREFIX}.{job_id}.{JobRequested.FACT}",))
        return stored[0].headers if stored else {}

    async def find(self, kind: type[E], job_id: str, *tokens: str) -> E | None:
        """Read one fact by the tokens of its subject, None where it has not happened."""
        subject = ".".join((PREFIX, job_id, kind.FACT, *tokens))
        stored = await self._reader.last_of_each(VIDEO, (subject,))
        if not stored:
            return None
        event = decode(stored[0].body)
        if not isinstance(event, kind):
            raise InvariantBroken("log.wrong_type", subject)
        return event

    async def facts_of_jobs(self, kind: type[E], job_ids: Iterable[str]) -> dict[str, E]:
        """Read one fact each of many jobs (up to 1,000), by job id; of a type that a job has once."""
        subjects = tuple(".".join((PREFIX, check_token(job_id), kind.FACT)) for job_id in job_ids)
        stored = await self._reader.last_of_each(VIDEO, subjects) if subjects else []
        events = (decode(each.body, subject=each.subject) for each in stored)
        return {event.job_id: event for event in events if isinstance(event, kind)}

    async def facts_of_tenant(self, kind: type[T], tenant_id: str, *tokens: str) -> list[T]:
        """Read a tenant's facts of one type, all or those whose subject goes on with some tokens, in order."""
        prefix = ".".join((kind.PREFIX, check_token(tenant_id), kind.FACT, *tokens))
        whole = len(tokens) == len(kind.TOKENS)
        stored = await self._reader.last_of_each(VIDEO, (prefix if whole else f"{prefix}.>",))
        events = (decode_fact(each.body, subject=each.subject) for each in stored)
        return [event for event in events if isinstance(event, kind)]

    async def locate(self, kind: type[E], *tokens: str) -> E | None:
        """Read one fact by the tokens of its subject whatever its job, None where it has not happened.

        The server looks through its index of subjects: milliseconds, not microseconds; remember what it finds.

        Args:
            kind: Type of the fact.
            tokens: One for each token of the type; `*` for any.
        """
        stored = await self._reader.last_of_each(VIDEO, (".".join((PREFIX, "*", kind.FACT, *tokens)),))
        event = decode(stored[0].body) if stored else None
        return event if isinstance(event, kind) else None

    def _headers(self, event: Fact) -> dict[str, str]:
        headers = cloudevents_headers(event, source=self._source)
        inject(headers)
        return headers


def _readable(stored: Stored) -> AnyEvent | None:
    try:
        return decode(stored.body, subject=stored.subject)
    except MalformedEvent as err:
        log.warning("log.malformed_fact", extra={"subject": stored.subject, "reason": str(err)})
        return None


def _sequence(stored: Stored) -> int:
    return stored.sequence


def _refusal(error: ApiError) -> DependencyUnavailable:
    return DependencyUnavailable("nats.append_refused", f"{error.err_code} {error.description}")
