"""What a set of scores says about the judge: how well it tells clean from broken."""

from collections.abc import Sequence

import numpy as np


def auc(good: Sequence[float], bad: Sequence[float]) -> float:
    """Probability that a good clip scores above a bad one; ties count half."""
    above = np.subtract.outer(np.asarray(good, float), np.asarray(bad, float))
    return float(((above > 0) + 0.5 * (above == 0)).mean())
