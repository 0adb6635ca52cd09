"""Compare a set of clips with a reference set, and say how far the number can be trusted.

Between the features of single clips and the benchmark that is published: `Gathering` folds, `compare` judges.
"""

from dataclasses import dataclass

import numpy as np
from runtime.benchmarks import Comparison

from evaluator.domain.arrays import Floats
from evaluator.domain.frechet import (
    Moments,
    frechet_distance,
    kernel_distance,
    merge_all,
    merged,
    moments_of,
    no_moments,
    unlimited_distance,
)

N_PARTS = 8  # parts that the clips are dealt into, so that the effect of their number can be measured
MAX_KEPT = 512  # vectors kept for the kernel distance; memory stays flat beyond them
ENOUGH_PER_FEATURE = 2  # below two clips a feature the distance says more about the number of clips than about them
MIN_CLIPS = 2 * N_PARTS


@dataclass(frozen=True, slots=True)
class Gathered:
    """The features of a set of clips, folded.

    Attributes:
        extractor: What made the features.
        parts: Moments of `N_PARTS` parts, dealt in turn.
        kept: The first vectors, at most `MAX_KEPT`, shape (K, D).
    """

    extractor: str
    parts: tuple[Moments, ...]
    kept: Floats

    @property
    def n(self) -> int:
        """Clips seen."""
        return sum(part.n for part in self.parts)

    @property
    def n_features(self) -> int:
        """Features of a clip."""
        return int(self.parts[0].mean.shape[0])


class Gathering:
    """Folds a stream of feature vectors; memory does not grow with their number.

    Args:
        extractor: What makes them.
        n_features: D.
    """

    def __init__(self, *, extractor: str, n_features: int) -> None:
        self._extractor = extractor
        self._n = 0
        self._parts = [no_moments(n_features)] * N_PARTS
        self._kept = np.empty((0, n_features), np.float32)

    def add(self, vector: Floats) -> None:
        """Take one clip's vector, shape (D,)."""
        part = self._n % N_PARTS
        self._parts[part] = merged(self._parts[part], moments_of(vector[None]))
        if len(self._kept) < MAX_KEPT:
            self._kept = np.vstack([self._kept, np.asarray(vector, np.float32)[None]])
        self._n += 1

    def result(self) -> Gathered:
        """Give what was folded so far."""
        return Gathered(self._extractor, tuple(self._parts), self._kept)


def compare(clips: Gathered, reference: Gathered, *, is_i3d: bool = False) -> Comparison:
    """Give the distance of two sets.

    Raises:
        ValueError: Another extractor, or fewer than two clips on a side.
    """
    if clips.extractor != reference.extractor:
        raise ValueError(
            f"The reference holds features of {reference.extractor!r}, not of {clips.extractor!r}: "
            "gather it again with the extractor in use."
        )
    fewest = min(clips.n, reference.n)
    enough = fewest >= ENOUGH_PER_FEATURE * clips.n_features
    return Comparison(
        metric="fvd" if is_i3d else "frechet_distance",
        extractor=clips.extractor,
        distance=frechet_distance(merge_all(clips.parts), merge_all(reference.parts)),
        unlimited=unlimited_distance(clips.parts, reference.parts) if fewest >= MIN_CLIPS else None,
        kernel_distance=kernel_distance(clips.kept, reference.kept),
        n_clips=clips.n,
        n_reference=reference.n,
        flags=() if enough else ("few_clips",),
    )
