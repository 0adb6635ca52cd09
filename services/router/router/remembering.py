"""Keeps what jobs deliver in the prompt cache: beside the jobs, in batches, so that no decision waits for it."""

from collections.abc import Sequence

from dailies_contracts import AnyEvent, ClipReused, FeedbackGiven, JobCompleted, ReviewDecided
from runtime.catalog import CatalogSource
from runtime.log import EventLog

from router.adapters.prompt_cache import PromptCache
from router.domain.reuse import is_disliked, original_of

Remembered = JobCompleted | FeedbackGiven | ReviewDecided


class Remembering:
    """Turns facts into records of the prompt cache."""

    def __init__(self, *, log: EventLog, cache: PromptCache, catalog: CatalogSource) -> None:
        self._log = log
        self._cache = cache
        self._catalog = catalog

    async def on_events(self, events: Sequence[AnyEvent]) -> None:
        """Keep delivered clips; let go of those that somebody disliked where they answered another job.

        Consumes: JobCompleted, FeedbackGiven, ReviewDecided.
        Emits: nothing; the records in bucket `prompt_cache` change.
        Idempotent by: a record knows its job, and of two jobs the newer one stays.
        """
        for event in events:
            if isinstance(event, JobCompleted) and event.origin is None:
                original = original_of((await self._log.history(event.job_id)).events)
                if original is not None:
                    await self._cache.remember(original, self._catalog().policy)
            elif is_disliked(event):
                # What its own job's log tells is seen there whenever the clip is looked at; of others it is kept here.
                reused = (await self._log.history(event.job_id)).first(ClipReused)
                if reused is not None:
                    await self._cache.withdraw(reused.origin.job_id, self._catalog().policy)
