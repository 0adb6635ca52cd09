"""Clips without a fault that are hard to judge: what moves fast, shakes, flashes on purpose or fades over.

Each is made of clean frames that are larger than the view, so that the camera has room.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from labelled.injections import Frames

ROOM = 1.4
"""How much larger than the view the frames must be for `look`."""


def with_room(frames: Frames) -> Frames:
    """Give finished frames room for `look` by their mirror images, so that a move makes no close-up of them."""
    height, width = frames.shape[1:3]
    down, across = (round(side * (ROOM - 1) / 2) for side in (height, width))
    return np.stack([cv2.copyMakeBorder(f, down, down, across, across, cv2.BORDER_REFLECT_101) for f in frames])


def look(frames: Frames, across: np.ndarray, down: np.ndarray, turn: np.ndarray | None = None) -> Frames:
    """See larger frames through a moving window.

    Args:
        frames: `ROOM` times the size of the view on each axis.
        across: Where the window's middle is for each frame, -1 to 1 of the room that there is.
        down: The same downwards.
        turn: Roll in degrees for each frame.
    """
    height, width = (2 * round(side / ROOM / 2) for side in frames.shape[1:3])
    spare = (frames.shape[2] - width) / 2, (frames.shape[1] - height) / 2
    rolls = np.zeros(len(frames)) if turn is None else turn
    seen = []
    for frame, x, y, roll in zip(frames, across, down, rolls, strict=True):
        middle = (frame.shape[1] / 2, frame.shape[0] / 2)
        matrix = cv2.getRotationMatrix2D(middle, float(roll), 1.0)
        matrix[:, 2] -= (spare[0] * (1 + x), spare[1] * (1 + y))
        seen.append(cv2.warpAffine(frame, matrix, (width, height), borderMode=cv2.BORDER_REFLECT))
    return np.stack(seen)


def fast_motion(frames: Frames, fps: int, rng: np.random.Generator) -> Frames:
    """Sweep over the scene and back."""
    t = np.arange(len(frames)) / fps
    across = np.sin(rng.uniform(2.2, 3.6) * t + rng.uniform(0, 2 * np.pi))
    return look(frames, across, 0.4 * np.sin(rng.uniform(0.5, 1.5) * t))


def handheld_shake(frames: Frames, fps: int, rng: np.random.Generator) -> Frames:
    """Hold the camera in an unsteady hand: three slow swings over one another, and a little roll."""
    t = np.arange(len(frames)) / fps
    rates = 2 * np.pi * np.array([0.7, 1.3, 2.2])

    def swing(reach: float) -> np.ndarray:
        phases, sizes = rng.uniform(0, 2 * np.pi, 3), reach * np.array([1.0, 0.5, 0.25])
        return np.asarray((sizes * np.sin(np.outer(t, rates) + phases)).sum(axis=1))

    return look(frames, swing(0.12), swing(0.12), turn=swing(0.7))


def strobe(frames: Frames, fps: int, rng: np.random.Generator) -> Frames:
    """Light the scene in flashes."""
    rate = rng.uniform(2.5, 5.0)
    dark = rng.uniform(0.3, 0.5)
    lit = (np.arange(len(frames)) * rate / fps) % 1 < 0.5  # noqa: PLR2004 - half of the time
    view = look(frames, np.zeros(len(frames)), np.zeros(len(frames)))
    return np.stack(
        [
            frame if on else np.asarray(cv2.convertScaleAbs(frame, alpha=dark), np.uint8)
            for frame, on in zip(view, lit, strict=True)
        ]
    )


def cross_fade(first: Frames, second: Frames) -> Frames:
    """Fade from one take into the other over the middle half of the clip."""
    weights = np.clip(np.linspace(-0.5, 1.5, len(first)), 0, 1)
    pairs = zip(first, second, weights, strict=True)
    return np.stack([cv2.addWeighted(one, 1 - w, two, w, 0) for one, two, w in pairs])


HARD: Mapping[str, Callable[[Frames, int, np.random.Generator], Frames]] = MappingProxyType({
    "fast_motion": fast_motion,
    "handheld_shake": handheld_shake,
    "strobe": strobe,
})  # fmt: skip
