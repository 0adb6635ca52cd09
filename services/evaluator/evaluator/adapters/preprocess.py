"""From a frame to a CLIP's input: one path for both engines, so that their embeddings can be compared.

Centre square, area averaging (OpenCV), CLIP's statistics. `reference` is the slow path that open_clip was trained with
(Pillow's bicubic); it costs three times as much and is there to check against.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from evaluator.domain.arrays import RgbFrame, Squares

Resampling = Literal["area", "reference"]
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How pictures become input.

    Attributes:
        side_px: Side of the square that the model takes.
        mean: Per channel, of pixels in [0, 1].
        std: Per channel.
        path: `area` or `reference`.
    """

    side_px: int
    mean: tuple[float, ...] = CLIP_MEAN
    std: tuple[float, ...] = CLIP_STD
    path: Resampling = "area"

    @property
    def id(self) -> str:
        """Name for the score's record."""
        return f"{self.path}-{self.side_px}"

    def squares(self, frames: Sequence[RgbFrame]) -> Squares:
        """Cut and scale the pictures: (N, side, side, 3) uint8, a quarter of the bytes of what the model takes."""
        resize = _by_area if self.path == "area" else _by_reference
        return np.stack([resize(frame, self.side_px) for frame in frames])

    def normal(self, squares: Squares) -> npt.NDArray[np.float32]:
        """Give the model's input, (N, 3, side, side) float32."""
        pixels = squares.astype(np.float32) / 255
        normal = (pixels - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(normal.transpose(0, 3, 1, 2))

    def __call__(self, frames: Sequence[RgbFrame]) -> npt.NDArray[np.float32]:
        """Do both."""
        return self.normal(self.squares(frames))


def halved(picture: npt.NDArray[np.uint8], *, side_px: int) -> npt.NDArray[np.uint8]:
    """Halve a picture while both sides are even and the shorter one stays at or above a length.

    Halving is the one step that OpenCV does several pixels at a time: what is halved first is scaled in half of the
    time, to nearly the same.

    Args:
        picture: (height, width) or (height, width, 3).
        side_px: No side becomes shorter.
    """
    while picture.shape[0] % 2 == picture.shape[1] % 2 == 0 and min(picture.shape[:2]) >= 2 * side_px:
        size = (picture.shape[1] // 2, picture.shape[0] // 2)
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return picture


def _by_area(frame: RgbFrame, side_px: int) -> RgbFrame:
    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = frame[top : top + side, left : left + side]
    # OpenCV halves many pixels at a time: halving first takes a third of the time of one large step. Once, because
    # every step rounds: embeddings turn by less than 1e-4 (cosine), after three halvings by up to 8e-3.
    if side >= 2 * side_px and side % 2 == 0:
        side //= 2
        square = np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    way = cv2.INTER_AREA if side >= side_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (side_px, side_px), interpolation=way), np.uint8)


def _by_reference(frame: RgbFrame, side_px: int) -> RgbFrame:
    """Do as open_clip's transform does: shortest side to size by bicubic, then the centre square."""
    height, width = frame.shape[:2]
    scale = side_px / min(height, width)
    size = (max(side_px, int(width * scale)), max(side_px, int(height * scale)))
    picture = np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))
    top, left = round((size[1] - side_px) / 2), round((size[0] - side_px) / 2)
    return np.asarray(picture[top : top + side_px, left : left + side_px], np.uint8)
