"""From a job's history to everything its owner is told, in order: pure and complete.

Appending a fact to the history only ever appends notifications, so a number is enough to say how far an
endpoint has been told.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from dailies_contracts import (
    AnyEvent,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipScored,
    Event,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobRequested,
    Notice,
    ReviewDecided,
    ReviewRequested,
    TellingType,
)

from notifier.domain.public_state import Progress, State, evolve, public_state

NotificationType = TellingType | Literal["endpoint.test"]

TYPE_OF_STATE: dict[State, NotificationType] = {
    "queued": "job.queued",
    "generating": "job.generating",
    "evaluating": "job.evaluating",
    "awaiting_review": "job.awaiting_review",
    "ready": "job.ready",
    "failed": "job.failed",
    "cancelled": "job.cancelled",
}

TELLING_EVENTS: tuple[type[Event], ...] = (
    JobRequested,
    ClipRequested,
    ClipReady,
    ClipFailed,
    ClipScored,
    ReviewRequested,
    JobCompleted,
    JobFailed,
    JobCancelled,
)
"""The facts that can tell somebody something. A reviewer's decision is not among them: what follows it is told."""

ENDING_EVENTS: tuple[type[Event], ...] = (ReviewRequested, JobCompleted, JobFailed, JobCancelled)
"""The facts that can tell people something: they need not hear of every clip."""


class Notification(NamedTuple):
    """One thing that somebody is told.

    Attributes:
        type: As in the payload.
        sequence: Place among the notifications of its job or notice, from 1, without gaps.
        state: State of the job at this point; None where it is not about a state.
        fact: The event or notice that it tells of.
    """

    type: NotificationType
    sequence: int
    state: State | None
    fact: AnyEvent | Notice

    @property
    def occurred_at(self) -> datetime:
        """When it happened, UTC."""
        return self.fact.occurred_at

    @property
    def name(self) -> str:
        """What it is, whatever comes before it: one fact can tell two things."""
        return f"{self.fact.id}/{self.type}"


class Topic(NamedTuple):
    """Everything that is told about one job, or the one thing that a notice tells.

    Attributes:
        id: Of the job or the notice; one subject token.
        requested: The job's request; None for a notice.
        notifications: In order.
    """

    id: str
    tenant_id: str
    requested: JobRequested | None
    notifications: tuple[Notification, ...]


def topic_of_notice(notice: Notice) -> Topic:
    """Tell a notice."""
    return Topic(notice.id, notice.tenant_id, None, (Notification(notice.kind, 1, None, notice),))


def notifications(events: Iterable[AnyEvent]) -> tuple[Notification, ...]:
    """List everything that the owner of a job is told, in order; a terminal state is always the last.

    Args:
        events: All facts about one job so far, in the order of the log.
    """
    told = enumerate(_tell(events), start=1)
    return tuple(Notification(kind, sequence, state, fact) for sequence, (kind, state, fact) in told)


def _tell(events: Iterable[AnyEvent]) -> Iterator[tuple[NotificationType, State, AnyEvent]]:
    progress = Progress()
    for event in events:
        before, progress = public_state(progress), evolve(progress, event)
        state = public_state(progress)
        if state is None:
            continue
        if isinstance(event, ClipReady):
            yield "clip.ready", state, event
        if isinstance(event, ClipScored):
            yield "clip.scored", state, event
        if state != before and not isinstance(event, ReviewDecided):
            yield TYPE_OF_STATE[state], state, event
        if progress.ended:
            return
