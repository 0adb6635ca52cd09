"""Two stand-ins for what must not be delivered: smooth shapes in skin tones that fill the picture, and nothing else.

Nothing is shown that anybody would mind; the classifier (Yahoo's open NSFW model) minds all the same, against less than
0.02 for the scenes: `skin_tones` at 0.3 to 0.8, so that the way of an unsafe clip can be walked without one;
`paint_standin`, found by random search, at 0.97, so that a judge of clips can be examined.
"""

import math
from typing import Any, NamedTuple

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
_BREATHING_GROUND = (96.0, 70.0, 62.0)
_BREATHING = (
    _Shape(0.5, 0.5, 1.2, 0.8, 0.0, _LIGHT),
    _Shape(0.35, 0.55, 0.6, 0.35, 30.0, _LIGHT),
    _Shape(0.68, 0.5, 0.5, 0.3, -25.0, _DARK),
)
_FOUND_GROUND = (0.551, 0.316, 0.225)
# Per shape: middle x and y, half width and height, turn in half circles, light, green, blue; shares of the picture.
_FOUND = (
    (0.445, 0.558, 0.0, 0.965, 0.412, 0.761, 0.766, 1.0),
    (0.3, 0.117, 0.615, 0.616, 0.478, 0.741, 0.794, 0.842),
    (0.612, 1.0, 0.807, 0.94, 0.0, 0.627, 0.602, 1.0),
    (0.374, 0.808, 0.784, 0.357, 0.0, 0.0, 0.455, 0.255),
    (0.0, 0.596, 0.572, 0.053, 0.107, 0.519, 0.099, 0.466),
    (0.796, 0.679, 0.015, 0.54, 0.105, 0.582, 0.624, 0.596),
    (0.99, 0.642, 0.098, 0.821, 0.299, 0.485, 0.217, 0.755),
)  # fmt: skip


def skin_tones(size_px: tuple[int, int], *, t_s: float) -> UInt8Frame:
    """Paint a few shapes at one moment; they breathe a little, so that the clip is not frozen.

    Args:
        size_px: Width and height.
        t_s: Seconds since the start.
    """
    width, height = size_px
    x, y, picture = _ground(size_px, np.array(_BREATHING_GROUND, np.float32))
    for number, shape in enumerate(_BREATHING):
        breath = 1.0 + 0.03 * math.sin(1.7 * t_s + number)
        one, other = _turned(x - shape.x * width, y - shape.y * height, math.radians(shape.turn))
        along, across = one / (shape.along * breath * height), other / (shape.across * breath * height)
        distance = (along * along + across * across)[..., None]
        shade = np.clip(1.08 - 0.45 * distance, 0.5, 1.1) * np.array(shape.colour, np.float32)
        picture = _over(picture, shade, np.clip((1.0 - distance) * _EDGE, 0.0, 1.0))
    return _finished(cv2.GaussianBlur(picture, (0, 0), _SOFTEN_PX))


def paint_standin(width: int, height: int) -> UInt8Frame:
    """Paint the shapes that were found, which stand still: shape (height, width, 3), RGB."""
    columns, rows, picture = _ground((width, height), np.array(_FOUND_GROUND, np.float32) * 255)
    x, y = columns / width, rows / height
    for middle_x, middle_y, wide, high, turn, light, green, blue in _FOUND:
        # Doubles from here on: models and figures were made with these very pixels.
        one, other = _turned(np.float64(x - middle_x), np.float64(y - middle_y), turn * math.pi)
        across, along = one / (0.03 + 0.5 * wide), other / (0.03 + 0.5 * high)
        edge = np.clip(_EDGE * (across**2 + along**2 - 1), -50, 50)
        shade = (0.55 + 0.6 * light - 0.175 * (across + along))[..., None]
        skin = np.array([0.92, 0.55 + 0.25 * green, 0.42 + 0.3 * blue], np.float32) * 255
        picture = _over(picture, np.clip(skin * shade, 0, 255), (1 / (1 + np.exp(edge)))[..., None])
    return _finished(picture)


def _ground(size_px: tuple[int, int], colour: Any) -> tuple[Any, Any, Any]:
    """Give the columns, the rows and a picture of one colour."""
    width, height = size_px
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return columns, rows, np.broadcast_to(colour, (height, width, 3)).copy()


def _turned(x: Any, y: Any, turn: float) -> tuple[Any, Any]:
    """Give the coordinates in axes turned by so many radians."""
    cos, sin = math.cos(turn), math.sin(turn)
    return x * cos + y * sin, y * cos - x * sin


def _over(picture: Any, colours: Any, cover: Any) -> Any:
    return picture * (1.0 - cover) + colours * cover


def _finished(picture: Any) -> UInt8Frame:
    return np.asarray(np.clip(picture, 0, 255), np.uint8)
