"""The numbers of the catalogue that decisions follow: attempts, weights, breakers, learning, plans and use cases.

The comments in `catalog.toml` say what each is for; the router's `domain` uses them.
"""

from typing import Annotated, Literal

import msgspec
from dailies_contracts import ReuseMode
from msgspec import Meta

Grade = Literal["economy", "standard", "premium"]
"""What a model's finals are worth, from plain to fit for advertising: the vendor's tier in a tenant's eyes."""
GRADES: tuple[Grade, ...] = ("economy", "standard", "premium")


class Carry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of a draft's luck its final keeps, by promotion class, [0, 1]."""

    exact: float
    anchored: float
    fresh: float


class Learning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How quality is learned.

    Attributes:
        quality_sd: How much the scores of one model scatter from clip to clip.
        prior_scores: The catalogue's figure counts as much as so many scores of a model.
        scatter_scores: `quality_sd` counts as much as so many scores of a model, and a model's scatter of one class.
        class_scores: What is known of a model counts as much as so many scores of one prompt class.
        final_exploration: How far the sampler strays from what is believed of a final, as a share of what is not known.
        memory: Each score counts for so much of the one after it, (0, 1).
        memory_h: A score counts half after so long.
        feedback_weight: A person's rating counts as much as so many scores.
    """

    quality_sd: float
    prior_scores: float
    class_scores: float
    scatter_scores: float = 3.0
    final_exploration: float
    memory: float
    memory_h: float
    feedback_weight: float


class Breaker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a model is left alone.

    Attributes:
        min_failures: So many failures in a row open it.
        failure_share: So do fewer in a row, where this share of the recent clips failed.
        recent_s: What counts as recent.
        cooldown_s: How long it stays open after the failure that opened it; twice as long after each failed try.
        max_cooldown_s: Never longer than this.
    """

    min_failures: int
    failure_share: float
    recent_s: float
    cooldown_s: float
    max_cooldown_s: float


class Reuse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an earlier clip answers a request.

    Attributes:
        default: For requests and tenants that do not say: never, equal requests, or nearly equal ones too.
        similarity: Nearly equal requests share so much of the words in their order, by MinHash.
        min_score: A clip that scored lower is rendered anew.
        keep_days: A clip answers for so long after its job was ready.
    """

    default: ReuseMode = "near"
    similarity: Annotated[float, Meta(gt=0, le=1)] = 0.9
    min_score: Annotated[float, Meta(ge=0, le=1)] = 0.6
    keep_days: Annotated[int, Meta(ge=1, le=3_650)] = 30


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers of the routing policy; the comments in `catalog.toml` say what each is."""

    draft_count: int
    draft_pass_threshold: float
    min_price_ratio: float
    cost_weight_per_usd: float
    draft_cost_weight_per_usd: float
    latency_weight_per_s: float
    max_attempts_per_stage: int
    max_attempts_per_job: int
    max_retry_cost_ratio: float
    max_tenant_retry_ratio: float
    max_hedges_per_stage: int
    late_factor: float
    min_score_drop: float
    premium_cost_weight_per_usd: float
    premium_grades: tuple[Grade, ...]
    rewrite_after_refusal: bool
    reroute_after_refusal: bool
    rewrite_penalty: float
    clip_deadline_s: int
    job_deadline_s: int
    scoring_cost_usd_micros: int
    carry: Carry
    learning: Learning
    breaker: Breaker
    reuse: Reuse = Reuse()


class TenantPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tenant of a plan may use.

    Attributes:
        name: As in the tenant's settings.
        grades: Models of these grades only.
    """

    name: str
    grades: tuple[Grade, ...]


class UseCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a video is for, and what its final must be worth.

    Attributes:
        name: As in the request.
        grades: Models of these grades render the final; lower ones only where the request allows it.
    """

    name: str
    grades: tuple[Grade, ...]
