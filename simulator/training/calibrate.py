"""From cosine to a score in [0, 1]: a logistic curve through how well a clip fits its prompt.

A pair counts 1 if the words fit; every wrong attribute multiplies that by the part which is kept. So a clip of
the right thing in the wrong colour scores between a hit and a miss. The curve is fitted on one half of the
held-out clips and checked on the other.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from simulator.scenes.captions import usual_colour
from simulator.scenes.grammar import Scene

from training.compositions import Attribute
from training.measure import Probe, Towers, Vectors

CALIBRATION_ID = "tiny-scenes-2/fit-1"
CONTRASTING = {"lost": -0.25, "won": 0.0, "kept": 0.25}
"""Margins in cosine between a caption and its best rival, set on clips of `labelled` whose seed no test uses: true
captions fall below -0.06 one time in twenty, false subjects and colours are at -0.2 and below in the median."""
DRIFT = {"same": 0.80, "other": 0.55}
"""Cosines of the two halves of a clip: the camera alone stays above the first, another subject falls to 0.45 to 0.7."""
_MAX_STEPS = 50
_CONVERGED = 1e-9
KEPT: dict[Attribute, float] = {"subject": 0.2, "colour": 0.5, "place": 0.45, "light": 0.6}
"""What is left of a score when one attribute is wrong: the subject matters most, the light least."""


class Curve(NamedTuple):
    """score = 1 / (1 + exp(-(slope * cosine + offset)))."""

    slope: float
    offset: float

    def score(self, cosines: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Scores of cosines."""
        return np.asarray(1.0 / (1.0 + np.exp(-(self.slope * cosines + self.offset))))


class Pairs(NamedTuple):
    """Cosines, how well each caption fits its clip, and a weight for each pair."""

    cosines: npt.NDArray[np.float64]
    fits: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]


def _fit_of(said: Scene, shown: Scene) -> float:
    """How well words fit a clip; both scenes have one subject each."""
    first, second = said.subjects[0], shown.subjects[0]
    wrong: dict[Attribute, bool] = {
        "subject": first.name != second.name,
        "colour": usual_colour(first) != usual_colour(second),
        "place": said.place != shown.place,
        "light": said.light != shown.light,
    }
    return math.prod(KEPT[attribute] for attribute, differs in wrong.items() if differs)


def pairs_of(towers: Towers, probe: Probe, clips: Vectors) -> Pairs:
    """Every clip with its own caption, with one wrong attribute each, and with the captions of all other clips."""
    n = len(clips)
    all_cosines = clips @ towers.texts(probe.captions).T
    fits = np.array([[_fit_of(said, shown) for said in probe.scenes] for shown in probe.scenes])
    own = np.eye(n, dtype=bool)
    cosines = [np.diagonal(all_cosines), all_cosines[~own]]
    targets = [np.ones(n), fits[~own]]
    # Hits, near misses and strangers weigh the same, however many pairs there are of each.
    weights = [np.full(n, 1.0 / n), np.full(n * (n - 1), 1.0 / (n * (n - 1)))]
    for attribute, captions in probe.wrong.items():
        cosines.append((clips * towers.texts(captions)).sum(axis=1))
        targets.append(np.full(n, KEPT[attribute]))
        weights.append(np.full(n, 0.25 / n))
    return Pairs(np.concatenate(cosines).astype(np.float64), np.concatenate(targets), np.concatenate(weights))


def fit(pairs: Pairs) -> Curve:
    """Weighted logistic regression on soft targets, by Newton's method."""
    design = np.column_stack([pairs.cosines, np.ones_like(pairs.cosines)])
    theta = np.zeros(2)
    for _ in range(_MAX_STEPS):
        guess = 1.0 / (1.0 + np.exp(-design @ theta))
        gradient = design.T @ (pairs.weights * (guess - pairs.fits))
        curvature = (design * (pairs.weights * guess * (1 - guess))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        theta -= step
        if np.abs(step).max() < _CONVERGED:
            break
    return Curve(float(theta[0]), float(theta[1]))
