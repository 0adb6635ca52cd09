"""Moves the facts of jobs that ended from the stream into the object store.

Written first, then said in the log (JobArchived, which expects that nothing about the job changed meanwhile), then
deleted from the stream: only what the log says is archived. Killed in between, the next round goes on from there; of
two replicas one says it. Facts that come later are archived in a part of their own.
"""

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from dailies_contracts import (
    EVENT_TYPES,
    TERMINAL_EVENTS,
    AnyEvent,
    AssetRef,
    ClipRequested,
    ClipReused,
    Event,
    JobArchived,
    JobRequested,
    MalformedEvent,
    decode,
    encode,
)
from runtime.archive import (
    MEDIA_TYPE,
    ArchiveReader,
    Split,
    clip_key,
    lines_of,
    merged,
    part_key,
    sequence_of,
    stays,
    time_of,
)
from runtime.clock import Clock
from runtime.direct_get import Stored
from runtime.errors import ConcurrencyConflict, DailiesError, DependencyUnavailable, InvariantBroken
from runtime.metrics import record_archive_round, record_archived

from assets.adapters.stream import FactStream
from assets.domain.archiving import Gate, Reason, is_erased, kept_by
from assets.domain.words import without_words
from assets.ports import HoldBook, Keeper, Objects

KINDS: tuple[type[Event], ...] = (
    *TERMINAL_EVENTS,
    *(kind for kind in EVENT_TYPES if kind not in (*TERMINAL_EVENTS, JobRequested, JobArchived)),
)
"""What a round looks for. Ends come first: once their jobs are gone, what is left came late or must wait."""
JOBS_AT_ONCE = 8
DELETIONS_AT_ONCE = 8
UNAVAILABLE = "unavailable"
"""One such job must not hold up the others; where many are, a part is down."""
CLIP_MEDIA_TYPE = "text/plain"

log = logging.getLogger(__name__)


class Log(Protocol):
    """The event log."""

    async def append(self, job_id: str, events: Sequence[Event], *, expected_sequence: int) -> int:
        """Write a decision if nothing about the job changed, else raise ConcurrencyConflict."""
        ...


class State(NamedTuple):
    """One job as a round finds it.

    Attributes:
        here: In the stream.
        archived: In the archive.
        fresh: In the stream alone, in order.
        events: Its history.
    """

    job_id: str
    here: Split
    archived: list[Stored]
    fresh: list[Stored]
    events: list[AnyEvent]

    @property
    def erases(self) -> bool:
        """Its words are to be erased, or were."""
        return (self.here.mark is not None and self.here.mark.erased) or is_erased(self.events)

    @property
    def is_rewritten(self) -> bool:
        """Its words are still in the archive and must not be."""
        return self.here.mark is not None and not self.here.mark.erased and self.erases


class Archiving:
    """Archives jobs; any number of replicas may."""

    def __init__(
        self,
        *,
        stream: FactStream,
        log_of_jobs: Log,
        objects: Objects,
        keeper: Keeper,
        holds: HoldBook,
        clock: Clock,
        hot: timedelta,
    ) -> None:
        """Take what a round needs.

        Args:
            stream: Where facts leave from.
            log_of_jobs: Where it is said.
            objects: Where they go.
            keeper: Erases parts that hold words which must go.
            holds: Legal holds: the parts of a held job are held too.
            clock: The time.
            hot: A job's facts stay in the stream for so long after its newest one.
        """
        self._stream = stream
        self._log = log_of_jobs
        self._objects = objects
        self._keeper = keeper
        self._holds = holds
        self._clock = clock
        self._hot = hot
        self._reader = ArchiveReader(self._opened)

    async def run(self, *, every_s: float) -> None:
        """Archive what is due, again and again, until cancelled."""
        while True:
            try:
                await self.round()
            except DependencyUnavailable as err:
                log.warning("archive.round_failed", extra={"code": err.code, "detail": err.detail})
            await asyncio.sleep(every_s)

    async def round(self) -> int:
        """Archive every job that is due.

        Returns:
            How many were.

        Raises:
            DependencyUnavailable: NATS or the object store does not answer; what was begun is finished next time.
        """
        gate, behind = await self._gate()
        seen: set[str] = set()
        left: Counter[str] = Counter()
        n_archived = 0
        for kind in KINDS:
            async for page in self._stream.jobs_with(kind, gate):
                due = [job_id for job_id in page if job_id not in seen]
                seen.update(due)
                for start in range(0, len(due), JOBS_AT_ONCE):
                    chunk = due[start : start + JOBS_AT_ONCE]
                    found = await asyncio.gather(*(self._tried(job_id, gate) for job_id in chunk))
                    if found.count(UNAVAILABLE) == JOBS_AT_ONCE:
                        raise DependencyUnavailable("archive.no_store", "none of many jobs can be archived")
                    n_archived += found.count(None)
                    left.update(reason for reason in found if reason is not None)
        if left["not_handled"]:
            log.warning("archive.consumer_behind", extra={"consumer": behind, "n_jobs": left["not_handled"]})
        if n_archived:
            log.info("archive.round_ended", extra={"n_archived": n_archived, "n_left": left.total()})
        record_archive_round(left=left, ended_at=self._clock())
        return n_archived

    async def erase_words(self, job_id: str) -> None:
        """Write the archive of a job without words, where there is one and all its files were deleted on request.

        Raises:
            ConcurrencyConflict: The job changes: try again.
            DependencyUnavailable: NATS or the object store does not answer: try again.
        """
        state = await self._look(job_id)
        if not state.erases or state.here.mark is None:
            return
        gate, _ = await self._gate()
        if state.is_rewritten:
            await self._write(state)
            state = await self._look(job_id)
        await self._clear(state, gate)

    async def _gate(self) -> tuple[Gate, str]:
        handled, behind = await self._stream.handled()
        return Gate(self._clock() - self._hot, handled), behind

    async def _tried(self, job_id: str, gate: Gate) -> Reason | str | None:
        """Archive one job; give why it was left, None where it was not."""
        try:
            return await self._archive(job_id, gate)
        except ConcurrencyConflict:
            return "changed"  # by a late fact, or another replica
        except DependencyUnavailable as err:
            log.warning("archive.postponed", extra={"job.id": job_id, "code": err.code, "detail": err.detail})
            return UNAVAILABLE
        except DailiesError as err:
            log.error("archive.failed", extra={"job.id": job_id, "code": err.code, "detail": err.detail})  # noqa: TRY400
            return "failed"

    async def _archive(self, job_id: str, gate: Gate) -> Reason | None:
        state = await self._look(job_id)
        if state.fresh or state.is_rewritten:
            reason = await self._kept_by(state, gate)
            if reason is not None:
                return reason
            await self._write(state)
            state = await self._look(job_id)
        if state.here.mark is not None:
            await self._clear(state, gate)
        return None

    async def _look(self, job_id: str) -> State:
        here = await self._stream.facts_of(job_id)
        archived = await self._reader.read(here.mark) if here.mark else []
        known = {each.subject for each in archived}
        fresh = [each for each in here.facts if each.subject not in known]
        return State(job_id, here, archived, fresh, _events(merged(archived, fresh)))

    async def _kept_by(self, state: State, gate: Gate) -> Reason | None:
        reason = kept_by(state.events)
        if reason is not None:
            return reason
        for each in state.fresh:
            if not gate.lets_go(written_at=time_of(each), sequence=each.sequence):
                return "recent" if time_of(each) >= gate.before else "not_handled"
        return "timer_set" if await self._stream.has_timer((state.job_id, *_clips(state.events))) else None

    async def _write(self, state: State) -> None:
        """Write what is fresh, of an erased job all anew and bare, and say so in the log."""
        before = state.here.mark
        facts = merged(state.archived, state.fresh) if state.is_rewritten else state.fresh
        newest = max((*state.archived, *state.fresh), key=sequence_of)
        part = await self._stored(state.job_id, [_bare(each) for each in facts] if state.erases else facts)
        for clip_id in _clips(_events(state.fresh)):
            await self._objects.put_once(clip_key(clip_id), state.job_id.encode(), media_type=CLIP_MEDIA_TYPE)
        earlier = before.parts if before and not state.is_rewritten else ()
        mark = JobArchived(
            job_id=state.job_id,
            tenant_id=next(event.tenant_id for event in state.events if isinstance(event, JobRequested)),
            occurred_at=self._clock(),
            n=before.n + 1 if before else 1,
            parts=(*earlier, part),
            n_facts=len(state.archived) + len(state.fresh),
            newest_at=time_of(newest),
            erased=state.erases,
        )
        await self._log.append(state.job_id, [mark], expected_sequence=state.here.last_sequence)
        record_archived()
        log.info("job.archived", extra={"job.id": state.job_id, "n_facts": len(facts), "part": mark.n})

    async def _stored(self, job_id: str, facts: Sequence[Stored]) -> AssetRef:
        body = lines_of(facts)
        digest = hashlib.sha256(body).hexdigest()
        key = part_key(job_id, facts, digest)
        ref = await self._objects.put_once(key, body, media_type=MEDIA_TYPE)
        if ref.sha256 != digest or await self._objects.fetch(ref) != body:
            raise InvariantBroken("archive.not_stored", f"{ref.uri} is not what was written there")
        if (await self._holds.load(job_id)).is_held:
            await self._keeper.hold(key, on=True)
        return ref

    async def _clear(self, state: State, gate: Gate) -> None:
        """Delete from the stream what is archived and may leave, and what was said before about the archive."""
        mark, here = state.here.mark, state.here
        if mark is None:
            return
        archived = {each.subject for each in state.archived}
        going = [
            each
            for each in here.facts
            if each.subject in archived
            and (mark.erased or not stays(each))
            and gate.lets_go(written_at=time_of(each), sequence=each.sequence)
        ]
        limit = asyncio.Semaphore(DELETIONS_AT_ONCE)

        async def delete(stored: Stored) -> None:
            async with limit:
                await self._stream.delete(stored, overwrite=mark.erased)

        await asyncio.gather(*(delete(each) for each in going))
        for earlier, message in here.marks[:-1]:
            for part in earlier.parts:
                if part not in mark.parts:
                    await self._keeper.erase(_key_of(part))
            await self._stream.delete(message, overwrite=False)

    async def _opened(self) -> Objects:
        return self._objects


def _events(stored: Sequence[Stored]) -> list[AnyEvent]:
    events = []
    for each in stored:
        try:
            events.append(decode(each.body, subject=each.subject))
        except MalformedEvent:
            continue  # archived as it is
    return events


def _clips(events: Sequence[AnyEvent]) -> list[str]:
    return list(dict.fromkeys(event.clip_id for event in events if isinstance(event, ClipRequested | ClipReused)))


def _bare(stored: Stored) -> Stored:
    try:
        event = decode(stored.body, subject=stored.subject)
    except MalformedEvent:
        return stored._replace(body=b"{}")  # nobody can say what stands in it
    return stored._replace(body=encode(without_words(event)))


def _key_of(part: AssetRef) -> str:
    return part.uri.split("/", 3)[3]
