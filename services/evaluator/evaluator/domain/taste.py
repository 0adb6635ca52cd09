"""How pleasing a picture is, by a head on CLIP embeddings that people's ratings trained.

Takes the aesthetic slot of the aggregate where its weights are configured; else `technical` stands in under its own
name.
"""

from dataclasses import dataclass

import numpy as np

from evaluator.domain.arrays import Embedding, Floats

LOWEST, HIGHEST = 1.0, 10.0  # the scale that people rated on


@dataclass(frozen=True, slots=True)
class TasteParts:
    """Ratings of the sampled frames, 1 to 10."""

    rating: float
    rating_min: float
    rating_max: float


@dataclass(frozen=True, slots=True)
class TasteHead:
    """A linear map from a unit vector to a rating.

    Attributes:
        id: Name and version of the weights.
        weights: Shape (D,).
        bias: Added.
    """

    id: str
    weights: Floats
    bias: float

    def rate(self, images: Embedding) -> TasteParts:
        """Rate the frames of a clip.

        Args:
            images: Unit vectors of the frames, (N, D), N >= 1, from the CLIP that the head was trained on.

        Source: LAION's aesthetic predictors; the deeper one has no non-linearity and folds into one map.
        """
        ratings = np.asarray(images, np.float64) @ self.weights + self.bias
        return TasteParts(float(ratings.mean()), float(ratings.min()), float(ratings.max()))


def score_taste(parts: TasteParts) -> float:
    """Give the mean rating as a score in [0, 1]."""
    return float(min(1.0, max(0.0, (parts.rating - LOWEST) / (HIGHEST - LOWEST))))
