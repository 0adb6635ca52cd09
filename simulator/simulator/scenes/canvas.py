"""A canvas measured in picture heights: cv2 drawing with anti-aliasing, the same picture at 64 or at 1080 pixels.

Used by the subject and place painters; knows nothing about scenes.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

UInt8Frame = npt.NDArray[np.uint8]
"""RGB picture, shape (H, W, 3), uint8."""
RGB = tuple[int, int, int]
Point = tuple[float, float]

_SHIFT = 4  # cv2 takes fixed-point coordinates with this many fractional bits
_ONE = 1 << _SHIFT


def shade(colour: RGB, amount: float) -> RGB:
    """Mix a colour with white (amount > 0) or black (amount < 0); amount in [-1, 1]."""
    target = 255.0 if amount > 0 else 0.0
    weight = min(abs(amount), 1.0)
    r, g, b = (round(channel + (target - channel) * weight) for channel in colour)
    return (r, g, b)


def mix(first: RGB, second: RGB, weight: float) -> RGB:
    """Blend two colours; weight 0 gives the first, 1 the second."""
    r, g, b = (round(a + (z - a) * weight) for a, z in zip(first, second, strict=True))
    return (r, g, b)


class Canvas:
    """Pixels with an origin in the middle, x to the right, y down, one unit = `unit_px` pixels."""

    def __init__(self, pixels: npt.NDArray[np.uint8], *, unit_px: float) -> None:
        self.pixels = pixels
        self.unit_px = unit_px
        height, width = pixels.shape[:2]
        # Pixel centres lie at whole numbers for cv2, hence the half pixel.
        self._middle = (width / 2.0 - 0.5, height / 2.0 - 0.5)
        self.half_width = width / 2.0 / unit_px
        self.half_height = height / 2.0 / unit_px

    def _fixed(self, points: Sequence[Point]) -> npt.NDArray[np.int32]:
        # Plain arithmetic: for the few points of one shape it is quicker than an array.
        unit, (middle_x, middle_y) = self.unit_px, self._middle
        fixed = [(round((x * unit + middle_x) * _ONE), round((y * unit + middle_y) * _ONE)) for x, y in points]
        return np.array(fixed, np.int32)

    def _fixed_point(self, point: Point) -> tuple[int, int]:
        x, y = self._fixed([point])[0]
        return int(x), int(y)

    def _length(self, value: float) -> int:
        return max(round(value * self.unit_px * _ONE), _ONE // 2)

    def colour_at(self, point: Point) -> RGB:
        """The colour that is there; points outside give the nearest edge."""
        height, width = self.pixels.shape[:2]
        x, y = (round(at / _ONE) for at in self._fixed_point(point))
        r, g, b = self.pixels[min(max(y, 0), height - 1), min(max(x, 0), width - 1), :3]
        return int(r), int(g), int(b)

    def polygon(self, points: Sequence[Point], colour: RGB) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self.pixels, [self._fixed(points)], (*colour, 255), cv2.LINE_AA, _SHIFT)

    def box(self, left: float, top: float, right: float, bottom: float, *, colour: RGB) -> None:
        """Fill an upright rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def ellipse(
        self, centre: Point, radii: Point, colour: RGB, *, angle: float = 0.0, arc: tuple[float, float] = (0.0, 360.0)
    ) -> None:
        """Fill an ellipse, or the pie slice between two angles in degrees (clockwise from the right)."""
        axes = (self._length(radii[0]), self._length(radii[1]))
        cv2.ellipse(self.pixels, self._fixed_point(centre), axes, angle, *arc, (*colour, 255), -1, cv2.LINE_AA, _SHIFT)

    def ring(
        self, centre: Point, radii: Point, colour: RGB, *, width: float, arc: tuple[float, float] = (0.0, 360.0)
    ) -> None:
        """Draw the outline of an ellipse or of one of its arcs."""
        axes = (self._length(radii[0]), self._length(radii[1]))
        thickness = max(1, round(width * self.unit_px))
        cv2.ellipse(
            self.pixels, self._fixed_point(centre), axes, 0.0, *arc, (*colour, 255), thickness, cv2.LINE_AA, _SHIFT
        )

    def line(self, points: Sequence[Point], colour: RGB, *, width: float) -> None:
        """Draw an open line through the points."""
        thickness = max(1, round(width * self.unit_px))
        cv2.polylines(self.pixels, [self._fixed(points)], False, (*colour, 255), thickness, cv2.LINE_AA, _SHIFT)

    def gradient(self, top: RGB, bottom: RGB, *, between: tuple[float, float] | None = None) -> None:
        """Fill full-width rows of an RGB canvas from `top` to `bottom`; `between` gives their y, default all."""
        start, stop = between or (-self.half_height, self.half_height)
        height = self.pixels.shape[0]
        first = int(np.clip(round((start + self.half_height) * self.unit_px), 0, height))
        last = int(np.clip(round((stop + self.half_height) * self.unit_px), 0, height))
        if last <= first:
            return
        weight = np.linspace(0.0, 1.0, last - first, dtype=np.float32)[:, None]
        rows = (1 - weight) * np.array(top, np.float32) + weight * np.array(bottom, np.float32)
        column = rows.astype(np.uint8)[:, None, :]
        size = (self.pixels.shape[1], last - first)
        self.pixels[first:last] = cv2.resize(column, size, interpolation=cv2.INTER_NEAREST)
