"""Published benchmarks: what the evaluator writes of a vendor's or model's clips, and whoever shows vendors reads."""

from datetime import datetime

import msgspec

BUCKET = "benchmarks"
"""Key-value bucket of the results, key `<provider>` or `<provider>.<model>`."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How far a set of clips is from a reference set.

    Attributes:
        metric: `fvd` only where the features are those of I3D; else `frechet_distance`.
        extractor: What made the features; numbers of different extractors are not compared.
        distance: As measured, >= 0; falls with the number of clips.
        unlimited: Estimate for endless clips; None where there were too few clips on a side.
        kernel_distance: Unbiased at any number of clips.
        n_clips: Clips compared.
        n_reference: Clips of the reference.
        flags: `few_clips`: fewer than two a feature.
    """

    metric: str
    extractor: str
    distance: float
    kernel_distance: float
    n_clips: int
    n_reference: int
    unlimited: float | None = None
    flags: tuple[str, ...] = ()


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """One published result; empty model: of all models of the vendor."""

    provider: str
    model: str
    since: datetime
    measured_at: datetime
    result: Comparison
