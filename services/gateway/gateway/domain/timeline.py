"""The timeline of a job: one sentence a fact, written by us; no vendor text, no prompt."""

from collections.abc import Callable, Sequence
from typing import Any

from dailies_contracts import AnyEvent, AssetDeleted, AssetFinalized, Event, JobArchived
from dailies_contracts import events as e

from gateway.domain.job import TimelineEntry
from gateway.domain.money import dollars
from gateway.domain.times import shown_at


def timeline_of(events: Sequence[AnyEvent]) -> tuple[TimelineEntry, ...]:
    """Tell what happened, in the order of the log."""
    return tuple(_entry(event) for event in events)


def _entry(event: AnyEvent) -> TimelineEntry:
    return TimelineEntry(
        at=shown_at(event.occurred_at),
        event=type(event).__name__,
        message=SENTENCES[type(event)](event),
        clip_id=getattr(event, "clip_id", ""),
        provider=getattr(event, "provider", ""),
    )


def _compiled(event: e.PromptCompiled) -> str:
    sentence = f"Compiled for {_count(len(event.prompts), 'model')}"
    if event.unsuitable:
        sentence += f"; {_count(len(event.unsuitable), 'model')} cannot serve the request"
    return sentence + "."


def _ordered(event: e.ClipRequested) -> str:
    quote = dollars(event.quote_usd_micros)
    return f"{event.stage.capitalize()} {event.attempt} ordered from {event.provider} ({event.model}) for {quote}."


def _reused(event: e.ClipReused) -> str:
    alike = "an equal request" if event.origin.match == "exact" else "nearly the same request"
    return f"Answered with the {event.stage} of an earlier job ({event.provider}, {event.model}) for {alike}: free."


def _scored(event: e.ClipScored) -> str:
    verdict = "fit for delivery" if event.scores.passed else "not fit for delivery"
    return f"The {event.stage} of {event.provider} scored {event.scores.aggregate:.2f}: {verdict}."


def _promoted(event: e.JobPromoted) -> str:
    return event.promotion.reason or f"Promoted to {event.promotion.provider} ({event.promotion.model})."


def _reviewed(event: e.ReviewDecided) -> str:
    return f"{'Approved' if event.approved else 'Refused'} by {event.reviewer}."


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


SENTENCES: dict[type[Event], Callable[[Any], str]] = {
    e.JobRequested: lambda x: "Requested over HTTP." if x.source == "http" else "Requested on the bus.",
    e.JobCancelRequested: lambda _: "Asked to stop.",
    e.PromptCompiled: _compiled,
    e.ClipRequested: _ordered,
    e.ClipWithdrawn: lambda x: f"The {x.stage} at {x.provider} is no longer needed.",
    e.ProviderSubmitted: lambda x: f"{x.provider} accepted the {x.stage}.",
    e.ClipReady: lambda x: f"{x.provider} delivered the {x.stage}; stored.",
    e.ClipReused: _reused,
    e.ClipFailed: lambda x: x.message,
    e.ClipSettled: lambda x: x.reason,
    e.ClipScored: _scored,
    e.JobPromoted: _promoted,
    e.ReviewRequested: lambda _: "A person must approve the clip.",
    e.ReviewDecided: _reviewed,
    e.FeedbackGiven: lambda x: f"Rated {x.rating} of 5 by {x.author}.",
    e.PreviewReady: lambda x: f"Previews of the {x.stage} are ready.",
    e.JobCompleted: lambda _: "Ready.",
    e.JobFailed: lambda x: x.message,
    e.JobCancelled: lambda _: "Stopped.",
    AssetFinalized: lambda _: "The clip and its rights record are kept.",
    AssetDeleted: lambda _: "The clip's file was deleted on request.",
    JobArchived: lambda _: "Its facts were archived.",
}
"""One sentence for every type of event; a test holds it against the contracts."""
