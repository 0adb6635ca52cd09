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
    Cause,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipReused,
    ClipScored,
    ClipSettled,
    ClipWithdrawn,
    DraftPlan,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobFailed,
    JobPromoted,
    JobRequested,
    Origin,
    PromptCompiled,
    ProviderSubmitted,
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
        cause: Why it was ordered.
        is_rewritten: It was ordered in the softer words.
        is_anchored: It starts from a draft's first frame.
        seed: Sent to the vendor.
        is_submitted: The vendor has accepted it.
        is_withdrawn: Nobody waits for it any more.
        charged_usd_micros: What it cost, scoring included; final unless `unknown`.
        scoring_usd_micros: What of it the scoring cost.
        origin: Where it comes from; None: it is rendered for this job.
    """

    clip_id: str
    stage: Stage
    provider: str
    model: str
    status: Status
    quote_usd_micros: int
    ordered_at: datetime
    cause: Cause = "planned"
    is_rewritten: bool = False
    is_anchored: bool = False
    seed: int | None = None
    is_submitted: bool = False
    is_withdrawn: bool = False
    charged_usd_micros: int = 0
    scoring_usd_micros: int = 0
    failure: ClipFailed | None = None
    scores: Scores | None = None
    asset: AssetRef | None = None
    first_frame: AssetRef | None = None
    origin: Origin | None = None

    @property
    def is_pending(self) -> bool:
        """Still to be rendered or scored."""
        return self.status in ("open", "ready") and not self.is_withdrawn

    @property
    def score(self) -> float:
        """Aggregate score, [0, 1]; 0 where it has none."""
        return self.scores.aggregate if self.scores else 0.0


Clips = dict[str, Clip]


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """What every phase knows. `Phase` itself is a job that nobody requested yet.

    Attributes:
        clips: Every clip that was ordered, by id, in the order of the log.
        plan: What the job set out to do; None until its first clip is ordered.
    """

    clips: Clips = {}
    plan: DraftPlan | None = None


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
        case ClipRequested(), _:
            plan = state.plan or (event.decision.plan if event.decision else None)
            return msgspec.structs.replace(state, clips=evolve_clips(state.clips, event), plan=plan)
        case (
            ClipWithdrawn()
            | ProviderSubmitted()
            | ClipReady()
            | ClipReused()
            | ClipFailed()
            | ClipScored()
            | ClipSettled(),
            _,
        ):
            return msgspec.structs.replace(state, clips=evolve_clips(state.clips, event))
        case JobRequested(), Phase() if type(state) is Phase:
            return Requested(job=event, clips=state.clips, plan=state.plan)
        case _, Ended():
            return state
        case JobCompleted() | JobFailed() | JobCancelled(), _:
            outcome = _OUTCOMES[type(event)]
            return Ended(outcome=outcome, tenant_id=event.tenant_id, clips=state.clips, plan=state.plan)
        case JobCancelRequested(), Requested():
            return Cancelling(job=state.job, clips=state.clips, plan=state.plan)
        case _, Cancelling():
            return state
        case PromptCompiled(), Requested() if type(state) is Requested:
            return Drafting(job=state.job, clips=state.clips, plan=state.plan, compiled=event)
        case JobPromoted(), Drafting() if type(state) is Drafting:
            return _promoted(state, event)
        case ReviewRequested(), Drafting():
            return _reviewing(state, event)
        case ReviewDecided(), Reviewing() if event.clip_id == state.clip_id:
            return msgspec.structs.replace(state, decision=event)
        case _:
            return state


def _promoted(state: Drafting, event: JobPromoted) -> "Finalizing":
    plan = state.plan or event.promotion.plan
    return Finalizing(job=state.job, clips=state.clips, plan=plan, compiled=state.compiled, promoted=event)


def _reviewing(state: Drafting, event: ReviewRequested) -> "Reviewing":
    return Reviewing(
        job=state.job,
        clips=state.clips,
        plan=state.plan,
        compiled=state.compiled,
        clip_id=event.clip_id,
        promoted=state.promoted if isinstance(state, Finalizing) else None,
    )


_OUTCOMES: dict[type, Literal["ready", "failed", "cancelled"]] = {
    JobCompleted: "ready",
    JobFailed: "failed",
    JobCancelled: "cancelled",
}

ClipNews = ClipWithdrawn | ProviderSubmitted | ClipReady | ClipFailed | ClipScored | ClipSettled
ClipFact = ClipRequested | ClipReused | ClipNews


def evolve_clips(clips: Clips, event: ClipFact) -> Clips:
    """Apply one fact about a clip; facts about clips that nobody ordered change nothing."""
    clip = clips.get(event.clip_id)
    if isinstance(event, ClipReused):
        return clips if clip is not None else clips | {event.clip_id: _reused(event)}
    if isinstance(event, ClipRequested):
        if clip is not None:
            return clips
        return clips | {event.clip_id: _ordered(event, clips.get(event.draft_clip_id or ""))}
    return clips if clip is None else clips | {event.clip_id: _evolve_clip(clip, event)}


def _reused(event: ClipReused) -> Clip:
    """Take an earlier clip: scored already, and free."""
    return Clip(
        clip_id=event.clip_id,
        stage=event.stage,
        provider=event.provider,
        model=event.model,
        status="scored",
        quote_usd_micros=0,
        ordered_at=event.occurred_at,
        seed=event.seed,
        scores=event.scores,
        asset=event.asset,
        origin=event.origin,
    )


def _ordered(event: ClipRequested, draft: Clip | None) -> Clip:
    return Clip(
        clip_id=event.clip_id,
        stage=event.stage,
        provider=event.provider,
        model=event.model,
        status="open",
        quote_usd_micros=event.quote_usd_micros,
        ordered_at=event.occurred_at,
        cause=event.decision.cause if event.decision else "planned",
        is_rewritten=event.rewritten,
        is_anchored=draft is not None and draft.first_frame is not None and event.first_frame == draft.first_frame,
        seed=event.seed,
    )


def _evolve_clip(clip: Clip, event: ClipNews) -> Clip:
    replace = msgspec.structs.replace
    match event, clip.status:
        case ClipWithdrawn(), "open":
            return replace(clip, is_withdrawn=True)
        case ProviderSubmitted(), _:
            return replace(clip, is_submitted=True)
        case ClipReady(), "open":
            came = replace(clip, status="ready", charged_usd_micros=event.cost_usd_micros)
            return replace(came, asset=event.asset, first_frame=event.first_frame)
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
