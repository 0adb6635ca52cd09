"""Which frames of a clip are looked at, and at which size: decided by arithmetic alone, so that it never changes."""

import math

from evaluator.domain.arrays import RgbFrame

BLOCK_PX = 20
"""Side of the blocks that motion is reduced to, at analysis size: 16 x 9 of them, enough to see one corner fail."""
ANALYSIS_AREA_PX = 320 * 180
MIN_SIDE_PX = 2 * BLOCK_PX
MOTION_FPS = 30.5  # faster clips are thinned: the eye's complaints live below, and the cost is bounded

LIT = 0.8  # of the brightest picture: a strobe halves the light and more


def analysis_size(width_px: int, height_px: int) -> tuple[int, int]:
    """Give the size at which motion is measured: about 57,600 px in the clip's shape, sides in multiples of 20 px.

    Returns:
        (width, height): 320 x 180 for 16:9, 180 x 320 for 9:16, 240 x 240 for 1:1.
    """
    height = math.sqrt(ANALYSIS_AREA_PX * height_px / width_px)
    return _to_blocks(height * width_px / height_px), _to_blocks(height)


def motion_step(fps: float) -> int:
    """Give the distance between the frames that the motion metric sees: 1 up to 30 frames a second, 2 up to 60, ..."""
    return max(1, math.ceil(fps / MOTION_FPS))


def spread(n_frames: int, n_wanted: int) -> list[int]:
    """Pick `n_wanted` indices evenly over 0 .. n_frames - 1, first and last included; all where there are fewer."""
    if n_frames <= n_wanted:
        return list(range(n_frames))
    if n_wanted == 1:
        return [n_frames // 2]
    return [round(index * (n_frames - 1) / (n_wanted - 1)) for index in range(n_wanted)]


def lit_pictures(frames: list[RgbFrame]) -> list[int]:
    """Choose the pictures that are nearly as bright as the brightest, at least one, in order."""
    brightness = [float(frame[::8, ::8].mean()) for frame in frames]
    return [index for index, value in enumerate(brightness) if value >= LIT * max(brightness)]


def _to_blocks(side: float) -> int:
    return max(MIN_SIDE_PX, round(side / BLOCK_PX) * BLOCK_PX)
