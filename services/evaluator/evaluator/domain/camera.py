"""How the camera moves, estimated from the picture alone, and whether that is what was asked for.

A camera moves the whole picture: per step of time a shift, a scale and a roll are fitted to the flow of all blocks, so
that what a subject does by itself is voted down. Part of the motion metric.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from evaluator.domain.arrays import Floats, LumaClip
from evaluator.domain.asked import Move
from evaluator.domain.flow import Dis
from evaluator.domain.sampling import BLOCK_PX
from evaluator.domain.similarity import fit_similarity, votes_of

MAX_STEPS = 10  # flow over a tenth of a clip is long enough to show a slow move
STEP_PX = 7.0  # and short enough to be followed: steps get shorter where the picture moves faster
AGREES_PX = 1.2  # a block that is off by less moves with the camera
MIN_SUPPORT = 0.3  # of the picture: with less it is not known whether the camera or something in the picture moves
NOTICED = 0.012  # share of the picture that passes by: less is not seen as a move
CLEAR = 0.045  # a full move; a slow pan of five seconds passes a tenth
STANDS, OTHER_WAY = 0.25, 0.1  # agreement of a camera that does not move, and of one that moves otherwise
STEADY = (0.035, 0.16)  # of a camera that should stand still: (unnoticed, plainly moving)
ASTRAY = (0.75, 1.6)  # movement in other directions, over that in the asked one: (fits, does not)


@dataclass(frozen=True, slots=True)
class CameraParts:
    """Where the camera went over the clip. Shares of the picture's width (or height) that passed by.

    Attributes:
        pan: To the right; negative to the left.
        tilt: Upwards; negative downwards.
        dolly: Towards the scene, how much the picture's edge moves outwards; negative away from it.
        roll: Degrees, clockwise.
        path: Length of the way, back and forth added.
        support: Share of the picture that moves as the fitted camera says, [0, 1], mean over the clip; small where
            something large moves before a background without texture.
    """

    pan: float = 0.0
    tilt: float = 0.0
    dolly: float = 0.0
    roll: float = 0.0
    path: float = 0.0
    support: float = 1.0


def measure_camera(luma: LumaClip, *, speed_px: float) -> CameraParts:
    """Fit the camera's way through the clip.

    Args:
        luma: Brightness at analysis size, (T, H, W), uint8, T >= 2.
        speed_px: Typical motion from frame to frame, px at analysis size: chooses the steps.
    """
    step = int(np.clip(STEP_PX / max(speed_px, 0.1), 1, max(1, len(luma) // MAX_STEPS)))
    chosen = luma[::step]
    if len(chosen) < 2:  # noqa: PLR2004 - a pair is the least that moves
        chosen = luma[[0, -1]]
    dis = Dis(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    prepared = [dis.prepare(frame) for frame in chosen]
    flows = (dis.calc(first, second) * 2 for first, second in pairwise(prepared))
    fits = np.array([_step(flow, frame) for flow, frame in zip(flows, chosen, strict=False)])
    height, width = luma.shape[1:]
    # The picture moves against the camera; y points down.
    pan, tilt, dolly = -fits[:, 0] / width, fits[:, 1] / height, fits[:, 2] / 2
    return CameraParts(
        pan=float(pan.sum()),
        tilt=float(tilt.sum()),
        dolly=float(dolly.sum()),
        roll=float(np.degrees(fits[:, 3].sum())),
        path=float(np.sqrt(pan**2 + tilt**2 + dolly**2).sum()),
        support=float(fits[:, 4].mean()),
    )


def agree_camera(parts: CameraParts, asked: tuple[Move, ...]) -> float | None:
    """Tell how well the camera did what was asked.

    Returns:
        Agreement in [0, 1]: the mean over the moves, because each takes a part of the clip; None where nothing was
        asked that can be told from the flow, or too little of the picture shows what the camera does.
    """
    if parts.support < MIN_SUPPORT:
        return None
    told = [value for move in asked if (value := _agree(parts, move, n_moves=len(asked))) is not None]
    return float(np.mean(told)) if told else None


def _agree(parts: CameraParts, move: Move, *, n_moves: int) -> float | None:
    if move in {"handheld", "free"}:
        return None
    if move == "static":
        return _ramp(float(np.sqrt(parts.pan**2 + parts.tilt**2 + parts.dolly**2)), *STEADY)
    along, astray = _split(parts, move)
    enough = 1 - _ramp(along, NOTICED, CLEAR)
    # Of several moves each leads away from the others: only its own direction can be asked about.
    fits = 1.0 if n_moves > 1 else _ramp(astray / max(along, NOTICED), *ASTRAY)
    # Standing still is nearer to what was asked than another move, and that nearer than the opposite one.
    stands, opposite = _ramp(np.hypot(along, astray), NOTICED, CLEAR), 1 - _ramp(-along, NOTICED, CLEAR)
    return enough * fits + (1 - enough) * (STANDS * stands + OTHER_WAY * (1 - stands) * (1 - opposite))


def _split(parts: CameraParts, move: Move) -> tuple[float, float]:
    """Give the way in the asked direction, and the way in the others."""
    pan, tilt, dolly = parts.pan, parts.tilt, parts.dolly
    match move:
        case "in" | "out":
            return (dolly if move == "in" else -dolly), float(np.hypot(pan, tilt))
        case "left" | "right":
            return (pan if move == "right" else -pan), float(np.hypot(tilt, dolly))
        case "up" | "down":
            return (tilt if move == "up" else -tilt), float(np.hypot(pan, dolly))
        case _:
            # An orbit carries the background sideways; how far it turns cannot be seen in the flow alone.
            return abs(pan), float(np.hypot(tilt, dolly))


def _step(flow: Floats, frame: LumaClip) -> tuple[float, ...]:
    """Give shift x, shift y, log scale and roll (radians) of one step; and the fit's support."""
    height, width = frame.shape
    size = (width // BLOCK_PX * 2, height // BLOCK_PX * 2)
    blocks = cv2.resize(flow, size, interpolation=cv2.INTER_AREA)[None]
    (fitted,), left = fit_similarity(blocks, votes_of(_contrast(frame, size))[None], size_px=(width, height))
    support = float((np.linalg.norm(left, axis=-1) < AGREES_PX).mean())
    return float(fitted[0]), float(fitted[1]), float(np.log1p(np.clip(fitted[2], -0.9, 9))), float(fitted[3]), support


def _contrast(frame: LumaClip, size: tuple[int, int]) -> Floats:
    picture = frame.astype(np.float32)
    mean = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    variance = cv2.resize(picture * picture, size, interpolation=cv2.INTER_AREA) - mean * mean
    return np.sqrt(np.maximum(variance, 0)).astype(np.float64)


def _ramp(value: float, good: float, bad: float) -> float:
    return float(np.clip((bad - value) / (bad - good), 0, 1))
