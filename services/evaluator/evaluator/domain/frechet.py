"""How far apart two sets of clips are: Fréchet distance of their features, gathered in one streaming pass.

Compares a vendor or a model with a reference set; says nothing about one clip. Called by `comparison`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.domain.arrays import Floats

MIN_CLIPS = 2  # a covariance needs two


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and scatter of a set of feature vectors, kept in float64 whatever came in.

    Attributes:
        n: Vectors seen.
        mean: Shape (D,).
        scatter: Sum of outer products of the deviations from the mean, shape (D, D).
    """

    n: int
    mean: Floats
    scatter: Floats

    @property
    def covariance(self) -> Floats:
        """Unbiased covariance, shape (D, D); needs n >= 2."""
        return self.scatter / (self.n - 1)


def no_moments(n_features: int) -> Moments:
    """Give the moments of an empty set."""
    return Moments(0, np.zeros(n_features), np.zeros((n_features, n_features)))


def moments_of(features: Floats) -> Moments:
    """Take the moments of a batch.

    Args:
        features: Shape (N, D), N >= 0.
    """
    batch = np.asarray(features, np.float64)
    if len(batch) == 0:
        return no_moments(batch.shape[1])
    mean = batch.mean(axis=0)
    centred = batch - mean
    return Moments(len(batch), mean, centred.T @ centred)


def merged(one: Moments, other: Moments) -> Moments:
    """Give the moments of both sets together: exact, in any order and grouping, so that workers can share the work.

    Source: Chan, Golub, LeVeque 1979, updating formulae for the sample variance.
    """
    n = one.n + other.n
    if n == 0:
        return one
    step = other.mean - one.mean
    mean = one.mean + step * (other.n / n)
    scatter = one.scatter + other.scatter + np.outer(step, step) * (one.n * other.n / n)
    return Moments(n, mean, scatter)


def merge_all(parts: Iterable[Moments]) -> Moments:
    """Give the moments of several sets together; at least one."""
    first, *rest = parts
    for part in rest:
        first = merged(first, part)
    return first


def frechet_distance(one: Moments, other: Moments) -> float:
    """Measure how far apart two Gaussians with these moments are.

    Args:
        one: n >= 2.
        other: n >= 2, as many features.

    Returns:
        |mean - mean'|^2 + tr(C) + tr(C') - 2 tr((C C')^1/2), >= 0. Grows with the number of features and falls with
        the number of clips: compare only equal numbers of both.

    Raises:
        ValueError: Fewer than two vectors, or another number of features.

    Source: Dowson, Landau 1982; Heusel et al. 2017. The trace of the root is taken from the eigenvalues of
        A^T C' A with C = A A^T, which is symmetric: they are real, where a matrix root of C C' drifts into complex
        numbers when features outnumber clips.
    """
    if min(one.n, other.n) < MIN_CLIPS:
        raise ValueError(f"a distance needs at least {MIN_CLIPS} clips on either side, not {one.n} and {other.n}")
    if one.mean.shape != other.mean.shape:
        raise ValueError(f"{one.mean.shape[0]} features cannot be compared with {other.mean.shape[0]}")
    apart = float(((one.mean - other.mean) ** 2).sum())
    spread = float(np.trace(one.covariance) + np.trace(other.covariance))
    return max(0.0, apart + spread - 2 * _trace_of_root(one.covariance, other.covariance))


def _trace_of_root(covariance: Floats, other: Floats) -> float:
    values, vectors = np.linalg.eigh(covariance)
    factor = vectors * np.sqrt(np.maximum(values, 0))
    return float(np.sqrt(np.maximum(np.linalg.eigvalsh(factor.T @ other @ factor), 0)).sum())


def unlimited_distance(shards: Sequence[Moments], reference: Sequence[Moments]) -> float:
    """Estimate the distance that endless clips would show, from how it falls as their number grows.

    Args:
        shards: The clips in parts of about equal size, at least 4.
        reference: The reference in as many parts.

    Returns:
        Where a straight line through the distances of the halves, ..., of the wholes over 1 / n meets 0. May be below
        0 by its own error; trustworthy from about two clips for each feature on.

    Raises:
        ValueError: Fewer than 4 parts, or another number of them in the reference.

    Source: Chong, Forsyth 2020, Effectively unbiased FID.
    """
    n_parts = len(shards)
    if n_parts < 4 or len(reference) != n_parts:  # noqa: PLR2004 - a line through the halves and up needs four
        raise ValueError(f"needs at least 4 parts, as many on either side, not {n_parts} and {len(reference)}")
    inverse, distances = [], []
    for size in range(n_parts // 2, n_parts + 1):
        for start in range(n_parts if size < n_parts else 1):
            chosen = [(start + offset) % n_parts for offset in range(size)]
            one, other = merge_all(shards[i] for i in chosen), merge_all(reference[i] for i in chosen)
            inverse.append(0.5 / one.n + 0.5 / other.n)
            distances.append(frechet_distance(one, other))
    return float(np.polyfit(inverse, distances, 1)[1])


def kernel_distance(one: Floats, other: Floats) -> float:
    """Measure the same with a kernel: unbiased at any number of clips, so it may be slightly below 0.

    Args:
        one: Shape (N, D), N >= 2.
        other: Shape (M, D), M >= 2.

    Returns:
        Squared maximum mean discrepancy under the kernel (x.y / D + 1)^3.

    Raises:
        ValueError: Fewer than two vectors on a side.

    Source: Binkowski et al. 2018, Demystifying MMD GANs.
    """
    n, m = len(one), len(other)
    if min(n, m) < MIN_CLIPS:
        raise ValueError(f"a distance needs at least {MIN_CLIPS} clips on either side, not {n} and {m}")
    x, y = np.asarray(one, np.float64), np.asarray(other, np.float64)
    within_x, within_y, across = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    own = (within_x.sum() - np.trace(within_x)) / (n * (n - 1)) + (within_y.sum() - np.trace(within_y)) / (m * (m - 1))
    return float(own - 2 * across.mean())


def _kernel(one: Floats, other: Floats) -> Floats:
    return np.asarray((one @ other.T / one.shape[1] + 1) ** 3)
