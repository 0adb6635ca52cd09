"""What a camera does to a picture in one step: a shift, a scale and a roll, fitted to the motion of its blocks.

Called by the camera metric for the camera's way, and by the motion metric for what is left: the things' own motion.
"""

import numpy as np

from evaluator.domain.arrays import Floats

TEXTURE = 4.0  # grey levels; flatter blocks say nothing about motion
VOTE_PX = 0.6  # a block that disagrees by so much has half a vote in the end, by 8 times as much at first
ROUNDS = 6  # of reweighting
REACH_PX = 100.0  # scales the unknowns to one size: a pixel at this distance from the middle


def votes_of(contrast: Floats) -> Floats:
    """Give the say of blocks by their contrast (grey levels), in (0, 1]: flat ones have hardly any."""
    return np.asarray(contrast / (contrast + TEXTURE) + 1e-4)


def fit_similarity(motion: Floats, votes: Floats, *, size_px: tuple[int, int]) -> tuple[Floats, Floats]:
    """Fit by reweighted least squares, so that what moves by itself is voted down.

    Args:
        motion: Of each block in each step, px, (P, R, C, 2), x before y.
        votes: Say of each block, (P, R, C), > 0.
        size_px: Width and height of the picture that the blocks cover.

    Returns:
        Shift x and y (px), relative scale and roll (radians) of each step, (P, 4); and what they leave of each block's
        motion, px, like `motion`.
    """
    n_steps, rows, columns, _ = motion.shape
    x = (np.arange(columns) + 0.5) / columns * size_px[0] - size_px[0] / 2
    y = (np.arange(rows) + 0.5) / rows * size_px[1] - size_px[1] / 2
    across, down = (axis.ravel() / REACH_PX for axis in np.meshgrid(x, y))
    one, zero = np.ones_like(across), np.zeros_like(across)
    design = np.concatenate([np.column_stack([one, zero, across, -down]), np.column_stack([zero, one, down, across])])
    squares = (design[:, :, None] * design[:, None]).reshape(-1, 16)
    target = motion.astype(np.float64).reshape(n_steps, -1, 2).transpose(0, 2, 1).reshape(n_steps, -1)
    say = votes.astype(np.float64).reshape(n_steps, -1)
    weight, fitted, off = say, np.zeros((n_steps, 4)), target
    for turn in range(ROUNDS):
        twice = np.concatenate([weight, weight], axis=1)
        products = (twice @ squares).reshape(-1, 4, 4)
        fitted = np.linalg.solve(products + 1e-6 * np.eye(4), ((twice * target) @ design)[..., None])[..., 0]
        off = target - fitted @ design.T
        tolerance = VOTE_PX * 2 ** max(0, 3 - turn)
        weight = say / (1 + (off.reshape(n_steps, 2, -1) ** 2).sum(axis=1) / tolerance**2)
    left = off.reshape(n_steps, 2, rows, columns).transpose(0, 2, 3, 1)
    return fitted / np.array([1, 1, REACH_PX, REACH_PX]), left
