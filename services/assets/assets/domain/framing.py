"""Where a crop looks at each moment: it keeps the subject, and it does not jitter.

From the saliency of each frame to a place for the crop: the average over a few frames, the window that holds most of
it, the median against slips, a Gaussian over most of a second, and a slack within which the crop stands still. Shots
are framed apart. Every step looks ahead a few frames, so frames wait that long and no longer, however long the clip.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

MEAN_REACH = 3
MEDIAN_REACH = 5
SMOOTH_REACH = 12
SMOOTH_SIGMA = 4.0
"""Analysed frames, at about 24 a second."""
REACH = MEAN_REACH + MEDIAN_REACH + SMOOTH_REACH
SLACK = 0.006
"""Share of the picture that the subject may move before the crop follows."""
_REFINEMENTS = 3


def crop_size(width_px: int, height_px: int, ratio: tuple[int, int]) -> tuple[int, int]:
    """Give the largest window of a ratio inside a picture; both sides even."""
    wide, high = ratio
    if width_px * high >= height_px * wide:
        width, height = height_px * wide / high, float(height_px)
    else:
        width, height = float(width_px), width_px * high / wide
    return 2 * math.floor(width / 2), 2 * math.floor(height / 2)


class CropPath:
    """The path of one crop along one side of the picture.

    Args:
        share: Of the side that the crop covers, in (0, 1].
        reach: Frames that it may look ahead, at most `REACH`; fewer where frames are large and memory is not.
    """

    def __init__(self, share: float, *, reach: int = REACH) -> None:
        self._share = share
        self._smooth_reach = max(1, reach - MEAN_REACH - MEDIAN_REACH)
        self._profiles: list[Floats] = []
        self._shots: list[int] = []
        self._targets: dict[int, float] = {}
        self._medians: dict[int, float] = {}
        self._place: float | None = None
        self._shot = 0

    @property
    def reach(self) -> int:
        """A frame's place is final once so many further frames are known."""
        return MEAN_REACH + MEDIAN_REACH + self._smooth_reach

    @property
    def n_frames(self) -> int:
        """Frames known."""
        return len(self._profiles)

    def add(self, profile: Floats, *, is_cut: bool) -> None:
        """Take the next frame's saliency in."""
        self._shot += is_cut
        self._profiles.append(profile)
        self._shots.append(self._shot)

    def centre(self, index: int) -> float:
        """Give the middle of the crop at a frame, as a share of the side; ask for frames in order."""
        near = self._near(index, self._smooth_reach)
        weights = np.exp(-0.5 * ((np.array(near) - index) / SMOOTH_SIGMA) ** 2)
        wanted = float(np.dot(weights, [self._median(each) for each in near]) / weights.sum())
        starts_shot = index > 0 and self._shots[index] != self._shots[index - 1]
        if self._place is None or starts_shot:
            self._place = wanted
        self._place = min(max(self._place, wanted - SLACK), wanted + SLACK)
        half = self._share / 2
        return min(max(self._place, half), 1 - half)

    def _median(self, index: int) -> float:
        if index not in self._medians:
            targets = [self._target(each) for each in self._near(index, MEDIAN_REACH)]
            self._medians[index] = float(np.median(targets))
        return self._medians[index]

    def _target(self, index: int) -> float:
        if index not in self._targets:
            profiles = [self._profiles[each] for each in self._near(index, MEAN_REACH)]
            self._targets[index] = best_window(np.asarray(np.mean(profiles, axis=0), np.float32), self._share)
        return self._targets[index]

    def _near(self, index: int, reach: int) -> Sequence[int]:
        """Frames of the same shot around one."""
        around = range(max(0, index - reach), min(len(self._profiles), index + reach + 1))
        return [each for each in around if self._shots[each] == self._shots[index]]


def best_window(profile: Floats, share: float) -> float:
    """Find the middle of the window that holds most of a profile, and centre it on what it holds.

    Args:
        profile: Weights, >= 0; all of them 0: the middle is as good as any place.
        share: Of the profile that the window covers, in (0, 1].

    Returns:
        Share of the side, [0, 1].
    """
    n = len(profile)
    size = min(n, max(1, round(share * n)))
    total = np.concatenate([[0.0], np.cumsum(profile, dtype=np.float64)])
    if total[-1] <= 0:
        return 0.5
    start = int(np.argmax(total[size:] - total[:-size]))
    centre = start + size / 2
    for _ in range(_REFINEMENTS):
        start = min(max(round(centre - size / 2), 0), n - size)
        held = profile[start : start + size]
        if held.sum() <= 0:
            break
        centre = float(np.dot(np.arange(start, start + size) + 0.5, held) / held.sum())
    return centre / n
