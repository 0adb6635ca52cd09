"""From a classifier's probabilities per frame to one safety score.

A prefilter for sexual content only: it says nothing about violence, hate or whether a real person is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.domain.errors import InvalidClip

SAFE_AT = 0.95
"""Clips below this safety score are worth nothing: the limit that the aggregate is defined with."""
SAFE_BELOW = 0.2
UNSAFE_FROM = 0.8
"""Yahoo's own bands for the model's probability: below 0.2 is safe, above 0.8 is not, between the two a person should
look. So exactly their safe band passes. Clean drawings measure 0.00 to 0.09, a flat skin tone 0.21."""
SAFETIES = (1.0, SAFE_AT, 0.05, 0.0)


@dataclass(frozen=True, slots=True)
class SafetyParts:
    """The classifier's probability of unsafe content: the worst frame decides, the mean tells a blip from a theme.

    Attributes:
        unsafe_max: Largest probability over the frames, [0, 1].
        unsafe_mean: Mean probability over the frames, [0, 1].
    """

    unsafe_max: float
    unsafe_mean: float


def fold_safety(unsafe: Sequence[float]) -> SafetyParts:
    """Fold the probabilities of the sampled frames.

    Raises:
        InvalidClip: No frame was looked at: then nothing is known to be safe.
    """
    if not len(unsafe):
        raise InvalidClip("clip.too_few_frames", "no frame was checked for safety")
    return SafetyParts(unsafe_max=float(np.max(unsafe)), unsafe_mean=float(np.mean(unsafe)))


def score_safety(parts: SafetyParts, *, safe_below: float = SAFE_BELOW) -> float:
    """Map the worst frame to safety, piecewise linear through the bands.

    Args:
        parts: What the classifier said.
        safe_below: Probability that still passes, in (0, 0.8).

    Returns:
        Safety in [0, 1], 1 is harmless; 0.95 at `safe_below`.
    """
    return float(np.interp(parts.unsafe_max, (0.0, safe_below, UNSAFE_FROM, 1.0), SAFETIES))


def calibration_id(safe_below: float = SAFE_BELOW) -> str:
    """Name the map above for the score's record."""
    return f"bands-{safe_below:g}-{UNSAFE_FROM:g}"
