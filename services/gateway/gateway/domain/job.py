"""What a job looks like from outside: the types of the job view.

`GET /v1/jobs/{id}`, the documents in MongoDB and a rebuild all carry exactly these; `views` fills them.
"""

from datetime import datetime
from typing import Literal

import msgspec
from dailies_contracts import (
    Candidate,
    ClipDecision,
    CompiledPrompt,
    CostEstimate,
    DraftPlan,
    MediaFacts,
    Origin,
    PromotionClass,
    Stage,
    Unsuitable,
    VideoRequest,
)
from dailies_contracts.values import Scores

JobState = Literal["queued", "generating", "evaluating", "awaiting_review", "ready", "failed", "cancelled"]
ClipState = Literal["queued", "generating", "evaluating", "scored", "failed", "unknown"]
TERMINAL_STATES: frozenset[JobState] = frozenset({"ready", "failed", "cancelled"})


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a view: every field is always there, so that clients need not guess what absence means."""


class RequestView(VideoRequest, frozen=True, kw_only=True, omit_defaults=False):
    """What was asked for, with the defaults that applied."""


class ScoresView(Scores, frozen=True, kw_only=True, omit_defaults=False):
    """What the evaluator measured; null where it could not tell."""


class OriginView(Origin, frozen=True, kw_only=True, omit_defaults=False):
    """Where a clip comes from that was not rendered for its job."""


class TimelineEntry(Part, frozen=True, kw_only=True):
    """One fact about the job, in the order of the log.

    Attributes:
        at: When it happened.
        event: Type of the fact.
        message: What happened, a sentence.
        clip_id: The clip it is about; empty where it is about the job.
        provider: The vendor it is about; empty where there is none.
    """

    at: datetime
    event: str
    message: str
    clip_id: str = ""
    provider: str = ""


class Failure(Part, frozen=True, kw_only=True):
    """Why a job or a clip failed.

    Attributes:
        code: Our stable dotted code.
        message: A sentence that says what to do.
        reason: What exactly within the code: the kind of a clip's failure, the policy that refused a prompt.
    """

    code: str
    message: str
    reason: str = ""


class File(Part, frozen=True, kw_only=True):
    """The stored file of a clip: what it is, not where it lies."""

    sha256: str
    size_bytes: int
    media_type: str
    content_path: str


class AssetFile(Part, frozen=True, kw_only=True):
    """One stored file derived from a clip, or the clip itself (`source`, and `final` once it is signed).

    Attributes:
        path: Where a client gets it; stable, and may be cached.
    """

    sha256: str
    size_bytes: int
    media_type: str
    path: str


class Feedback(Part, frozen=True, kw_only=True):
    """A person's rating of a clip, 1 to 5."""

    author: str
    rating: int
    note: str


class ClipView(Part, frozen=True, kw_only=True):
    """One clip.

    Attributes:
        state: `unknown`: given up, but the vendor may still bill it.
        quote_usd_micros: What was held for it.
        cost_usd_micros: What it cost so far, scoring included.
        scoring_usd_micros: What of it the scoring cost.
        held_usd_micros: What is held for it now.
        why: The decision that ordered it, with every candidate.
        url: Signed address of the file, for a short time; only in answers, never stored.
        deleted: The file was deleted on request.
        asset_path: Its files, records and addresses in one answer; None until its file has come.
        assets: Every stored file by name: `source`, `poster`, `preview`, `sheet`, `final`, ….
        expires_at: When its files expire; None: they stay, or have not come.
        stored_bytes: What its files take.
        origin: The clip of an earlier job that it is a copy of; None: it is rendered for this job.
    """

    clip_id: str
    stage: Stage
    attempt: int
    provider: str
    model: str
    state: ClipState
    requested_at: datetime
    quote_usd_micros: int
    cost_usd_micros: int
    held_usd_micros: int
    scoring_usd_micros: int = 0
    ended_at: datetime | None = None
    draft_clip_id: str | None = None
    seed: int | None = None
    render_ms: int | None = None
    media: MediaFacts | None = None
    file: File | None = None
    url: str | None = None
    deleted: bool = False
    scores: ScoresView | None = None
    why: ClipDecision | None = None
    error: Failure | None = None
    previews: tuple[str, ...] = ()
    asset_path: str | None = None
    assets: dict[str, AssetFile] = {}
    expires_at: datetime | None = None
    stored_bytes: int = 0
    feedback: tuple[Feedback, ...] = ()
    origin: OriginView | None = None


class PromotionView(Part, frozen=True, kw_only=True):
    """How the winning draft became the final.

    Attributes:
        promotion_class: exact, anchored or fresh; `class` on the wire.
        draft_clip_id: The winner; empty where drafts were skipped.
        final_clip_id: The final that was ordered last; None until one is.
        draft_score: Aggregate of the winner.
        final_score: Aggregate of the final, None until it is scored.
        candidates: Who could have rendered the final, with the numbers and why the others were passed over.
        plan: What the job set out to do.
    """

    promotion_class: PromotionClass = msgspec.field(name="class")
    provider: str
    model: str
    reason: str
    threshold: float
    draft_clip_id: str
    final_clip_id: str | None
    draft_score: float | None
    final_score: float | None
    draft_scores: dict[str, float]
    candidates: tuple[Candidate, ...] = ()
    seed: int = 0
    plan: DraftPlan | None = None


class ReviewView(Part, frozen=True, kw_only=True):
    """A person's approval, asked for and given or refused.

    Attributes:
        approved: None while it is open.
    """

    clip_id: str
    reason: str
    requested_at: datetime
    approved: bool | None = None
    reviewer: str = ""
    note: str = ""
    decided_at: datetime | None = None


class Costs(Part, frozen=True, kw_only=True):
    """Money of the job, in micro-dollars.

    Attributes:
        spent_usd_micros: Settled so far, scoring included.
        held_usd_micros: Held for clips whose outcome is open.
        budget_usd_micros: The job's own limit; None: the tenant's alone.
        estimate: What the gateway said when the job was asked for; None where it could not say, or was not asked.
        estimate_usd_micros: What the router's plan estimated when it ordered the first clip; None until then.
        all_premium_usd_micros: What as many clips would have cost, all at the best model; None until then.
    """

    estimate: CostEstimate | None = None

    spent_usd_micros: int
    held_usd_micros: int
    budget_usd_micros: int | None
    estimate_usd_micros: int | None
    all_premium_usd_micros: int | None


class Prompts(Part, frozen=True, kw_only=True):
    """The request in the words of each vendor's model, and which models cannot serve it."""

    compiler_version: str
    fingerprint: str
    prompt_class: str
    compiled: tuple[CompiledPrompt, ...]
    unsuitable: tuple[Unsuitable, ...]


class JobView(Part, frozen=True, kw_only=True):
    """One job, whole.

    Attributes:
        state: Public state.
        ended_at: When it reached a terminal state.
        cancel_requested: A client asked to stop it; it may still be running.
        delivered_clip_id: The clip that is delivered.
        warnings: What was filled in, shortened or cannot be expressed.
        batch_id: The batch that it belongs to; empty where it was asked for alone.
        error: Why it failed.
        reasons: Why this clip was delivered.
        origin: The earlier clip that answered the job, at no cost; None: its clip was rendered for it.
        trace_id: The trace over every hop of the job; empty where tracing is off.
    """

    job_id: str
    tenant_id: str
    state: JobState
    requested_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    cancel_requested: bool
    source: str
    request: RequestView
    delivered_clip_id: str | None
    clips: tuple[ClipView, ...]
    promotion: PromotionView | None
    reviews: tuple[ReviewView, ...]
    prompts: Prompts | None
    warnings: tuple[str, ...]
    reasons: tuple[str, ...]
    costs: Costs
    batch_id: str = ""
    origin: OriginView | None = None
    error: Failure | None
    timeline: tuple[TimelineEntry, ...]
    trace_id: str
