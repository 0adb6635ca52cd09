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
    r, g, b = (int(round(channel + (target - channel) * weight)) for channel in colour)
    return (r, g, b)


def mix(first: RGB, second: RGB, weight: float) -> RGB:
    """Blend two colours; weight 0 gives the first, 1 the second."""
    r, g, b = (int(round(a + (z - a) * weight)) for a, z in zip(first, second, strict=True))
    return (r, g, b)


class Canvas:
    """Pixels with an origin in the middle, x to the right, y down, one unit = `unit_px` pixels."""

    def __init__(self, pixels: npt.NDArray[np.uint8], *, unit_px: float) -> None:
        self.pixels = pixels
        self.unit_px = unit_px
        height, width = pixels.shape[:2]
        self._middle = np.array([width / 2.0, height / 2.0])
        self.half_width = width / 2.0 / unit_px
        self.half_height = height / 2.0 / unit_px

    def _fixed(self, points: Sequence[Point]) -> npt.NDArray[np.int32]:
        raw = np.asarray(points, dtype=np.float64) * self.unit_px + self._middle - 0.5
        return np.round(raw * _ONE).astype(np.int32)

    def _length(self, value: float) -> int:
        return max(round(value * self.unit_px * _ONE), _ONE // 2)

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
        x, y = self._fixed([centre])[0]
        axes = (self._length(radii[0]), self._length(radii[1]))
        cv2.ellipse(
            self.pixels, (int(x), int(y)), axes, angle, *arc, (*colour, 255), -1, cv2.LINE_AA, _SHIFT
        )

    def ring(self, centre: Point, radii: Point, colour: RGB, *, width: float, arc: tuple[float, float] = (0.0, 360.0)) -> None:
        """Draw the outline of an ellipse or of one of its arcs."""
        x, y = self._fixed([centre])[0]
        axes = (self._length(radii[0]), self._length(radii[1]))
        thickness = max(1, round(width * self.unit_px))
        cv2.ellipse(
            self.pixels, (int(x), int(y)), axes, 0.0, *arc, (*colour, 255), thickness, cv2.LINE_AA, _SHIFT
        )

    def line(self, points: Sequence[Point], colour: RGB, *, width: float) -> None:
        """Draw an open line through the points."""
        thickness = max(1, round(width * self.unit_px))
        cv2.polylines(self.pixels, [self._fixed(points)], False, (*colour, 255), thickness, cv2.LINE_AA, _SHIFT)

    def gradient(self, top: RGB, bottom: RGB, *, between: tuple[float, float] | None = None) -> None:
        """Fill full-width rows with a vertical gradient; `between` gives its top and bottom, default the whole canvas."""
        start, stop = between or (-self.half_height, self.half_height)
        height = self.pixels.shape[0]
        first = int(np.clip(round((start + self.half_height) * self.unit_px), 0, height))
        last = int(np.clip(round((stop + self.half_height) * self.unit_px), 0, height))
        if last <= first:
            return
        weight = np.linspace(0.0, 1.0, last - first, dtype=np.float32)[:, None]
        rows = (1 - weight) * np.array(top, np.float32) + weight * np.array(bottom, np.float32)
        self.pixels[first:last, :, :3] = rows[:, None, :].astype(np.uint8)
