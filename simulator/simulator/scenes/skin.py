"""A stand-in for what must not be delivered: smooth shapes in skin tones that fill the picture, and nothing else.

Nothing is shown that anybody would mind; the classifier (Yahoo's open NSFW model) minds all the same, at 0.3 to 0.7
against less than 0.02 for the scenes. So the way of an unsafe clip can be walked without one.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np

from simulator.scenes.canvas import RGB, UInt8Frame

_EDGE = 8.0  # how hard an outline is
_SOFTEN_PX = 2.0


class _Shape(NamedTuple):
    """One ellipse: middle in shares of the picture, radii in heights, turn in degrees."""

    x: float
    y: float
    along: float
    across: float
    turn: float
    colour: RGB


_LIGHT, _DARK = (224, 172, 140), (205, 150, 120)
_SHAPES = (
    _Shape(0.5, 0.5, 1.2, 0.8, 0.0, _LIGHT),
    _Shape(0.35, 0.55, 0.6, 0.35, 30.0, _LIGHT),
    _Shape(0.68, 0.5, 0.5, 0.3, -25.0, _DARK),
)


def skin_tones(size_px: tuple[int, int], *, t_s: float) -> UInt8Frame:
    """Paint the shapes at one moment; they breathe a little, so that the clip is not frozen.

    Args:
        size_px: Width and height.
        t_s: Seconds since the start.
    """
    width, height = size_px
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    picture = np.full((height, width, 3), (96, 70, 62), np.float32)
    for number, shape in enumerate(_SHAPES):
        breath = 1.0 + 0.03 * math.sin(1.7 * t_s + number)
        turn = math.radians(shape.turn)
        dx, dy = x - shape.x * width, y - shape.y * height
        along = (dx * math.cos(turn) + dy * math.sin(turn)) / (shape.along * breath * height)
        across = (dy * math.cos(turn) - dx * math.sin(turn)) / (shape.across * breath * height)
        distance = (along * along + across * across)[..., None]
        shade = np.clip(1.08 - 0.45 * distance, 0.5, 1.1) * np.array(shape.colour, np.float32)
        cover = np.clip((1.0 - distance) * _EDGE, 0.0, 1.0)
        picture = picture * (1.0 - cover) + shade * cover
    return np.asarray(np.clip(cv2.GaussianBlur(picture, (0, 0), _SOFTEN_PX), 0, 255), np.uint8)
