"""Every event of the pipeline, version 1, in the order a job meets them.

A compatible change is a new field with a default. Anything else is a new version beside the old one, with a
pure upcaster. The golden files freeze what is on the wire.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from dailies_contracts.base import AssetRef, ClipEvent, Event, FailureKind, PromotionClass, Timestamp, Token
from dailies_contracts.keeping_events import AssetDeleted, AssetFinalized, JobArchived
from dailies_contracts.request import VideoRequest
from dailies_contracts.values import (
    Ask,
    ClipDecision,
    CompiledPrompt,
    CostEstimate,
    MediaFacts,
    Origin,
    Promotion,
    Scores,
    Unsuitable,
)


class JobRequested(Event, frozen=True, kw_only=True, tag="JobRequested"):
    """A client asked for a video, over HTTP or straight on the bus.

    Attributes:
        request: What is asked for.
        request_sha256: Digest of the request as the gateway received it: tells a repeated idempotency key
            with another body. Empty when published on the bus.
        source: Who published it.
        estimate: What the gateway said that it would cost; None where it could not say.
        batch_id: The batch that it belongs to; empty where it was asked for alone.
    """

    FACT: ClassVar[str] = "job_requested"
    request: VideoRequest
    request_sha256: str = ""
    source: Literal["http", "bus"] = "bus"
    estimate: CostEstimate | None = None
    batch_id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{0,80}$")] = ""


class JobCancelRequested(Event, frozen=True, kw_only=True, tag="JobCancelRequested"):
    """A client asked to stop a job."""

    FACT: ClassVar[str] = "job_cancel_requested"
    reason: str = ""


class PromptCompiled(Event, frozen=True, kw_only=True, tag="PromptCompiled"):
    """The request became one prompt per vendor and model that can serve it.

    Attributes:
        compiler_version: Same request and version: same bytes.
        fingerprint: Hex digest over request and compiled prompts.
        prompt_class: Coarse kind of prompt that quality is learned by, for example `object.static`.
        prompts: One per candidate, in catalogue order.
        unsuitable: Models that cannot serve the request, with the reason.
        warnings: What was filled in, shortened or could not be expressed, in words.
    """

    FACT: ClassVar[str] = "prompt_compiled"
    compiler_version: str
    fingerprint: str
    prompt_class: str
    prompts: tuple[CompiledPrompt, ...]
    unsuitable: tuple[Unsuitable, ...] = ()
    warnings: tuple[str, ...] = ()


class ClipRequested(ClipEvent, frozen=True, kw_only=True, tag="ClipRequested"):
    """The router ordered one clip from one vendor; the hold on the budget is taken.

    Attributes:
        attempt: Counted from 1 over the job's clips of this stage; names the clip.
        prompt: The compiled prompt, whole, so that the worker needs nothing else.
        quote_usd_micros: Amount held for this clip.
        deadline_at: The worker gives the vendor's task up after this time.
        seed: Seed to send, where the vendor takes one.
        first_frame: The draft's frame that anchors a final.
        draft_clip_id: The draft that a final carries over.
        decision: Why this vendor, with every candidate.
        priority: A clip of a batch lets those of single jobs go first.
        rewritten: `prompt` is the softer wording, because a vendor refused the first.
        sample_of: The clip that leads the vendor request which this one shares; None: it has a request of its own.
            The clips of one request are written all or none, the leading one last.
        sample: Its place among the clips of a shared request; the leading one has 0.
    """

    FACT: ClassVar[str] = "clip_requested"
    attempt: int
    prompt: CompiledPrompt
    quote_usd_micros: int
    deadline_at: Timestamp
    seed: int | None = None
    first_frame: AssetRef | None = None
    draft_clip_id: str | None = None
    decision: ClipDecision | None = None
    priority: Literal["interactive", "batch"] = "interactive"
    rewritten: bool = False
    sample_of: Token | None = None
    sample: int = 0


class ClipWithdrawn(ClipEvent, frozen=True, kw_only=True, tag="ClipWithdrawn"):
    """The router no longer wants a clip: it ends without being submitted, where that has not happened yet."""

    FACT: ClassVar[str] = "clip_withdrawn"
    reason: str = ""


class ProviderSubmitted(ClipEvent, frozen=True, kw_only=True, tag="ProviderSubmitted"):
    """The vendor accepted the clip: from here on it may bill.

    Attributes:
        provider_task_id: The vendor's id of the task.
        reference: Our id as the vendor keeps it (for example Kling's `external_task_id`), empty where it keeps none.
        found: The task was looked up after an unknown outcome, not returned by the submit.
        sample: Which of the task's clips it is, counted from 0, where several were ordered with one request.
    """

    FACT: ClassVar[str] = "provider_submitted"
    provider_task_id: str
    reference: str = ""
    found: bool = False
    sample: int = 0


class ClipReady(ClipEvent, frozen=True, kw_only=True, tag="ClipReady"):
    """The vendor's file is stored with us.

    Attributes:
        asset: The stored file.
        media: What probing the file found.
        prompt: The text that the clip is scored against.
        negative_prompt: What must not be seen.
        cost_usd_micros: What the vendor charges for it.
        cost_source: Reported by the vendor, or computed from the catalogue.
        provider_task_id: The vendor's id of the task.
        render_ms: From submission to the vendor's success, milliseconds.
        seed: Seed used, where known.
        ask: What the clip is held against beside `prompt`.
        first_frame: Its first frame as a picture: what anchors a final to a draft.
    """

    FACT: ClassVar[str] = "clip_ready"
    asset: AssetRef
    media: MediaFacts
    prompt: str
    cost_usd_micros: int
    cost_source: Literal["vendor", "catalogue"] = "catalogue"
    negative_prompt: str = ""
    provider_task_id: str = ""
    render_ms: int = 0
    seed: int | None = None
    ask: Ask | None = None
    first_frame: AssetRef | None = None


class ClipReused(ClipEvent, frozen=True, kw_only=True, tag="ClipReused"):
    """An earlier job's clip answers this job: nothing is rendered, and nothing is paid.

    Attributes:
        origin: The clip that was rendered.
        asset: This job's own copy of its file, byte for byte.
        media: What probing the file found.
        compiled: What the vendor was sent.
        scores: What the evaluator measured when it was rendered.
        seed: Seed used, where known.
        provider_task_id: The vendor's id of the task.
    """

    FACT: ClassVar[str] = "clip_reused"
    origin: Origin
    asset: AssetRef
    media: MediaFacts
    compiled: CompiledPrompt
    scores: Scores
    seed: int | None = None
    provider_task_id: str = ""


class ClipFailed(ClipEvent, frozen=True, kw_only=True, tag="ClipFailed"):
    """The clip will not come, or not known whether it will; the kind decides what follows.

    Attributes:
        kind: Class of the failure.
        code: Our stable dotted code.
        message: A sentence that we wrote.
        vendor_code: The vendor's own code, for people on call.
        retry_after_s: What the vendor asked us to wait.
        charged_usd_micros: What the vendor bills although no clip came.
        may_still_bill: The task may yet succeed at the vendor: the hold is kept.
        sample_of: The clip that led its request, where that failed as a whole: the vendor failed once, and the leader's
            failure says so.
    """

    FACT: ClassVar[str] = "clip_failed"
    kind: FailureKind
    code: str
    message: str
    vendor_code: str = ""
    retry_after_s: float | None = None
    charged_usd_micros: int = 0
    may_still_bill: bool = False
    sample_of: Token | None = None


class ClipSettled(ClipEvent, frozen=True, kw_only=True, tag="ClipSettled"):
    """What became of a clip after we had given it up: ends a hold kept while the outcome was unknown.

    Attributes:
        charged_usd_micros: The vendor's final charge, 0 where it billed nothing.
        reason: What was found out, a sentence that we wrote.
        asset: The late clip, where one came.
    """

    FACT: ClassVar[str] = "clip_settled"
    charged_usd_micros: int
    reason: str
    asset: AssetRef | None = None


class ClipScored(ClipEvent, frozen=True, kw_only=True, tag="ClipScored"):
    """The evaluator judged the clip.

    Attributes:
        scores: Raw values, models and the aggregate.
        scoring_cost_usd_micros: What the scoring itself cost.
    """

    FACT: ClassVar[str] = "clip_scored"
    scores: Scores
    scoring_cost_usd_micros: int = 0


class JobPromoted(Event, frozen=True, kw_only=True, tag="JobPromoted"):
    """The best draft goes on to a final render.

    Attributes:
        draft_clip_id: The winner; empty where drafts were skipped.
        promotion: How the final carries the draft over, and why it won.
    """

    FACT: ClassVar[str] = "job_promoted"
    draft_clip_id: str
    promotion: Promotion


class ReviewRequested(Event, frozen=True, kw_only=True, tag="ReviewRequested"):
    """A person must approve the clip before the job is ready."""

    FACT: ClassVar[str] = "review_requested"
    TOKENS: ClassVar[tuple[str, ...]] = ("clip_id",)
    clip_id: Token
    reason: str = ""


class ReviewDecided(Event, frozen=True, kw_only=True, tag="ReviewDecided"):
    """A person approved or refused the clip."""

    FACT: ClassVar[str] = "review_decided"
    TOKENS: ClassVar[tuple[str, ...]] = ("clip_id",)
    clip_id: Token
    approved: bool
    reviewer: str
    note: str = ""


class FeedbackGiven(Event, frozen=True, kw_only=True, tag="FeedbackGiven"):
    """A person rated a clip; one fact per person and clip.

    Attributes:
        rating: 1 (bad) to 5 (good).
        author: One subject token, unique per person within the tenant.
    """

    FACT: ClassVar[str] = "feedback_given"
    TOKENS: ClassVar[tuple[str, ...]] = ("clip_id", "author")
    clip_id: Token
    author: Token
    rating: Literal[1, 2, 3, 4, 5]
    note: str = ""


class PreviewReady(ClipEvent, frozen=True, kw_only=True, tag="PreviewReady"):
    """Derivatives of a clip are stored: poster, preview, contact sheet; of a final also share pictures and crops.

    Attributes:
        assets: By name, for example `poster`; empty where none could be made.
        problem: Why none could be made, our stable dotted code, for example `clip.truncated`.
        expires_at: When the clip's files expire unless it is delivered; None: they stay.
    """

    FACT: ClassVar[str] = "preview_ready"
    assets: dict[str, AssetRef]
    problem: str = ""
    expires_at: Timestamp | None = None


class JobCompleted(Event, frozen=True, kw_only=True, tag="JobCompleted"):
    """The job is ready: terminal.

    Attributes:
        clip_id: The clip that is delivered.
        asset: Its stored file.
        cost_usd_micros: Settled clips plus scoring so far; clips still unknown are not in it.
        estimate_usd_micros: What the plan estimated at the start.
        all_premium_usd_micros: What as many clips would have cost, all of them at the best model that may serve.
        promotion_class: How the draft was carried over; None where the draft itself is delivered.
        draft_score: Aggregate of the winning draft, [0, 1].
        final_score: Aggregate of the delivered clip, [0, 1].
        reasons: Why this clip, in words.
        origin: Where the clip comes from; None: it was rendered for this job.
    """

    FACT: ClassVar[str] = "job_completed"
    clip_id: str
    asset: AssetRef
    cost_usd_micros: int
    estimate_usd_micros: int = 0
    all_premium_usd_micros: int = 0
    promotion_class: PromotionClass | None = None
    draft_score: float | None = None
    final_score: float | None = None
    reasons: tuple[str, ...] = ()
    origin: Origin | None = None


class JobFailed(Event, frozen=True, kw_only=True, tag="JobFailed"):
    """No clip will come of the job: terminal.

    Attributes:
        code: Our stable dotted code, for example `job.budget_exhausted`.
        message: A sentence that says what to do.
        cost_usd_micros: What it cost nevertheless.
        reason: What exactly within the code, normalised: of `prompt.refused` the policy category, for example
            `weapons_instructions`.
    """

    FACT: ClassVar[str] = "job_failed"
    code: str
    message: str
    cost_usd_micros: int = 0
    reason: str = ""


class JobCancelled(Event, frozen=True, kw_only=True, tag="JobCancelled"):
    """The job was stopped on request: terminal."""

    FACT: ClassVar[str] = "job_cancelled"
    cost_usd_micros: int = 0


AnyEvent = (
    JobRequested
    | JobCancelRequested
    | PromptCompiled
    | ClipRequested
    | ClipWithdrawn
    | ProviderSubmitted
    | ClipReady
    | ClipReused
    | ClipFailed
    | ClipSettled
    | ClipScored
    | JobPromoted
    | ReviewRequested
    | ReviewDecided
    | FeedbackGiven
    | PreviewReady
    | JobCompleted
    | JobFailed
    | JobCancelled
    | AssetFinalized
    | AssetDeleted
    | JobArchived
)
StoredClip = ClipReady | ClipReused
"""A fact that tells of a clip's file."""
TERMINAL_EVENTS = (JobCompleted, JobFailed, JobCancelled)
EVENT_TYPES: tuple[type[Event], ...] = AnyEvent.__args__
