"""Where the eye goes: how much of a picture's subject lies in each column (or row) of it.

What differs from its row and from its surroundings in colour counts, and so does what moves otherwise than the
camera. No model: a small picture and a few filters, a millisecond a frame.
"""

import cv2
import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

LONG_SIDE_PX = 64
_WEIGHTS = np.array([0.6, 1.3, 1.3], np.float32) ** 2  # of L, a and b: colour tells things apart better than light
_QUIET_SHARE = 70.0  # percentile of contrast that counts as background
_STEADY_LUMA = 0.5  # grey levels of change that are noise
_MOTION_FLOOR = 2.0  # grey levels: below this, motion hardly counts
_MOTION_WEIGHT = 0.8
_MIDDLE_PRIOR = 0.15  # of the weight is lost at the edge across
_UPRIGHT_PRIOR = 0.9
_EYE_LEVEL = 0.72  # share of the height where subjects stand
_CUT_LUMA = 28.0
"""Mean change of luma from one analysed frame to the next that is a cut, not motion."""


def analysis_size(width_px: int, height_px: int) -> tuple[int, int]:
    """Give the size at which a clip is looked at."""
    scale = LONG_SIDE_PX / max(width_px, height_px)
    return max(16, round(width_px * scale)), max(16, round(height_px * scale))


class Saliency:
    """Looks at the frames of one clip, one after the other.

    Args:
        along_width: The profile is over columns (for a crop that moves sideways), else over rows.
    """

    def __init__(self, *, along_width: bool) -> None:
        self._axis = 0 if along_width else 1
        self._before: Floats | None = None
        self._window: Floats | None = None

    def profile(self, picture: Rgb) -> tuple[Floats, bool]:
        """Look at the next frame.

        Args:
            picture: RGB, shape (H, W, 3), at `analysis_size`.

        Returns:
            How much of the subject lies in each column or row, and whether the frame begins another shot.
        """
        lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
        luma = np.ascontiguousarray(lab[..., 0])
        before, self._before = self._before, luma
        is_cut = before is not None and float(np.mean(np.abs(luma - before))) > _CUT_LUMA
        weight = _contrast(lab)
        if before is not None and not is_cut:
            weight = weight + _MOTION_WEIGHT * self._motion(before, luma)
        weight *= _prior(*luma.shape)
        return np.asarray(weight.sum(axis=self._axis), np.float32), is_cut

    def _motion(self, before: Floats, luma: Floats) -> Floats:
        """What moved otherwise than the whole picture did, [0, 1)."""
        height, width = luma.shape
        if self._window is None:
            self._window = np.asarray(cv2.createHanningWindow((width, height), cv2.CV_32F), np.float32)
        # Copies: OpenCV 5.0 multiplies the window into the pictures that it is given.
        (right, down), _ = cv2.phaseCorrelate(before.copy(), luma.copy(), self._window)
        shift = np.array([[1, 0, right], [0, 1, down]], np.float32)
        moved = cv2.warpAffine(before, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        change = cv2.GaussianBlur(np.abs(luma - moved), (0, 0), 2.0)
        change[:, :3] = change[:, -3:] = 0.0
        own = np.clip(change - 2 * np.median(change) - _STEADY_LUMA, 0, None)
        return np.asarray(own / (own.max() + _MOTION_FLOOR), np.float32)


def _contrast(lab: Floats) -> Floats:
    """What differs from its row and from its surroundings, [0, 1]: skies and floors do not."""
    from_row = lab - np.median(lab, axis=1, keepdims=True)
    from_around = cv2.GaussianBlur(lab, (0, 0), 1.0) - _surroundings(lab)
    both = np.sqrt(((from_row**2) @ _WEIGHTS) * ((from_around**2) @ _WEIGHTS))
    both = np.clip(both - np.percentile(both, _QUIET_SHARE), 0, None)
    return np.asarray(both / (both.max() + 1e-6), np.float32)


def _surroundings(lab: Floats) -> Floats:
    """Blur over a sixth of the picture; at a quarter of the size, because there it costs a tenth."""
    height, width = lab.shape[:2]
    quarter = cv2.resize(lab, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(quarter, (0, 0), LONG_SIDE_PX / 24)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _prior(height: int, width: int) -> Floats:
    across = (np.arange(width) + 0.5) / width * 2 - 1
    down = (np.arange(height) + 0.5) / height
    upright = np.clip(1 - _UPRIGHT_PRIOR * np.abs(down - _EYE_LEVEL) * 2, 0.05, None)
    return np.asarray((1 - _MIDDLE_PRIOR * across**2)[None, :] * upright[:, None], np.float32)
