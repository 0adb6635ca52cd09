from datetime import UTC, datetime

from dailies_contracts import ClipReady, ClipScored, Event, Scores
from evaluator.adapters.constant import MODEL, ConstantScores
from evaluator.handlers import Handlers
from testkit.builders import clip_ready
from testkit.clock import FakeClock
from testkit.stories import clip_requested

READY = clip_ready(clip_requested())


class Log:
    """The facts that were written, each once."""

    def __init__(self) -> None:
        self.facts: dict[str, Event] = {}

    async def append_fact(self, event: Event) -> bool:
        return self.facts.setdefault(event.id, event) is event

    async def find(self, kind: type[ClipScored], job_id: str, *tokens: str) -> ClipScored | None:
        found = self.facts.get(".".join((job_id, kind.FACT, *tokens)))
        return found if isinstance(found, ClipScored) else None


class Counting(ConstantScores):
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def score(self, event: ClipReady) -> Scores:
        self.asked.append(event.clip_id)
        return await super().score(event)


def handlers(log: Log, scorer: Counting) -> Handlers:
    clock = FakeClock(datetime(2026, 11, 22, tzinfo=UTC))
    return Handlers(log=log, clock=clock, scorer=scorer, scoring_cost_usd_micros=400)


async def test_a_stored_clip_is_scored() -> None:
    log, scorer = Log(), Counting()
    await handlers(log, scorer).on_clip_ready(READY)
    [scored] = log.facts.values()
    assert isinstance(scored, ClipScored)
    assert (scored.job_id, scored.clip_id, scored.stage) == (READY.job_id, READY.clip_id, READY.stage)
    assert (scored.provider, scored.model, scored.tenant_id) == (READY.provider, READY.model, READY.tenant_id)
    assert scored.scoring_cost_usd_micros == 400


async def test_a_redelivery_is_not_scored_again() -> None:
    log, scorer = Log(), Counting()
    for _ in range(2):
        await handlers(log, scorer).on_clip_ready(READY)
    assert scorer.asked == [READY.clip_id]
    assert len(log.facts) == 1


async def test_the_constant_scorer_names_itself() -> None:
    scores = await ConstantScores().score(READY)
    assert set(scores.models.values()) == {MODEL}
    assert "constant_scorer" in scores.flags
    assert "benchmark" in MODEL
