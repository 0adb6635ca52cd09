"""From a classifier's probabilities per frame to one safety score.

A prefilter for sexual content only: it says nothing about violence, hate or whether a real person is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.domain.bands import SAFE_BELOW
from evaluator.domain.errors import InvalidClip

SAFE_AT = 0.95
"""Clips below this safety score are worth nothing: the limit that the aggregate is defined with."""
UNSAFE_FROM = 0.8
"""From here on Yahoo's classifier is sure, and one picture decides. Below, it changes its mind within one take (0.02,
0.57, 0.26, 0.16 for two arms that wrestle), so that only what lasts counts."""
LASTS = 3  # pictures in a row, of which most agree
SAFETIES = (1.0, SAFE_AT, 0.05, 0.0)


@dataclass(frozen=True, slots=True)
class SafetyParts:
    """The classifier's probability of unsafe content: what lasts decides, and the worst picture where it is plain.

    Attributes:
        unsafe_max: Largest probability over the frames, [0, 1].
        unsafe_mean: Mean probability over the frames, [0, 1].
        unsafe_lasting: Largest median of three neighbours, or the largest of all from 0.8 on, [0, 1].
    """

    unsafe_max: float
    unsafe_mean: float
    unsafe_lasting: float


def fold_safety(unsafe: Sequence[float]) -> SafetyParts:
    """Fold the probabilities of the sampled frames.

    Raises:
        InvalidClip: No frame was looked at: then nothing is known to be safe.
    """
    if not len(unsafe):
        raise InvalidClip("clip.too_few_frames", "no frame was checked for safety")
    worst = float(np.max(unsafe))
    lasting = worst
    if worst < UNSAFE_FROM and len(unsafe) >= LASTS:
        windows = np.lib.stride_tricks.sliding_window_view(np.asarray(unsafe, np.float64), LASTS)
        lasting = float(np.median(windows, axis=1).max())
    return SafetyParts(unsafe_max=worst, unsafe_mean=float(np.mean(unsafe)), unsafe_lasting=lasting)


def score_safety(parts: SafetyParts, *, safe_below: float = SAFE_BELOW) -> float:
    """Map what lasts to safety, piecewise linear through the bands.

    Args:
        parts: What the classifier said.
        safe_below: Probability that still passes, in (0, 0.8).

    Returns:
        Safety in [0, 1], 1 is harmless; 0.95 at `safe_below`.
    """
    return float(np.interp(parts.unsafe_lasting, (0.0, safe_below, UNSAFE_FROM, 1.0), SAFETIES))


def calibration_id(safe_below: float = SAFE_BELOW) -> str:
    """Name the map above for the score's record."""
    return f"lasting-{safe_below:g}-{UNSAFE_FROM:g}"
