"""From cosine to a score in [0, 1]: a logistic curve through the share of the prompt that a clip shows.

A pair counts 1 if the words fit, less for every wrong attribute; so a clip of the right thing in the wrong
colour scores between a hit and a miss. The curve is fitted on one half of the held-out clips and checked on the
other.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from simulator.scenes.captions import usual_colour
from simulator.scenes.grammar import Scene

from training.compositions import Attribute
from training.measure import Probe, Towers, Vectors

CALIBRATION_ID = "tiny-scenes-1/share-1"
_MAX_STEPS = 50
_CONVERGED = 1e-9
WEIGHTS: dict[Attribute, float] = {"subject": 0.4, "colour": 0.2, "place": 0.25, "light": 0.15}


class Curve(NamedTuple):
    """score = 1 / (1 + exp(-(slope * cosine + offset)))."""

    slope: float
    offset: float

    def score(self, cosines: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Scores of cosines."""
        return np.asarray(1.0 / (1.0 + np.exp(-(self.slope * cosines + self.offset))))


class Pairs(NamedTuple):
    """Cosines and the share of the caption that the clip shows, and a weight for each pair."""

    cosines: npt.NDArray[np.float64]
    shares: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]


def _share(said: Scene, shown: Scene) -> float:
    """The weighted share of equal attributes of two scenes with one subject each."""
    first, second = said.subjects[0], shown.subjects[0]
    equal: dict[Attribute, bool] = {
        "subject": first.name == second.name,
        "colour": usual_colour(first) == usual_colour(second),
        "place": said.place == shown.place,
        "light": said.light == shown.light,
    }
    # Colour and light of the wrong thing in the wrong place are no merit.
    if not equal["subject"] and not equal["place"]:
        return 0.0
    return sum(WEIGHTS[attribute] for attribute, same in equal.items() if same)


def pairs_of(towers: Towers, probe: Probe, clips: Vectors) -> Pairs:
    """Every clip with its own caption, with one wrong attribute each, and with the captions of all other clips."""
    n = len(clips)
    all_cosines = clips @ towers.texts(probe.captions).T
    shares = np.array([[_share(said, shown) for said in probe.scenes] for shown in probe.scenes])
    own = np.eye(n, dtype=bool)
    cosines = [np.diagonal(all_cosines), all_cosines[~own]]
    targets = [np.ones(n), shares[~own]]
    # Hits, near misses and strangers weigh the same, however many pairs there are of each.
    weights = [np.full(n, 1.0 / n), np.full(n * (n - 1), 1.0 / (n * (n - 1)))]
    for attribute, captions in probe.wrong.items():
        cosines.append((clips * towers.texts(captions)).sum(axis=1))
        targets.append(np.full(n, 1.0 - WEIGHTS[attribute]))
        weights.append(np.full(n, 0.25 / n))
    return Pairs(np.concatenate(cosines).astype(np.float64), np.concatenate(targets), np.concatenate(weights))


def fit(pairs: Pairs) -> Curve:
    """Weighted logistic regression on soft targets, by Newton's method."""
    design = np.column_stack([pairs.cosines, np.ones_like(pairs.cosines)])
    theta = np.zeros(2)
    for _ in range(_MAX_STEPS):
        guess = 1.0 / (1.0 + np.exp(-design @ theta))
        gradient = design.T @ (pairs.weights * (guess - pairs.shares))
        curvature = (design * (pairs.weights * guess * (1 - guess))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        theta -= step
        if np.abs(step).max() < _CONVERGED:
            break
    return Curve(float(theta[0]), float(theta[1]))
