"""A clip that ends with a given picture: its last frames fade into it.

Used by the renderer for scenes, and by `anchor` for pictures.
"""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from simulator.scenes.canvas import UInt8Frame

FADED_SHARE = 0.4  # part of a clip in which it changes into its last picture


def fading(frames: Iterable[UInt8Frame], picture: UInt8Frame, *, n_frames: int) -> Iterator[UInt8Frame]:
    """Let frames change into a picture.

    Args:
        frames: Of the clip, each of the picture's shape (height, width, 3).
        picture: What the last frame shows.
        n_frames: Frames of the clip.
    """
    start = round((n_frames - 1) * (1 - FADED_SHARE))
    for index, frame in enumerate(frames):
        part = min(1.0, max(0.0, (index - start) / max(1, n_frames - 1 - start)))
        yield frame if part == 0 else np.asarray(cv2.addWeighted(frame, 1 - part, picture, part, 0), np.uint8)


def cropped(picture: UInt8Frame, size_px: tuple[int, int]) -> UInt8Frame:
    """Scale a picture to fill a frame of another shape, and cut off what hangs over."""
    width, height = size_px
    rows, columns = picture.shape[:2]
    scale = max(width / columns, height / rows)
    enlarged = cv2.resize(picture, (max(width, round(columns * scale)), max(height, round(rows * scale))))
    top, left = (enlarged.shape[0] - height) // 2, (enlarged.shape[1] - width) // 2
    return np.asarray(enlarged[top : top + height, left : left + width], np.uint8)
