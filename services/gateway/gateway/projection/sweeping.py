"""Drive jobs again that stand still without explanation, and jobs that the projection knows and the log lost.

The documents say which jobs to look at, the log what they are. Only timers that exist already are fired, and only facts
that the log once had are written again. Whoever is told looks at the job's state, so being told twice changes nothing.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from dailies_contracts import ClipRequested
from runtime.archive import time_of
from runtime.clock import Clock
from runtime.direct_get import Stored
from runtime.errors import DailiesError, DependencyUnavailable
from runtime.facts import read_fact
from runtime.log import EventLog, History
from runtime.metrics import record_redriven, record_sweep
from runtime.telemetry import joined, span

from gateway.adapters.mongo import JobDocuments
from gateway.adapters.surroundings import Surroundings
from gateway.domain.standing import Around, Fact, is_patient, lost_facts, next_look, nudges, unsure_clips
from gateway.domain.views import job_view
from gateway.projection.documents import Document, document_of, stored_in

JOBS_AT_ONCE = 16

log = logging.getLogger(__name__)


class Sweeper:
    """Looks for jobs that stand still. Any number of replicas may: one of them takes a job until its next look."""

    def __init__(
        self,
        *,
        log_of_jobs: EventLog,
        bus: Surroundings,
        documents: JobDocuments,
        clock: Clock,
        patience: timedelta,
        watched_for: timedelta,
    ) -> None:
        """Take what a look needs.

        Args:
            log_of_jobs: What jobs are.
            bus: What is around them.
            documents: Which of them stand still.
            clock: The time.
            patience: Nothing may happen to a job for so long before it is looked at.
            watched_for: A job that has ended, and for which money is held, is looked at for so long.
        """
        self._log = log_of_jobs
        self._bus = bus
        self._documents = documents
        self._clock = clock
        self._patience = patience
        self._watched_for = watched_for

    async def run(self, *, every_s: float) -> None:
        """Sweep again and again until cancelled; NATS and MongoDB may be away."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.sweep()
            except DependencyUnavailable as err:
                log.warning("sweep.failed", extra={"code": err.code, "detail": err.detail})

    async def sweep(self) -> int:
        """Look at every job that stands still and is due for a look.

        Returns:
            How many were driven again.

        Raises:
            DependencyUnavailable: NATS or MongoDB does not answer; the others are looked at the next time.
        """
        handled = await self._bus.handled()
        n_driven = 0
        while page := await self._standing():
            n_driven += sum(await asyncio.gather(*(self._claimed(each, handled) for each in page)))
        record_sweep(ended_at=self._clock())
        return n_driven

    async def _standing(self) -> list[Document]:
        now = self._clock()
        return await self._documents.standing(
            after=now - self._watched_for, before=now - self._patience, now=now, limit=JOBS_AT_ONCE
        )

    async def _claimed(self, document: Document, handled: dict[str, int]) -> bool:
        """Look at one job where no other replica does and nothing has happened to it meanwhile."""
        again_at = next_look(self._clock(), stands_since=document["updated_at"], patience=self._patience)
        if not await self._documents.claim(document, next_look_at=again_at):
            return False
        try:
            return await self._look(document, handled, again_at=again_at)
        except DailiesError as err:
            facts = {"job.id": document["_id"], "code": err.code, "detail": err.detail}
            log.warning("sweep.postponed", extra=facts | {"next_look_at": again_at.isoformat()})
            return False

    async def _look(self, document: Document, handled: dict[str, int], *, again_at: datetime) -> bool:
        job_id = document["_id"]
        history, known = await self._log.history(job_id), stored_in(document)
        trace = next((each.headers for each in (*history.stored, *known)), {})
        with joined(trace, job_id=job_id):
            if await self._restored(job_id, history, known):
                return True
            await self._correct(document, history, again_at=again_at)
            return await self._told(job_id, history, handled)

    async def _restored(self, job_id: str, history: History, known: Sequence[Stored]) -> bool:
        """Write again what the log has lost of a job; its consumers then get it like anything new."""
        lost = lost_facts(_facts(known), _facts(history.stored))
        if not lost:
            if not history.last_sequence:
                log.error("job.lost", extra={"job.id": job_id, "detail": "Neither log nor projection has its facts."})
            return False
        now = self._clock()
        unsure = unsure_clips(_facts(known), now=now, intents_since=await self._bus.intents_since())
        subjects = {each.subject for each in lost}
        facts = [each for each in known if each.subject in subjects]
        with span("sweeper.redrive", reason="log_lost"):
            await self._bus.write_again(job_id, facts, unsure, expected_sequence=history.last_sequence)
        _say("log_lost", n_facts=len(facts), clips_unsure=[each.clip_id for each in unsure])
        return True

    async def _correct(self, document: Document, history: History, *, again_at: datetime) -> None:
        """Bring a document to what the log says: the projector may be behind, or know later places of another log."""
        view = job_view(history.events, trace_id=history.trace_id)
        if view is None:
            return
        fresh = document_of(view, last_sequence=history.last_sequence, stored=history.stored)
        if any(fresh.get(name) != document.get(name) for name in ("last_sequence", "state", "updated_at", "facts")):
            await self._documents.correct(fresh, seen_sequence=document["last_sequence"], next_look_at=again_at)

    async def _told(self, job_id: str, history: History, handled: dict[str, int]) -> bool:
        """Tell those who are to look at a job because nobody will by themselves."""
        facts, now = _facts(history.stored), self._clock()
        stands_since = max(map(time_of, history.stored), default=now)
        if now - stands_since < self._patience:
            return False
        clip_ids = [each.event.clip_id for each in facts if isinstance(each.event, ClipRequested)]
        around = Around(handled, await self._bus.timers((job_id, *clip_ids)))
        patient = is_patient(now, stands_since=stands_since, patience=self._patience)
        told = nudges(facts, around, is_patient=patient)
        for nudge in told:
            with span("sweeper.redrive", reason=nudge.reason):
                await self._bus.tell(job_id, nudge)
            _say(nudge.reason, told=nudge.service, key=nudge.key, stood_s=round((now - stands_since).total_seconds()))
        return bool(told)


def _facts(stored: Sequence[Stored]) -> list[Fact]:
    read = ((each, read_fact(each.subject, each.body)) for each in stored)
    return [Fact(event, each.subject, each.sequence) for each, event in read if event is not None]


def _say(reason: str, **facts: object) -> None:
    record_redriven(reason=reason)
    log.warning("job.redriven", extra={"reason": reason, **facts})
