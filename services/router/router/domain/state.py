"""What a job is in, folded from its history: one frozen struct per phase.

`evolve` is total and checks nothing: what cannot follow leaves the state as it is. Clips go on ending after the
job did (a vendor cannot be stopped), so every phase carries them.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import reduce
from typing import Literal

import msgspec
from dailies_contracts import (
    AnyEvent,
    AssetRef,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipScored,
    ClipSettled,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobFailed,
    JobPromoted,
    JobRequested,
    PromptCompiled,
    ReviewDecided,
    ReviewRequested,
    Scores,
    Stage,
)

Status = Literal["open", "ready", "failed", "unknown", "scored"]


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """One clip as far as it has come.

    Attributes:
        status: `unknown`: given up, but the vendor may still bill it.
        quote_usd_micros: Held for it.
        ordered_at: When its hold was taken.
        charged_usd_micros: What it cost, scoring included; final unless `unknown`.
        scoring_usd_micros: What of it the scoring cost.
    """

    clip_id: str
    stage: Stage
    provider: str
    model: str
    status: Status
    quote_usd_micros: int
    ordered_at: datetime
    charged_usd_micros: int = 0
    scoring_usd_micros: int = 0
    failure: ClipFailed | None = None
    scores: Scores | None = None
    asset: AssetRef | None = None

    @property
    def is_pending(self) -> bool:
        """Still to be rendered or scored."""
        return self.status in ("open", "ready")

    @property
    def score(self) -> float:
        """Aggregate score, [0, 1]; 0 where it has none."""
        return self.scores.aggregate if self.scores else 0.0


Clips = dict[str, Clip]


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """What every phase knows. `Phase` itself is a job that nobody requested yet."""

    clips: Clips = {}


class Requested(Phase, frozen=True, kw_only=True):
    """Accepted; the prompt is being compiled."""

    job: JobRequested


class Drafting(Requested, frozen=True, kw_only=True):
    """Prompts are compiled; drafts are ordered, rendered and scored."""

    compiled: PromptCompiled


class Finalizing(Drafting, frozen=True, kw_only=True):
    """A draft was promoted (or drafts were skipped); the final is rendered and scored."""

    promoted: JobPromoted


class Reviewing(Drafting, frozen=True, kw_only=True):
    """A person looks at the clip."""

    clip_id: str
    promoted: JobPromoted | None = None
    decision: ReviewDecided | None = None


class Cancelling(Requested, frozen=True, kw_only=True):
    """The client asked to stop."""


class Ended(Phase, frozen=True, kw_only=True):
    """Ready, failed or cancelled: never left."""

    outcome: Literal["ready", "failed", "cancelled"]
    tenant_id: str


def fold(events: Iterable[AnyEvent]) -> Phase:
    """Fold a history into the job's phase."""
    return reduce(evolve, events, Phase())


def evolve(state: Phase, event: AnyEvent) -> Phase:  # noqa: C901 (one line per event type)
    """Apply one event. Total: what cannot follow changes nothing."""
    match event, state:
        case (
            (ClipRequested() | ClipReady() | ClipFailed() | ClipScored() | ClipSettled()),
            _,
        ):
            return msgspec.structs.replace(state, clips=evolve_clips(state.clips, event))
        case JobRequested(), Phase() if type(state) is Phase:
            return Requested(job=event, clips=state.clips)
        case _, Ended():
            return state
        case JobCompleted() | JobFailed() | JobCancelled(), _:
            return Ended(outcome=_OUTCOMES[type(event)], tenant_id=event.tenant_id, clips=state.clips)
        case JobCancelRequested(), Requested():
            return Cancelling(job=state.job, clips=state.clips)
        case _, Cancelling():
            return state
        case PromptCompiled(), Requested() if type(state) is Requested:
            return Drafting(job=state.job, clips=state.clips, compiled=event)
        case JobPromoted(), Drafting() if type(state) is Drafting:
            return Finalizing(job=state.job, clips=state.clips, compiled=state.compiled, promoted=event)
        case ReviewRequested(), Drafting():
            promoted = state.promoted if isinstance(state, Finalizing) else None
            return Reviewing(
                job=state.job, clips=state.clips, compiled=state.compiled, clip_id=event.clip_id, promoted=promoted
            )
        case ReviewDecided(), Reviewing() if event.clip_id == state.clip_id:
            return msgspec.structs.replace(state, decision=event)
        case _:
            return state


_OUTCOMES: dict[type, Literal["ready", "failed", "cancelled"]] = {
    JobCompleted: "ready",
    JobFailed: "failed",
    JobCancelled: "cancelled",
}

ClipFact = ClipRequested | ClipReady | ClipFailed | ClipScored | ClipSettled


def evolve_clips(clips: Clips, event: ClipFact) -> Clips:
    """Apply one fact about a clip; facts about clips that nobody ordered change nothing."""
    clip = clips.get(event.clip_id)
    if isinstance(event, ClipRequested):
        if clip is not None:
            return clips
        return clips | {event.clip_id: _ordered(event)}
    return clips if clip is None else clips | {event.clip_id: _evolve_clip(clip, event)}


def _ordered(event: ClipRequested) -> Clip:
    return Clip(
        clip_id=event.clip_id,
        stage=event.stage,
        provider=event.provider,
        model=event.model,
        status="open",
        quote_usd_micros=event.quote_usd_micros,
        ordered_at=event.occurred_at,
    )


def _evolve_clip(clip: Clip, event: ClipReady | ClipFailed | ClipScored | ClipSettled) -> Clip:
    replace = msgspec.structs.replace
    match event, clip.status:
        case ClipReady(), "open":
            return replace(clip, status="ready", charged_usd_micros=event.cost_usd_micros, asset=event.asset)
        case ClipFailed(), "open":
            status: Status = "unknown" if event.may_still_bill else "failed"
            return replace(clip, status=status, failure=event, charged_usd_micros=event.charged_usd_micros)
        case ClipScored(), "ready":
            scoring = event.scoring_cost_usd_micros
            charged = clip.charged_usd_micros + scoring
            scored = replace(clip, status="scored", scores=event.scores, charged_usd_micros=charged)
            return replace(scored, scoring_usd_micros=scoring)
        case ClipSettled(), "unknown":
            return replace(clip, status="failed", charged_usd_micros=event.charged_usd_micros)
        case ClipSettled(), "failed" | "ready" | "scored":
            # The vendor's last word, for example a refund.
            return replace(clip, charged_usd_micros=event.charged_usd_micros + clip.scoring_usd_micros)
        case _:
            return clip


def deadline_of(job: JobRequested, default_s: int) -> datetime:
    """Give the time at which the job is over, one way or the other."""
    return job.occurred_at + timedelta(seconds=job.request.deadline_s or default_s)


def cost_usd_micros(clips: Clips) -> int:
    """Sum what is known to be charged; clips still unknown count with what is known of them."""
    return sum(clip.charged_usd_micros for clip in clips.values())


def committed_usd_micros(clips: Clips) -> int:
    """Sum what is charged or held: the most that the job may cost as it stands."""
    held = sum(clip.quote_usd_micros for clip in clips.values() if clip.status in ("open", "unknown"))
    return cost_usd_micros(clips) + held
