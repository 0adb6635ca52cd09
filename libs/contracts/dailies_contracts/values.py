"""Value types inside events: compiled prompts, decisions, media facts and scores."""

from typing import Literal

from dailies_contracts.base import AspectRatio, AssetRef, PromotionClass, Resolution, Timestamp, Value
from dailies_contracts.request import Beat


class Ask(Value, frozen=True, kw_only=True):
    """What was ordered of a clip beside what it shows: the evaluator holds the clip against it.

    Attributes:
        camera: Canonical moves in order, for example `dolly_in` or `static`; empty where none was asked for.
        moves: What moves most: `static` (hardly anything), `camera` alone, or the subject (`action`).
        beats: What the client wants to see when, in seconds of the clip.
        negative: What must not be seen, the client's own exclusions first.
        duration_s: Length ordered.
        aspect_ratio: Shape ordered.
        resolution: Lines ordered of the shorter side.
        audio: Sound ordered.
    """

    camera: tuple[str, ...] = ()
    moves: Literal["", "static", "camera", "action"] = ""
    beats: tuple[Beat, ...] = ()
    negative: tuple[str, ...] = ()
    duration_s: float | None = None
    aspect_ratio: AspectRatio | None = None
    resolution: Resolution | None = None
    audio: bool = False


Cause = Literal["planned", "retry", "fallback", "rewrite", "hedge", "promotion"]
"""Why a clip was ordered: by the plan, again, elsewhere, in softer words, beside a late one, or as the final."""


class CompiledPrompt(Value, frozen=True, kw_only=True):
    """One request in the words and parameters of one vendor's model.

    Attributes:
        provider: Vendor, as in the catalogue.
        model: Model, as in the catalogue.
        prompt: Text to send.
        negative_prompt: Sent where the vendor takes one; otherwise already written into `prompt`.
        score_prompt: What the clip is scored against: the request without vendor dialect.
        duration_s: The vendor's own step at or above what was asked; the quote uses it.
        aspect_ratio: Sent to the vendor.
        resolution: Sent to the vendor.
        audio: Sound requested from the vendor.
        camera: Native camera control by name, empty where the prompt carries it.
        parameters: Further vendor parameters by their wire name.
        warnings: What this vendor cannot express, in words.
        ask: What the clip is held against beside `score_prompt`.
        softer_prompt: The same in words that fewer content filters stumble over, sent after a refusal; empty where
            there is nothing to soften.
        last_frame: The request's image that the clip ends with, where it asks for one.
        references: The request's images that this model is to show.
    """

    provider: str
    model: str
    prompt: str
    score_prompt: str
    duration_s: int
    aspect_ratio: AspectRatio
    resolution: Resolution
    negative_prompt: str = ""
    audio: bool = False
    camera: str = ""
    parameters: dict[str, str | int | float | bool] = {}
    warnings: tuple[str, ...] = ()
    ask: Ask | None = None
    softer_prompt: str = ""
    last_frame: AssetRef | None = None
    references: tuple[AssetRef, ...] = ()


class Unsuitable(Value, frozen=True, kw_only=True):
    """A model that cannot serve the request, and why."""

    provider: str
    model: str
    code: str
    reason: str


class Candidate(Value, frozen=True, kw_only=True):
    """One vendor and model as the router weighed it.

    Attributes:
        cost_usd_micros: Quote for this clip.
        quality: Expected aggregate score, [0, 1].
        latency_s: Expected time to the clip, waiting for a slot included.
        utility: drawn * success - lambda * cost - mu * latency.
        passed_over: Why it was not taken; empty for the chosen one.
        drawn: Quality as the sampler drew it from what is believed of this candidate; None: the expected one counts.
        success: Probability that a clip comes at all, neither failed nor refused.
        n_observed: How many recent scores the belief rests on, older ones counting less.
        note: What is special about it, for example that it is being tried again after an outage.
    """

    provider: str
    model: str
    cost_usd_micros: int
    quality: float
    latency_s: float
    utility: float
    passed_over: str = ""
    drawn: float | None = None
    success: float = 1.0
    n_observed: float = 0.0
    note: str = ""


class DraftPlan(Value, frozen=True, kw_only=True):
    """What a job is to do, decided once, when its first clip is ordered.

    Attributes:
        n_drafts: Good drafts wanted before one is promoted; 0: drafts are skipped.
        has_final: A draft is promoted to a final.
        estimate_usd_micros: Drafts, final and scoring, when nothing fails.
        all_premium_usd_micros: What as many clips would cost, all of them rendered by the best model that may serve.
        pass_threshold: Aggregate that a draft must reach.
        good_enough: Aggregate at which a draft is promoted without waiting for drafts that have not begun.
        promotion_class: How the final is to carry the draft over; None: no draft is promoted.
        final_provider: Vendor that the final is planned at.
        final_model: Its model.
        reason: Why so, a sentence.
        options: Utility of each number of drafts that was weighed, or why it was not possible.
    """

    n_drafts: int
    has_final: bool
    estimate_usd_micros: int
    all_premium_usd_micros: int
    pass_threshold: float
    good_enough: float
    reason: str
    promotion_class: PromotionClass | None = None
    final_provider: str = ""
    final_model: str = ""
    options: dict[str, str] = {}


class ClipDecision(Value, frozen=True, kw_only=True):
    """Why a clip was ordered where it was: every candidate in rank order, and a sentence.

    Attributes:
        reason: The sentence.
        candidates: In rank order.
        seed: What the sampler drew from.
        cause: Why it was ordered at all.
        plan: The job's plan, on the clips that carry it out.
    """

    reason: str
    candidates: tuple[Candidate, ...]
    seed: int = 0
    cause: Cause = "planned"
    plan: DraftPlan | None = None


class CostEstimate(Value, frozen=True, kw_only=True):
    """What a job will cost, micro-dollars, scoring included.

    Attributes:
        low_usd_micros: The cheapest vendors take it and nothing fails.
        expected_usd_micros: The plan that the router is expected to make, and nothing fails.
        high_usd_micros: The dearest vendors take it and nothing fails.
    """

    low_usd_micros: int
    expected_usd_micros: int
    high_usd_micros: int


class Promotion(Value, frozen=True, kw_only=True):
    """How a draft becomes the final.

    Attributes:
        promotion_class: exact, anchored or fresh.
        provider: Vendor of the final.
        model: Model of the final.
        reason: Why this draft won, a sentence.
        draft_scores: Aggregate of every scored draft by clip id, [0, 1].
        threshold: Aggregate that a draft had to reach.
        candidates: Who could have rendered the final, in rank order.
        seed: What the sampler drew from.
        plan: The job's plan.
    """

    promotion_class: PromotionClass
    provider: str
    model: str
    reason: str
    draft_scores: dict[str, float] = {}
    threshold: float = 0.0
    candidates: tuple[Candidate, ...] = ()
    seed: int = 0
    plan: DraftPlan | None = None


class Origin(Value, frozen=True, kw_only=True):
    """Where a clip comes from that was not rendered for its job.

    Attributes:
        job_id: The job that it was rendered for.
        clip_id: The clip there.
        match: The two requests are equal (`exact`), or say the same in nearly the same words (`near`).
        similarity: How much of the words they share, (0, 1].
        fingerprint: Of the request and prompts that it was rendered from.
        rendered_at: When its file came.
        cost_usd_micros: What that job cost.
        shared: That job belongs to another tenant; both let their clips be shared.
    """

    job_id: str
    clip_id: str
    match: Literal["exact", "near"]
    fingerprint: str
    rendered_at: Timestamp
    similarity: float = 1.0
    cost_usd_micros: int = 0
    shared: bool = False


class MediaFacts(Value, frozen=True, kw_only=True):
    """What probing a stored clip found."""

    duration_s: float
    width_px: int
    height_px: int
    fps: float
    video_codec: str
    has_audio: bool = False


class Scores(Value, frozen=True, kw_only=True):
    """What the evaluator measured of one clip. All but `raw` in [0, 1], higher is better.

    Attributes:
        alignment: Does it show what was asked for; None where no model can tell (out of vocabulary).
        motion: Temporal consistency.
        aesthetic: Picture quality; `models["aesthetic"]` names what measured it.
        safety: 1 is harmless.
        aggregate: 0 where safety < 0.95, else 0.35 alignment + 0.25 motion + 0.25 aesthetic + 0.15 safety.
        passed: Fit for delivery.
        reasons: The verdict in words.
        flags: Stable codes, for example `out_of_vocabulary`, `flicker`, `invalid_clip`.
        raw: Every measured part by its dotted name.
        models: Model id and version by metric.
        scorer_version: Version of the code and thresholds.
    """

    motion: float
    safety: float
    aggregate: float
    passed: bool
    scorer_version: str
    alignment: float | None = None
    aesthetic: float | None = None
    reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    raw: dict[str, float] = {}
    models: dict[str, str] = {}
