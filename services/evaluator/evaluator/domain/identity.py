"""Does the subject stay the same thing? Drift of the sampled frames' embeddings over time. Part of the motion metric.

A camera that moves changes an embedding a little and back again; another thing in its place changes it for good. So the
two halves of the clip are compared, and neighbouring frames for the moment when it happened.
"""

from dataclasses import dataclass

import numpy as np

from evaluator.domain.arrays import Embedding

KEPT = 0.4
"""What is left of the motion score where the subject became another thing."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How one model's embeddings tell drift: cosines of the two halves of a clip.

    Attributes:
        same: From here on it is the same thing, seen otherwise.
        other: Up to here it has become another thing.
    """

    same: float
    other: float


@dataclass(frozen=True, slots=True)
class IdentityParts:
    """Cosines in [-1, 1]; higher is steadier.

    Attributes:
        halves: Of the first half of the frames with the second.
        ends: Of the first quarter with the last.
        steadiness: Lowest between neighbouring frames.
    """

    halves: float = 1.0
    ends: float = 1.0
    steadiness: float = 1.0


def measure_identity(images: Embedding) -> IdentityParts:
    """Compare the sampled frames with one another.

    Args:
        images: Unit vectors in the order of time, (N, D), N >= 1.
    """
    n = len(images)
    if n < 2:  # noqa: PLR2004 - one picture cannot drift
        return IdentityParts()
    quarter = max(1, n // 4)
    return IdentityParts(
        halves=_cosine(images[: n // 2].mean(axis=0), images[(n + 1) // 2 :].mean(axis=0)),
        ends=_cosine(images[:quarter].mean(axis=0), images[-quarter:].mean(axis=0)),
        steadiness=float((images[1:] * images[:-1]).sum(axis=1).min()),
    )


def score_identity(parts: IdentityParts, drift: Drift | None) -> float | None:
    """Give what drift leaves, in [0.4, 1]; None where the model's embeddings were not calibrated for it."""
    if drift is None:
        return None
    same = (parts.halves - drift.other) / (drift.same - drift.other)
    return float(KEPT + (1 - KEPT) * np.clip(same, 0, 1))


def _cosine(one: Embedding, two: Embedding) -> float:
    return float(one @ two / max(float(np.linalg.norm(one) * np.linalg.norm(two)), 1e-6))
