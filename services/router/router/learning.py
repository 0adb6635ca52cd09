"""Teaches the market what the log tells: beside the jobs, in batches, so that no decision waits for it."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import get_args

from dailies_contracts import AnyEvent, ClipEvent, ClipFailed, ClipRequested, ClipScored, FeedbackGiven, PromptCompiled
from runtime.catalog import CatalogSource
from runtime.log import EventLog

from router.adapters.market import MarketBoard
from router.domain.market import Lesson, Teacher, lessons_of

MAX_CLASSES = 5_000
"""Jobs whose prompt class is remembered, the newest."""


class Learning:
    """Turns facts into lessons."""

    def __init__(self, *, log: EventLog, board: MarketBoard, catalog: CatalogSource) -> None:
        self._log = log
        self._board = board
        self._catalog = catalog
        self._classes: OrderedDict[str, str] = OrderedDict()

    async def on_events(self, events: Sequence[AnyEvent]) -> None:
        """Learn from what happened.

        Consumes: ClipRequested, ClipReady, ClipFailed, ClipScored, FeedbackGiven.
        Emits: nothing; the records in bucket `market` change.
        Idempotent by: a record knows the facts it has learned from.
        """
        lessons: list[Lesson] = []
        for event in events:
            if isinstance(event, get_args(Teacher)):
                lessons.extend(await self._lessons(event))
        await self._board.teach(lessons)
        await self._board.count_orders(event for event in events if isinstance(event, ClipRequested))

    async def _lessons(self, event: Teacher) -> tuple[Lesson, ...]:
        learning = self._catalog().policy.learning
        clip: ClipEvent | None = None
        if isinstance(event, FeedbackGiven):
            orders = (await self._log.history(event.job_id)).all(ClipRequested)
            clip = next((order for order in orders if order.clip_id == event.clip_id), None)
        prompt_class = await self._class_of(event.job_id) if _is_about_quality(event) else ""
        return lessons_of(event, clip=clip, prompt_class=prompt_class, learning=learning)

    async def _class_of(self, job_id: str) -> str:
        """Give a job's prompt class; empty where it is not known any more."""
        known = self._classes.get(job_id)
        if known is not None:
            return known
        compiled = await self._log.find(PromptCompiled, job_id)
        if compiled is None:
            return ""
        self._classes[job_id] = compiled.prompt_class
        if len(self._classes) > MAX_CLASSES:
            self._classes.popitem(last=False)
        return compiled.prompt_class


def _is_about_quality(event: Teacher) -> bool:
    return isinstance(event, ClipScored | FeedbackGiven) or (isinstance(event, ClipFailed) and event.kind == "refused")
