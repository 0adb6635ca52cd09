"""What the evaluator does with each message: every stored clip gets its scores."""

import logging
from typing import Protocol

from dailies_contracts import AnyEvent, ClipReady, ClipScored, Event, Scores
from runtime.clock import Clock

log = logging.getLogger(__name__)


class FactLog(Protocol):
    """The part of the event log that the evaluator needs."""

    async def append_fact(self, event: Event) -> bool:
        """Write one fact; False where it had already happened."""
        ...

    async def find(self, kind: type[ClipScored], job_id: str, *tokens: str) -> AnyEvent | None:
        """Read one fact by its subject's tokens."""
        ...


class ClipScorer(Protocol):
    """Judges the clip of an event."""

    async def score(self, event: ClipReady) -> Scores:
        """Give the clip's scores."""
        ...


class Handlers:
    """The evaluator's one handler and what it needs."""

    def __init__(self, *, log: FactLog, clock: Clock, scorer: ClipScorer, scoring_cost_usd_micros: int) -> None:
        self._log = log
        self._clock = clock
        self._scorer = scorer
        self._cost_usd_micros = scoring_cost_usd_micros

    async def on_clip_ready(self, event: ClipReady) -> None:
        """Score one clip.

        Consumes: ClipReady. Emits: ClipScored.
        Idempotent by: the write-once subject of the score.
        """
        # A redelivery after the score was written would decode the clip again for nothing.
        if await self._log.find(ClipScored, event.job_id, event.provider, event.clip_id) is not None:
            return
        scores = await self._scorer.score(event)
        scored = ClipScored(
            job_id=event.job_id,
            tenant_id=event.tenant_id,
            occurred_at=self._clock(),
            clip_id=event.clip_id,
            provider=event.provider,
            model=event.model,
            stage=event.stage,
            scores=scores,
            scoring_cost_usd_micros=self._cost_usd_micros,
        )
        if await self._log.append_fact(scored):
            facts = {"clip.id": event.clip_id, "provider.name": event.provider, "clip.stage": event.stage}
            log.info("clip.scored", extra=facts | {"score": scores.aggregate, "flags": list(scores.flags)})
