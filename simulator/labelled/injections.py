"""Faults for any footage: arrays of frames in, the same frames broken out; the same seed breaks them the same way.

Strength is 1 (a careful eye finds it), 2 (anybody does) or 3 (gross). Lengths are shares of the picture's height, so
that a fault looks the same at any size.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt
from simulator.scenes.skin import paint_standin

Frames = npt.NDArray[np.uint8]
"""RGB clip, shape (T, H, W, 3), uint8."""
Injection = Callable[[Frames, int, np.random.Generator], Frames]

FLICKER_GAIN = (0.05, 0.10, 0.20)  # largest change of brightness from frame to frame, either way
MORPH_SHIFT = (0.010, 0.022, 0.045)
MORPH_REACH = 0.36  # half height of the part that loses its shape: about a third of a wide picture
FROZEN = (0.3, 0.6, 0.9)  # of the clip, at its end
BLUR_SIGMA = (0.004, 0.008, 0.016)
NOISE_LEVELS = (7.0, 14.0, 28.0)
POPS = (1, 2, 4)
JITTER_SHIFT = (0.008, 0.018, 0.040)
STANDIN_SHARE = (0.3, 0.6, 1.0)  # of the clip, somewhere in it


def flicker(frames: Frames, strength: int, rng: np.random.Generator) -> Frames:
    """Change the brightness of every frame."""
    reach = FLICKER_GAIN[strength - 1]
    gains = 1 + reach * rng.choice([-1.0, 1.0], len(frames)) * rng.uniform(0.5, 1.0, len(frames))
    return np.stack([_lit(frame, float(gain)) for frame, gain in zip(frames, gains, strict=True)])


def jump_cut(frames: Frames, strength: int, rng: np.random.Generator) -> Frames:
    """Cut to a closer, mirrored view and back: `strength` cuts."""
    height, width = frames.shape[1:3]
    zoom = float(rng.uniform(0.55, 0.7))
    high, wide = round(height * zoom), round(width * zoom)
    top, left = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
    shown = frames.copy()
    edges = np.linspace(0, len(frames), strength + 2).round().astype(int)
    for first, last in list(pairwise(edges))[1::2]:
        for index in range(first, last):
            view = frames[index, top : top + high, left : left + wide, :][:, ::-1]
            shown[index] = cv2.resize(view, (width, height), interpolation=cv2.INTER_CUBIC)
    return shown


def morph(frames: Frames, strength: int, rng: np.random.Generator) -> Frames:
    """Bend a part of the picture differently in every frame, as boiling shapes do."""
    n, height, width = frames.shape[:3]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    middle = (rng.uniform(0.35, 0.65) * width, rng.uniform(0.4, 0.6) * height)
    reach = MORPH_REACH * height
    inside = np.exp(-((((columns - middle[0]) / (1.2 * reach)) ** 2 + ((rows - middle[1]) / reach) ** 2) ** 2))
    shift = MORPH_SHIFT[strength - 1] * height
    field = rng.normal(size=(6, 10, 2))
    bent = []
    for index in range(n):
        field = 0.5 * field + np.sqrt(0.75) * rng.normal(size=field.shape)
        push = cv2.resize(field.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        push *= (shift * inside)[..., None].astype(np.float32)
        target = (columns + push[..., 0], rows + push[..., 1])
        bent.append(cv2.remap(frames[index], *target, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))
    return np.stack(bent)


def freeze(frames: Frames, strength: int, rng: np.random.Generator) -> Frames:
    """Repeat one frame to the end."""
    del rng
    shown = frames.copy()
    start = round((len(frames) - 1) * (1 - FROZEN[strength - 1]))
    shown[start:] = shown[start]
    return shown


def blur(frames: Frames, strength: int, rng: np.random.Generator) -> Frames:
    """Take the sharpness away."""
    del rng
    sigma = BLUR_SIGMA[strength - 1] * frames.shape[1]
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


def noise(frames: Frames, strength: int, rng: np.random.Generator) -> Frames:
    """Add grain that is new in every frame."""
    plates = [rng.normal(0, NOISE_LEVELS[strength - 1], frames.shape[1:]).astype(np.float32) for _ in range(3)]
    rolled = (np.roll(plates[i % 3], (37 * i, 53 * i), (0, 1)) for i in range(len(frames)))
    return np.stack([_clipped(frame + plate) for frame, plate in zip(frames, rolled, strict=True)])


def pop(frames: Frames, strength: int, rng: np.random.Generator) -> Frames:
    """Let something stand in the picture for a moment, `strength` times or more."""
    n, height, width = frames.shape[:3]
    shown = frames.copy()
    for index in range(POPS[strength - 1]):
        start = int(n * (index + rng.uniform(0.3, 0.6)) / POPS[strength - 1])
        centre = (int(rng.uniform(0.2, 0.8) * width), int(rng.uniform(0.2, 0.8) * height))
        there = shown[min(start, n - 1), centre[1], centre[0]].astype(int)
        colour = tuple(int(value) for value in (there + 128) % 256)
        for frame in shown[start : start + max(3, n // 10)]:
            cv2.circle(frame, centre, round(0.13 * height), colour, -1, cv2.LINE_AA)
    return shown


def jitter(frames: Frames, strength: int, rng: np.random.Generator) -> Frames:
    """Throw the whole picture about."""
    reach = JITTER_SHIFT[strength - 1] * frames.shape[1]
    height, width = frames.shape[1:3]
    shown = []
    for frame in frames:
        across, down = rng.uniform(-reach, reach, 2)
        matrix = np.array([[1, 0, across], [0, 1, down]])
        shown.append(cv2.warpAffine(frame, matrix, (width, height), borderMode=cv2.BORDER_REFLECT))
    return np.stack(shown)


def unsafe(frames: Frames, strength: int, rng: np.random.Generator) -> Frames:
    """Show, for a while, a drawing that a classifier of nudity takes for nudity; it shows none."""
    n, height, width = frames.shape[:3]
    n_shown = round(n * STANDIN_SHARE[strength - 1])
    start = int(rng.integers(n - n_shown + 1))
    shown = frames.copy()
    shown[start : start + n_shown] = paint_standin(width, height)
    return shown


INJECTIONS: Mapping[str, Injection] = MappingProxyType({
    "flicker": flicker,
    "jump_cut": jump_cut,
    "morph": morph,
    "freeze": freeze,
    "blur": blur,
    "noise": noise,
    "pop": pop,
    "jitter": jitter,
    "unsafe": unsafe,
})  # fmt: skip


def _lit(frame: Frames, gain: float) -> Frames:
    return np.asarray(cv2.convertScaleAbs(frame, alpha=gain), np.uint8)


def _clipped(values: npt.NDArray[np.floating]) -> Frames:
    return np.asarray(np.clip(values, 0, 255), np.uint8)
