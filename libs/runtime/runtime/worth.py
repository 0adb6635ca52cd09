"""What a candidate is worth: quality against money and time, as one step of a search for a good clip. Pure.

The router ranks candidates by `utility_of`, the gateway estimates with it; why it is what it is:
docs/decisions/0028-finals-are-searched-for.md.
"""

import math
from functools import lru_cache
from statistics import NormalDist

from dailies_contracts import PromotionClass, Quality, Stage

from runtime.routing_policy import Policy

STANDARD = NormalDist()
MIN_SHARE = 0.01
"""Of a model's clips that come, or pass: models with fewer than these are not told apart."""
MAX_NEWTON_STEPS = 50
NEWTON_TOLERANCE = 1e-6


def price_of(
    policy: Policy, *, quality: Quality, stage: Stage, cost_usd_micros: int, latency_s: float, success: float = 1.0
) -> float:
    """Give what money and time of a clip that comes are worth in units of the score.

    One that fails has to be asked for again, here or elsewhere, so the price rises as the chance of success falls.
    """
    is_premium = quality == "premium" and stage == "final"
    weight = policy.premium_cost_weight_per_usd if is_premium else policy.cost_weight_per_usd
    price = weight * cost_usd_micros / 1e6 + policy.latency_weight_per_s * latency_s
    return price / max(MIN_SHARE, success)


def utility_of(
    policy: Policy,
    *,
    quality: Quality,
    stage: Stage,
    score: float,
    price: float,
    how: PromotionClass = "fresh",
    scatter: float | None = None,
) -> float:
    """Say what a candidate is worth, in units of the score.

    Args:
        policy: Weights.
        quality: That was asked for.
        stage: What the clip is for.
        score: Expected or drawn, with what a draft lifts it by.
        price: Of a clip that comes.
        how: How a final would carry its draft over.
        scatter: Of the model's clips, as a standard deviation; the catalogue's where nothing was learned.
    """
    if stage == "final":
        sd = policy.learning.quality_sd if scatter is None else scatter
        return search_index(score, own_sd(sd, how, policy), price=price)
    return score - price if quality == "draft" else _as_step(score, price, policy)


def own_sd(scatter: float, how: PromotionClass, policy: Policy) -> float:
    """Give what is left of a model's scatter to a final: what it shares with its draft is known by then."""
    keep = float(getattr(policy.carry, how))
    return scatter * math.sqrt(1 - keep * keep)


def expected_gain(mean: float, sd: float, best: float) -> float:
    """Give by how much one more draw can be expected to beat the best so far."""
    z = (best - mean) / sd
    return sd * (STANDARD.pdf(z) - z * (1 - STANDARD.cdf(z)))


def search_index(mean: float, sd: float, *, price: float) -> float:
    """Give the best so far up to which one more draw at a price is worth it; above it nobody should go on.

    It is also what a search with repeated draws comes to, prices deducted: `mean - price` where the price allows no
    second draw, more where one may draw again.

    Args:
        mean: Expected score.
        sd: Scatter, >= 0.
        price: Of one draw, in units of the score.

    Source: Weitzman 1979, Optimal search for the best alternative.
    """
    if sd <= 0 or price <= 0:
        return mean - price
    return mean + sd * _level_of(round(price / sd, 4))


@lru_cache(maxsize=16_384)
def _level_of(price: float) -> float:
    """Solve `expected_gain(0, 1, level) == price`; Newton's method comes from the left and never overshoots."""
    level = -price
    for _ in range(MAX_NEWTON_STEPS):
        step = (expected_gain(0.0, 1.0, level) - price) / max(NEWTON_TOLERANCE, 1 - STANDARD.cdf(level))
        level += step
        if step < NEWTON_TOLERANCE:
            break
    return level


def _as_step(score: float, price: float, policy: Policy) -> float:
    """Give what a draft is worth that is only a step to a final: the luck it may pass on, less its price.

    How good its model usually is does not carry over; it says how many drafts one that passes takes.
    """
    sd = policy.learning.quality_sd
    share = 1 - STANDARD.cdf((policy.draft_pass_threshold - score) / sd)
    return policy.carry.anchored * sd - price / max(MIN_SHARE, share)
