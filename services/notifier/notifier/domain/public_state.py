"""What state a job is in for everybody outside, kept up fact by fact.

`GET /v1/jobs/{id}` shows the same states by the same rule; a contract test holds the two together.
"""

from typing import Literal, NamedTuple

from dailies_contracts import (
    AnyEvent,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipScored,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobRequested,
    ReviewDecided,
    ReviewRequested,
)

State = Literal["queued", "generating", "evaluating", "awaiting_review", "ready", "failed", "cancelled"]
TERMINAL_STATES: frozenset[State] = frozenset({"ready", "failed", "cancelled"})


class Progress(NamedTuple):
    """What the public state depends on. Sets of clip ids, so that the order of facts does not matter.

    Attributes:
        requested: The job's own request is known.
        ordered: Clips ordered from a vendor.
        rendered: Clips whose file came.
        given_up: Clips that failed.
        asked: Clips that a person was asked about.
        answered: Clips that a person decided on.
        ended: The terminal state; it is never left.
    """

    requested: bool = False
    ordered: frozenset[str] = frozenset()
    rendered: frozenset[str] = frozenset()
    given_up: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    answered: frozenset[str] = frozenset()
    ended: State | None = None


def evolve(progress: Progress, event: AnyEvent) -> Progress:
    """Take one fact in; total, facts that change nothing included."""
    match event:
        case JobRequested():
            return progress._replace(requested=True)
        case ClipRequested():
            return progress._replace(ordered=progress.ordered | {event.clip_id})
        case ClipReady() | ClipScored():
            return progress._replace(rendered=progress.rendered | {event.clip_id})
        case ClipFailed():
            return progress._replace(given_up=progress.given_up | {event.clip_id})
        case ReviewRequested():
            return progress._replace(asked=progress.asked | {event.clip_id})
        case ReviewDecided():
            return progress._replace(answered=progress.answered | {event.clip_id})
        case JobCompleted() | JobFailed() | JobCancelled():
            return progress._replace(ended=progress.ended or _end(event))
        case _:
            return progress


def public_state(progress: Progress) -> State | None:
    """Name the state; None where the job was never requested."""
    if not progress.requested:
        return None
    if progress.ended is not None:
        return progress.ended
    if progress.asked - progress.answered:
        return "awaiting_review"
    if not progress.ordered:
        return "queued"
    rendering = progress.ordered - progress.rendered - progress.given_up
    if rendering or not progress.ordered & progress.rendered:
        return "generating"
    return "evaluating"


def _end(event: JobCompleted | JobFailed | JobCancelled) -> State:
    match event:
        case JobCompleted():
            return "ready"
        case JobFailed():
            return "failed"
        case JobCancelled():
            return "cancelled"
