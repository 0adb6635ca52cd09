"""How the camera moves, estimated from the picture alone, and whether that is what was asked for.

A camera moves the whole picture: per step of time a shift, a scale and a roll are fitted to the flow of all blocks, so
that what a subject does by itself is voted down. Part of the motion metric.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from evaluator.domain.arrays import Floats, LumaClip
from evaluator.domain.asked import Move
from evaluator.domain.flow import Dis
from evaluator.domain.parallax import Parallax, measure_parallax
from evaluator.domain.sampling import BLOCK_PX
from evaluator.domain.similarity import fit_similarity, votes_of

MAX_STEPS = 10  # flow over a tenth of a clip is long enough to show a slow move
ORBITS: frozenset[Move] = frozenset({"orbit", "clockwise", "counterclockwise"})
PANS: frozenset[Move] = frozenset({"left", "right", "sideways"})
STEP_PX = 7.0  # and short enough to be followed: steps get shorter where the picture moves faster
AGREES_PX = 1.2  # a block that is off by less moves with the camera
MIN_SUPPORT = 0.3  # of the picture: with less it is not known whether the camera or something in the picture moves
NOTICED = 0.012  # share of the picture that passes by: less is not seen as a move
CLEAR = 0.045  # a full move; a slow pan of five seconds passes a tenth
STANDS, OTHER_WAY = 0.25, 0.1  # agreement of a camera that does not move, and of one that moves otherwise
NO_PAN = (0.52, 0.8)  # how surely it is an orbit: (a pan that follows something looks so too, it is no pan)
UNCLEAR = (0.3, 0.7)  # how surely it is an orbit, where it may as well be a pan that follows something
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
        orbit: How far the background passed because the camera circles something, clockwise as seen from above;
            negative the other way.
        parallax: What tells an orbit from a pan.
    """

    pan: float = 0.0
    tilt: float = 0.0
    dolly: float = 0.0
    roll: float = 0.0
    path: float = 0.0
    support: float = 1.0
    orbit: float = 0.0
    parallax: Parallax = field(default_factory=Parallax)


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
    height, width = luma.shape[1:]
    size = (width // BLOCK_PX * 2, height // BLOCK_PX * 2)
    flows = (dis.calc(first, second) * 2 for first, second in pairwise(prepared))
    motion = np.stack([cv2.resize(flow, size, interpolation=cv2.INTER_AREA) for flow in flows])
    votes = votes_of(np.stack([_contrast(frame, size) for frame in chosen[:-1]]))
    fits, left = fit_similarity(motion, votes, size_px=(width, height))
    growth = np.clip(fits[:, 2], -0.9, 9)
    # The picture moves against the camera; y points down.
    pan, tilt, dolly = -fits[:, 0] / width, fits[:, 1] / height, np.log1p(growth) / 2
    edges = np.stack([_edges(frame, size) for frame in prepared[:-1]])
    parallax = measure_parallax(motion, edges, growth, size_px=(width, height))
    return CameraParts(
        pan=float(pan.sum()),
        tilt=float(tilt.sum()),
        dolly=float(dolly.sum()),
        roll=float(np.degrees(fits[:, 3].sum())),
        path=float(np.sqrt(pan**2 + tilt**2 + dolly**2).sum()),
        support=_support(left, parallax),
        orbit=parallax.sweep * (parallax.turning or 0.0),
        parallax=parallax,
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
    fits = 1.0 if n_moves > 1 else _ramp(astray / max(along, NOTICED), *ASTRAY) * _by_depth(parts, move)
    # Standing still is nearer to what was asked than another move, and that nearer than the opposite one.
    stands, opposite = _ramp(np.hypot(along, astray), NOTICED, CLEAR), 1 - _ramp(-along, NOTICED, CLEAR)
    return enough * fits + (1 - enough) * (STANDS * stands + OTHER_WAY * (1 - stands) * (1 - opposite))


def is_unclear(parts: CameraParts, asked: tuple[Move, ...]) -> bool:
    """Tell whether an orbit was asked for, and what is seen may be one, or a pan that follows something."""
    if not ORBITS.intersection(asked) or abs(parts.parallax.sweep) < NOTICED or parts.support < MIN_SUPPORT:
        return False
    turning = parts.parallax.turning
    return turning is None or UNCLEAR[0] < turning < UNCLEAR[1]


def _by_depth(parts: CameraParts, move: Move) -> float:
    """Give what an orbit keeps of the agreement where a pan was asked for, and the other way round."""
    turning = parts.parallax.turning
    if turning is None:  # no texture that would tell
        return 1.0
    if move in ORBITS:
        return OTHER_WAY + (1 - OTHER_WAY) * turning
    return OTHER_WAY + (1 - OTHER_WAY) * _ramp(turning, *NO_PAN) if move in PANS else 1.0


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
        case "clockwise" | "counterclockwise" | "orbit":
            # The ground turns the other way, so that a fit to the whole picture may miss what passes behind.
            sweep = pan if parts.parallax.turning is None else parts.parallax.sweep
            signs: dict[Move, float] = {"clockwise": sweep, "counterclockwise": -sweep}
            return signs.get(move, abs(sweep)), float(np.hypot(tilt, dolly))
        case _:
            return abs(pan), float(np.hypot(tilt, dolly))


def _support(left: Floats, parallax: Parallax) -> float:
    """Give the share of blocks that move with the camera; in an orbit every row has a speed of its own."""
    if (parallax.turning or 0.0) > NO_PAN[0]:
        own_speed = np.median(left[..., 0], axis=2, keepdims=True)
        left = np.stack([left[..., 0] - own_speed, left[..., 1]], axis=-1)
    return float((np.linalg.norm(left, axis=-1) < AGREES_PX).mean())


def _edges(prepared: LumaClip, size: tuple[int, int]) -> Floats:
    """Give the mean step of brightness sideways: lines that lie level say nothing of a sideways move."""
    steps = cv2.absdiff(prepared[:, 1:], prepared[:, :-1])
    return cv2.resize(steps, size, interpolation=cv2.INTER_AREA).astype(np.float64)


def _contrast(frame: LumaClip, size: tuple[int, int]) -> Floats:
    picture = frame.astype(np.float32)
    mean = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    variance = cv2.resize(picture * picture, size, interpolation=cv2.INTER_AREA) - mean * mean
    return np.sqrt(np.maximum(variance, 0)).astype(np.float64)


def _ramp(value: float, good: float, bad: float) -> float:
    return float(np.clip((bad - value) / (bad - good), 0, 1))
