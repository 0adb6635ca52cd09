"""Every subject of the grammar: how it is painted, how large it is, whether it stands on the ground.

Used by `stage.py` to make the sprite of each subject once per clip.
"""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from simulator.scenes import nature, things, vehicles
from simulator.scenes.canvas import RGB, Canvas, shade
from simulator.scenes.grammar import SubjectName

Sprite = npt.NDArray[np.uint8]
"""Premultiplied RGBA, shape (N, N, 4), uint8."""

_OUTLINE = 0.012  # of the sprite's side; keeps a thing apart from a ground of its own colour
_BORDER = 0.56  # half side of the sprite, a little more than the painter's 0.5, so that the outline fits


class Kind(Struct, frozen=True, kw_only=True):
    """How one kind of subject is drawn.

    Attributes:
        paint: Paints into the square from -0.5 to 0.5.
        foot: Where the thing touches the ground, in its own square (y down); None floats.
        scale: Its height next to the other kinds.
    """

    paint: Callable[[Canvas, RGB], None]
    foot: float | None = None
    scale: float = 1.0


KINDS: dict[SubjectName, Kind] = {
    "cup": Kind(paint=things.cup, foot=0.42),
    "ball": Kind(paint=things.ball, foot=0.44, scale=0.85),
    "car": Kind(paint=vehicles.car, foot=0.31, scale=1.25),
    "boat": Kind(paint=vehicles.boat, foot=0.36, scale=1.15),
    "tree": Kind(paint=nature.tree, foot=0.47, scale=1.25),
    "house": Kind(paint=vehicles.house, foot=0.42, scale=1.25),
    "kite": Kind(paint=things.kite, scale=1.1),
    "fox": Kind(paint=nature.fox, foot=0.4, scale=1.2),
    "cat": Kind(paint=nature.cat, foot=0.47, scale=1.1),
    "bird": Kind(paint=nature.bird, scale=1.05),
    "fish": Kind(paint=nature.fish, scale=1.05),
    "flower": Kind(paint=nature.flower, foot=0.48, scale=1.15),
    "lamp": Kind(paint=things.lamp, foot=0.45, scale=1.1),
    "book": Kind(paint=things.book, foot=0.36, scale=1.1),
    "star": Kind(paint=things.star),
    "balloon": Kind(paint=things.balloon, scale=1.15),
    "rocket": Kind(paint=vehicles.rocket, scale=1.15),
    "umbrella": Kind(paint=things.umbrella, foot=0.44, scale=1.15),
}


def paint_sprite(name: SubjectName, colour: RGB, *, side_px: int) -> Sprite:
    """Paint one subject.

    Args:
        name: Which subject.
        colour: Its main colour.
        side_px: Side of the square sprite, >= 8.

    Returns:
        The sprite; the painter's square takes the middle 1 / 1.12 of it.
    """
    pixels = np.zeros((side_px, side_px, 4), np.uint8)
    KINDS[name].paint(Canvas(pixels, unit_px=side_px / (2 * _BORDER)), colour)
    return _outlined(pixels, colour, width_px=max(1, round(_OUTLINE * side_px)))


def _outlined(sprite: Sprite, colour: RGB, *, width_px: int) -> Sprite:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width_px + 1, 2 * width_px + 1))
    around = cv2.dilate(np.ascontiguousarray(sprite[..., 3]), kernel).astype(np.float32)
    luma = 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]
    line = np.array([*shade(colour, 0.5 if luma < 60 else -0.7), 255], np.float32) / 255.0  # noqa: PLR2004
    under = around[..., None] * line
    covered = sprite[..., 3:4].astype(np.float32) / 255.0
    return np.asarray(np.clip(sprite + under * (1.0 - covered), 0, 255), np.uint8)
