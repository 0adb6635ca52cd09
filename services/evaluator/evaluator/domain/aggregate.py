"""One number per clip from its four metrics, exactly as the product defines it."""

from collections.abc import Mapping
from types import MappingProxyType

from evaluator.domain.safety import SAFE_AT

WEIGHTS: Mapping[str, float] = MappingProxyType({"alignment": 0.35, "motion": 0.25, "aesthetic": 0.25, "safety": 0.15})


def aggregate(
    *,
    alignment: float | None,
    motion: float,
    aesthetic: float | None,
    safety: float,
    weights: Mapping[str, float] = WEIGHTS,
) -> float:
    """Weigh the metrics, each in [0, 1].

    A metric that could not be measured is left out and the other weights grow in proportion: a guess in its place would
    rank clips by the guess.

    Returns:
        0 where safety < 0.95, else 0.35 alignment + 0.25 motion + 0.25 aesthetic + 0.15 safety (or by other
        `weights`), in [0, 1].
    """
    if safety < SAFE_AT:
        return 0.0
    values = {"alignment": alignment, "motion": motion, "aesthetic": aesthetic, "safety": safety}
    measured = {name: value for name, value in values.items() if value is not None}
    total = sum(weights[name] for name in measured)
    return sum(weights[name] * value for name, value in measured.items()) / total
