"""What stands out from a sideways move by its depth: how an orbit is told from a pan.

A pan carries everything with it. A camera that circles its subject keeps it in the middle, while what is behind passes
one way and the ground before it the other. A pan that follows something keeps it in the middle too, but there the
ground goes with what is behind. Called by the camera metric with the flow that it has.
"""

from dataclasses import dataclass

import numpy as np

from evaluator.domain.arrays import Floats

EDGES = 0.8  # grey levels from pixel to pixel, sideways, at a quarter of the size: less says nothing of a sideways move
SETTLED = 4.0  # grey levels: edges as strong have half of the largest say
OFTEN_SEEN = 0.5  # share of the steps in which a part of the picture must show edges
PASSES = 0.012  # share of the picture's width: where less passes behind, nothing can be compared with it
STILL_PART = 0.3  # quantile in the middle: the subject fills only a part of it
GROUND = (0.3, 1.2)  # how far the ground stays behind what passes: (it goes along, it stands or goes against it)
AGAINST = (0.6, 1.05)  # from here on it plainly goes its own way, which no pan does
TOO_FAR = (1.6, 2.4)  # a middle that stays behind by more does not stay: it passes by itself, the other way
TOO_FAST = (2.4, 3.2)  # ground that stays behind by more is none: something large passes before the camera
SIDE_THIRD = 1 / 3


@dataclass(frozen=True, slots=True)
class Parallax:
    """How the parts of the picture share a sideways move; None where too little of them is seen.

    Attributes:
        sweep: The camera's turn by what is behind, shares of the picture's width: to the right, negative to the left.
        anchored: How much the middle stays behind what passes: 0 where it goes along, 1 where it stays in the frame.
        counter: The same of the ground at the lower edge; 2 where it passes as fast the other way.
    """

    sweep: float = 0.0
    anchored: float | None = None
    counter: float | None = None

    @property
    def turning(self) -> float | None:
        """How surely it is an orbit, [0, 1]: 0 a pan, about half a pan that follows something, 1 an orbit."""
        if self.anchored is None and self.counter is None:
            return None
        middle, ground = self.anchored or 0.0, self.counter or 0.0
        astray = _rise(middle, *TOO_FAR)
        stays = _rise(middle, 0, 1) - astray
        turns, against = (max(0.0, _rise(ground, *limits) - _rise(ground, *TOO_FAST)) for limits in (GROUND, AGAINST))
        return max((stays + turns) / 2, against * (1 - astray))


def measure_parallax(motion: Floats, edges: Floats, scale: Floats, *, size_px: tuple[int, int]) -> Parallax:
    """Compare the sideways motion of what is behind with that of the middle and of the ground.

    Args:
        motion: Of each block in each step, px, (P, R, C, 2), x before y.
        edges: Mean step of brightness sideways in each block, grey levels, (P, R, C).
        scale: What the picture grows by in each step, relative, (P,).
        size_px: Width and height of the picture.
    """
    rows, columns = motion.shape[1:3]
    y, x = np.meshgrid((np.arange(rows) + 0.5) / rows - 0.5, (np.arange(columns) + 0.5) / columns - 0.5, indexing="ij")
    say = np.where(edges > EDGES, edges / (edges + SETTLED), 0.0)
    # A roll is told by the sides alone, one up and one down: by rows it would look like the ground of an orbit.
    right, left = (_quantile(motion[..., 1], say, where) for where in (x > 0.5 - SIDE_THIRD, x < SIDE_THIRD - 0.5))
    roll = np.nan_to_num((right - left) / ((1 - SIDE_THIRD) * size_px[0]))
    sideways = motion[..., 0] - scale[:, None, None] * x * size_px[0] + roll[:, None, None] * y * size_px[1]
    behind = _quantile(sideways, say, (y < 0.0) & (abs(x) > 0.2) | (y < -0.3))  # noqa: PLR2004 - beside and above the middle
    sweep = -float(np.nansum(behind)) / size_px[0]
    if abs(sweep) < PASSES:
        return Parallax(sweep=sweep)
    along, way = sideways * -np.sign(sweep), behind * -np.sign(sweep)
    middle = (abs(x) < 0.15) & (abs(y + 0.025) < 0.225)  # noqa: PLR2004 - where a subject is
    return Parallax(
        sweep=sweep,
        anchored=_stays(_quantile(along, say, middle, STILL_PART), way),
        counter=_stays(_ground(along, say, way, x=x, y=y), way),
    )


def _ground(along: Floats, say: Floats, way: Floats, *, x: Floats, y: Floats) -> Floats:
    """Give the motion in the lower corner that goes along more, (P,): in the other one a subject may pass by itself."""
    low = y > 0.3  # noqa: PLR2004 - the lowest fifth
    left, right = (_quantile(along, say, low & side) for side in (x < -0.2, x > 0.2))  # noqa: PLR2004
    nearer = np.where(np.abs(left - way) < np.abs(right - way), left, right)
    return np.where(np.isfinite(right), nearer, left)


def _stays(part: Floats, behind: Floats) -> float | None:
    """Give how far a part of the picture stays behind what passes, over the steps that show both."""
    both = np.isfinite(part) & np.isfinite(behind)
    passed = float(behind[both].sum())
    if both.mean() < OFTEN_SEEN or passed <= 0:
        return None
    return 1 - float(part[both].sum()) / passed


def _quantile(values: Floats, say: Floats, where: Floats, share: float = 0.5) -> Floats:
    """Give the weighted quantile of some blocks in each step, (P,); NaN where none of them has a say."""
    chosen, weights = values[:, where], say[:, where]
    order = np.argsort(chosen, axis=1)
    total = np.take_along_axis(weights, order, axis=1).cumsum(axis=1)
    first = (total >= share * total[:, -1:]).argmax(axis=1)
    found = np.take_along_axis(chosen, np.take_along_axis(order, first[:, None], axis=1), axis=1)[:, 0]
    return np.where(total[:, -1] > 0, found, np.nan)


def _rise(value: float, start: float, end: float) -> float:
    return float(np.clip((value - start) / (end - start), 0, 1))
