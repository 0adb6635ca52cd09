"""What the log has taught about vendors, models and tenants: folded fact by fact, in any order, however often.

`lessons_of` reads what one fact teaches, `learn` puts it into a market. The router keeps the same records in a
key-value bucket (`adapters/market.py`); a simulation keeps a market in memory.
"""

from typing import NamedTuple, TypeAlias

import msgspec
from dailies_contracts import (
    ClipEvent,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipScored,
    FeedbackGiven,
    Stage,
)
from runtime.breakers import Ended, HealthRecord, Ordered
from runtime.failures import NOT_THE_VENDOR
from runtime.routing_policy import Learning

from router.domain.health import in_flight, with_end, with_order
from router.domain.learning import ALL_CLASSES, Mark, QualityRecord, with_mark

WITHDRAWN = "withdrawn"
REFUSED = -1.0
Teacher = ClipRequested | ClipReady | ClipFailed | ClipScored | FeedbackGiven
"""The facts that something is learned from."""


class HealthKey(NamedTuple):
    """Names a health record."""

    provider: str
    model: str
    stage: str


class QualityKey(NamedTuple):
    """Names a quality record."""

    provider: str
    model: str
    stage: str
    prompt_class: str


Key: TypeAlias = HealthKey | QualityKey
Record: TypeAlias = HealthRecord | QualityRecord


class Lesson(NamedTuple):
    """What one fact teaches about one record."""

    key: Key
    fact: Ended | Ordered | Mark


class Market(msgspec.Struct, frozen=True):
    """All that was learned; what is not there was never seen."""

    health: dict[HealthKey, HealthRecord] = {}
    quality: dict[QualityKey, QualityRecord] = {}

    def health_of(self, provider: str, model: str, stage: Stage) -> HealthRecord:
        """Give how a model is doing."""
        key = HealthKey(provider, model, stage)
        return self.health.get(key) or HealthRecord(provider=provider, model=model, stage=stage)

    def quality_of(
        self, provider: str, model: str, stage: Stage, prompt_class: str
    ) -> tuple[QualityRecord | None, QualityRecord | None]:
        """Give what is known of a model's quality, over all prompts and for a class of them."""
        return (
            self.quality.get(QualityKey(provider, model, stage, ALL_CLASSES)),
            self.quality.get(QualityKey(provider, model, stage, prompt_class)),
        )

    def siblings(self, provider: str) -> list[HealthRecord]:
        """Give the health of every model of a vendor."""
        return [record for key, record in self.health.items() if key.provider == provider]

    def in_flight(self, provider: str, *, now_s: float) -> int:
        """Count a vendor's clips that were ordered and have not ended."""
        return sum(in_flight(record, now_s=now_s) for record in self.siblings(provider))


NOTHING_KNOWN = Market()


def lessons_of(
    event: Teacher, *, clip: ClipEvent | None = None, prompt_class: str = "", learning: Learning
) -> tuple[Lesson, ...]:
    """Read what one fact teaches.

    Args:
        event: The fact.
        clip: The clip that a person rated; the other facts name theirs themselves.
        prompt_class: Of the job; empty where it is not known: then only the model itself is learned about.
        learning: How much a rating counts.
    """
    about = event if isinstance(event, ClipEvent) else clip
    if about is None:
        return ()
    at_s = event.occurred_at.timestamp()
    health = HealthKey(about.provider, about.model, about.stage)
    match event:
        case ClipRequested(sample_of=str()) | ClipFailed(sample_of=str()):
            return ()  # one request at the vendor: the clip that leads it teaches what there is to learn
        case ClipRequested():
            return (Lesson(health, Ordered(event.clip_id, at_s)),)
        case ClipReady():
            return (Lesson(health, Ended(event.clip_id, at_s, "", event.render_ms / 1_000)),)
        case ClipFailed():
            kind = WITHDRAWN if event.code in NOT_THE_VENDOR else event.kind
            ended = Lesson(health, Ended(event.clip_id, at_s, kind, 0.0))
            refused = _marks(about, prompt_class, Mark(event.clip_id, at_s, REFUSED, 1.0)) if kind == "refused" else ()
            return (ended, *refused)
        case ClipScored():
            return _marks(about, prompt_class, Mark(event.clip_id, at_s, event.scores.aggregate, 1.0))
        case FeedbackGiven():
            name = f"{event.clip_id}.{event.author}"
            return _marks(about, prompt_class, Mark(name, at_s, (event.rating - 1) / 4, learning.feedback_weight))


def learn(market: Market, lesson: Lesson, learning: Learning) -> Market:
    """Put one lesson into a market; the same market where it knows it already."""
    known = market.health.get(lesson.key) if len(lesson.key) == 3 else market.quality.get(lesson.key)  # noqa: PLR2004
    record = taught(known, lesson, learning)
    return market if record is known else with_record(market, record)


def taught(known: Record | None, lesson: Lesson, learning: Learning) -> Record:
    """Give a record after a lesson; the same record where it knows it already."""
    match lesson.key, lesson.fact:
        case QualityKey() as key, Mark() as mark:
            quality = known if isinstance(known, QualityRecord) else QualityRecord(**key._asdict())
            return with_mark(quality, mark, memory=learning.memory)
        case HealthKey() as key, Ended() as end:
            return with_end(known if isinstance(known, HealthRecord) else HealthRecord(**key._asdict()), end)
        case HealthKey() as key, Ordered() as order:
            return with_order(known if isinstance(known, HealthRecord) else HealthRecord(**key._asdict()), order)
    raise TypeError(lesson)


def with_record(market: Market, record: Record) -> Market:
    """Put a whole record in, in the place of the one before."""
    if isinstance(record, QualityRecord):
        quality = QualityKey(record.provider, record.model, record.stage, record.prompt_class)
        return Market(market.health, market.quality | {quality: record})
    health = HealthKey(record.provider, record.model, record.stage)
    return Market(market.health | {health: record}, market.quality)


def _marks(about: ClipEvent, prompt_class: str, mark: Mark) -> tuple[Lesson, ...]:
    classes = (ALL_CLASSES, prompt_class) if prompt_class else (ALL_CLASSES,)
    return tuple(Lesson(QualityKey(about.provider, about.model, about.stage, each), mark) for each in classes)
