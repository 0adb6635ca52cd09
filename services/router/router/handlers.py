"""What wakes the router up. Every handler advances the job; none of them decides anything."""

from dailies_contracts import (
    ClipFailed,
    ClipScored,
    ClipSettled,
    JobCancelRequested,
    JobFailed,
    JobRequested,
    PromptCompiled,
    ReviewDecided,
)
from runtime.catalog import CatalogSource
from runtime.timers import Due, Timers

from router.advance import LOOK, Move
from router.domain.state import deadline_of

DEADLINE = "deadline"
JobFact = PromptCompiled | ClipFailed | ClipScored | ClipSettled | ReviewDecided | JobCancelRequested | JobFailed


class Handlers:
    """The router's subscriptions."""

    def __init__(self, *, advance: Move, timers: Timers, catalog: CatalogSource) -> None:
        self._advance = advance
        self._timers = timers
        self._catalog = catalog

    async def on_job_requested(self, event: JobRequested) -> None:
        """Set the job's deadline.

        Consumes: JobRequested. Emits: the timer `deadline`.
        Idempotent by: one schedule per job, always for the same time.
        """
        at = deadline_of(event, self._catalog().policy.job_deadline_s)
        await self._timers.schedule(DEADLINE, event.job_id, at=at)

    async def on_job_fact(self, event: JobFact) -> None:
        """Decide what follows a fact.

        Consumes: PromptCompiled, ClipFailed, ClipScored, ClipSettled, ReviewDecided, JobCancelRequested, JobFailed.
        Emits: ClipRequested, ClipReused, ClipWithdrawn, JobPromoted, ReviewRequested, JobCompleted, JobFailed,
            JobCancelled.
        Idempotent by: the expected sequence of the decision.
        """
        await self._advance(event.job_id)

    async def on_deadline(self, due: Due) -> None:
        """End a job whose time is over.

        Consumes: the timer `deadline`. Emits: JobCompleted or JobFailed.
        Idempotent by: the expected sequence of the decision.
        """
        await self._advance(due.key)

    async def on_look(self, due: Due) -> None:
        """Look at a job because time has passed: a clip is late, or a vendor may be tried again.

        Consumes: the timer `look`. Emits: ClipRequested, ClipWithdrawn, JobPromoted, JobCompleted or JobFailed.
        Idempotent by: the expected sequence of the decision.
        """
        await self._advance(due.key, timer=LOOK)
