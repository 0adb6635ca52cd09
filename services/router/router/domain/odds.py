"""The arithmetic of draws: what the best of several clips is expected to score. Pure; scores are taken as normal."""

import math
from functools import lru_cache
from typing import NamedTuple

from runtime.worth import STANDARD, expected_gain

BEST_OF = (0.0, 0.0, 0.5642, 0.8463, 1.0294, 1.1630, 1.2672)
"""Expected maximum of n standard normal draws (Harter 1961, table 1), n from 0."""


class Passing(NamedTuple):
    """What is left of a model's clips above a threshold.

    Attributes:
        share: How many pass, (0, 1].
        gain: How much better than all of them the passing ones are on average.
        sd: Their scatter.
    """

    share: float
    gain: float
    sd: float


@lru_cache(maxsize=4_096)
def passing(mean: float, sd: float, threshold: float) -> Passing:
    """Cut a normal distribution off below a threshold.

    Args:
        mean: Expected score.
        sd: Scatter, > 0.
        threshold: Clips below it are not used.
    """
    z = (threshold - mean) / sd
    share = max(1e-3, 1 - STANDARD.cdf(z))
    hazard = STANDARD.pdf(z) / share
    variance = max(0.05, 1 + z * hazard - hazard**2)
    return Passing(share, sd * hazard, sd * math.sqrt(variance))


def best_of(n: int) -> float:
    """Give the expected maximum of n standard normal draws."""
    return BEST_OF[min(n, len(BEST_OF) - 1)]


@lru_cache(maxsize=4_096)
def level_beyond(mean: float, sd: float, *, worth: float, at_most: float) -> float:
    """Give the best so far beyond which one more draw is expected to gain less than it must."""
    level = mean
    while level < at_most and expected_gain(mean, sd, level) > worth:
        level += 0.01
    return level
