"""Technical quality of the picture: what a lens, an exposure or a codec can do wrong.

Stands in the aggregate's aesthetic slot under its own name, because it is not a model of taste: a dull clip without
faults scores high. An aesthetic model can take the slot once there is one.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from evaluator.domain.arrays import Floats, GreyFrame, RgbFrame
from evaluator.domain.errors import InvalidClip

MODEL = "technical_quality-3"
WIDTH_PX = 640  # larger pictures are measured at this width, so that a 4k and a 720p clip compare; none is enlarged
AREAS = (16, 9)  # columns and rows of areas whose sharpness is told apart
FOCUS_SHARE = 0.75  # of the areas may be out of focus or in motion: a lens is sharp where it is focused
EDGES_NEEDED = 0.6  # grey levels a pixel: an area with fewer edges shows nothing to be sharp
BLUR_PX = 9  # length of the second blur, Crete et al.
CODEC_GRID_PX = 8
GRID_LINES = 4  # every fourth line shows the grid as well as all do
BLACK, WHITE = 4, 251  # beyond these the exposure has eaten the detail
EDGE_LEVELS = 2.0  # steps below this are flat paint or noise and tell nothing about focus
QUIET_SHARE = 0.2  # noise is read where the picture is calmest, so that texture is not taken for noise

# (bad, good): nothing up to the first value, full marks from the second on; reversed where low is good.
SHARPNESS = (0.38, 0.62)
CONTRAST = (0.03, 0.20)
CLIPPED = (0.60, 0.20)
DARKNESS = (0.02, 0.14)
COLOUR = (0.00, 0.10)
NOISE = (8.0, 1.5)
BLOCKING = (2.50, 0.80)
SMEARED_PX = (2.0, 6.0)  # motion at which a shutter begins to smear the whole picture, and smears it most
SMEAR = 0.10  # of sharpness that it may take
LEAST = {"sharpness": 0.15, "contrast": 0.3, "exposure": 0.2, "colour": 0.75, "noise": 0.2, "blocking": 0.3}
"""What is left of the score when one part is as bad as it gets: a grey clip may be meant, a blurred one hardly is."""


@dataclass(frozen=True, slots=True)
class TechnicalParts:
    """The measured parts of the picture, averaged over the sampled frames.

    Attributes:
        sharpness: Share of edge contrast that a further blur takes away, in the sharper areas, [0, 1]; higher is
            sharper.
        contrast: Distance from the 5th to the 95th percentile of luma, [0, 1].
        brightness: Mean luma, [0, 1].
        clipped: Share of pixels at black or white, [0, 1].
        colourfulness: Hasler and Suesstrunk's measure over 255, >= 0; natural pictures 0.1 to 0.4.
        noise: Standard deviation in the calmest parts, grey levels, >= 0.
        blocking: Steps on the 8 px grid against steps off it, minus 1; 0 without block edges.
    """

    sharpness: float
    contrast: float
    brightness: float
    clipped: float
    colourfulness: float
    noise: float
    blocking: float


def measure_technical(frames: list[RgbFrame]) -> TechnicalParts:
    """Measure the picture over sampled frames.

    Args:
        frames: At least one, each (H, W, 3), uint8 RGB, at least 16 px on either side.

    Raises:
        InvalidClip: No frame.

    Source: Crete et al. 2007 (blur), Immerkaer 1996 (noise), Hasler and Suesstrunk 2003 (colourfulness).
    """
    if not frames:
        raise InvalidClip("clip.too_few_frames", "there is no picture to measure")
    parts = [_measure(frame) for frame in frames]
    return TechnicalParts(*(float(np.mean(column)) for column in zip(*parts, strict=True)))


def score_technical(parts: TechnicalParts, *, speed_px: float = 0.0) -> float:
    """Fold the parts into technical quality in [0, 1]: the product of what each fault leaves.

    Args:
        parts: As measured.
        speed_px: Mean motion at analysis size, px per frame: what a shutter smears is not out of focus.
    """
    smear = SMEAR * (1 - _mark(speed_px, (SMEARED_PX[1], SMEARED_PX[0])))
    marks = {
        "sharpness": _mark(parts.sharpness + smear, SHARPNESS),
        "contrast": _mark(parts.contrast, CONTRAST),
        "exposure": min(_mark(parts.clipped, CLIPPED), _mark(parts.brightness, DARKNESS)),
        "colour": _mark(parts.colourfulness, COLOUR),
        "noise": _mark(parts.noise, NOISE),
        "blocking": _mark(parts.blocking, BLOCKING),
    }
    return float(np.prod([LEAST[name] + (1 - LEAST[name]) * mark for name, mark in marks.items()]))


def _measure(frame: RgbFrame) -> tuple[float, ...]:
    small = _at_width(frame)
    luma = _grey(small)
    counts = cv2.calcHist([luma], [0], None, [256], (0, 256)).ravel().astype(np.int64)
    levels = np.arange(256)
    return (
        _sharpness(luma),
        (_percentile(counts, 0.95) - _percentile(counts, 0.05)) / 255,
        float((counts * levels).sum()) / luma.size / 255,
        float(counts[(levels < BLACK) | (levels > WHITE)].sum()) / luma.size,
        _colourfulness(small),
        _noise(luma),
        _blocking(_grey(frame)),
    )


def _percentile(counts: Floats, share: float) -> float:
    """Give the level below which a share of the pixels lies, of the number of pixels at each level; as NumPy does."""
    up_to = np.cumsum(counts)
    rank = share * (up_to[-1] - 1)
    low, high = np.searchsorted(up_to, [np.floor(rank), np.ceil(rank)], side="right")
    return float(low + (high - low) * (rank % 1))


def _grey(frame: RgbFrame) -> GreyFrame:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


def _at_width(frame: RgbFrame) -> RgbFrame:
    if frame.shape[1] <= WIDTH_PX:
        return frame
    height = max(16, round(frame.shape[0] * WIDTH_PX / frame.shape[1]))
    return np.asarray(cv2.resize(frame, (WIDTH_PX, height), interpolation=cv2.INTER_AREA), np.uint8)


def _sharpness(luma: GreyFrame) -> float:
    """Blur again and see how much edge contrast goes: a picture that is blurred already has little to lose.

    Told area by area: a shallow depth of field and a fast thing in the picture are no fault, an unsharp picture is.
    """
    lost: Floats | float = 0.0
    total: Floats | float = 0.0
    for axis in (1, 0):
        steps = cv2.threshold(_steps(luma, axis, 1), EDGE_LEVELS, 0, cv2.THRESH_TOZERO)[1]
        # Neighbouring means of nine pixels share eight of them: their step is that of the two others, over nine.
        wide = np.pad(luma, [(BLUR_PX // 2,) * 2 if side == axis else (0, 0) for side in (0, 1)], mode="reflect")
        blurred = _steps(wide, axis, BLUR_PX)
        left = cv2.addWeighted(steps, 1, blurred, -1 / BLUR_PX, 0, dtype=cv2.CV_32F)
        lost = lost + _areas(cv2.threshold(left, 0, 0, cv2.THRESH_TOZERO)[1], AREAS)
        total = total + _areas(steps, AREAS)
    with_edges = np.asarray(total) > EDGES_NEEDED
    if not with_edges.any():
        return 0.0
    return float(np.quantile((lost / np.maximum(total, 1e-6))[with_edges], FOCUS_SHARE))


def _steps(luma: GreyFrame, axis: int, distance: int) -> GreyFrame:
    """Give the differences between pixels some distance apart, without their sign."""
    one, other = (luma[distance:], luma[:-distance]) if axis == 0 else (luma[:, distance:], luma[:, :-distance])
    return np.asarray(cv2.absdiff(one, other), np.uint8)


def _areas(values: Floats | GreyFrame, areas: tuple[int, int]) -> Floats:
    """Average over areas (columns, rows) whose edges may fall within pixels.

    The integral is linear within a pixel, so that four of its values give an area's sum exactly; OpenCV's resize takes
    three times as long for edges that fall within pixels.
    """
    integral = cv2.integral(values, sdepth=cv2.CV_64F)
    for n in areas[::-1]:
        at = np.linspace(0, len(integral) - 1, n + 1)
        before = np.minimum(at.astype(int), len(integral) - 2)
        share = (at - before)[:, None]
        lines = integral[before] * (1 - share) + integral[before + 1] * share
        integral = np.diff(lines, axis=0).T * n / (len(integral) - 1)
    return np.asarray(integral)


def _colourfulness(frame: RgbFrame) -> float:
    """Spread and mean of red against green, and of yellow against blue.

    All of it follows from the three distances between the channels: yellow against blue is half of (red - blue) +
    (green - blue), and twice the product of these is the sum of their squares less that of (red - green).
    """
    red, green, blue = cv2.split(frame)
    means = [cv2.mean(channel)[0] for channel in (red, green, blue)]
    pairs = ((red, green), (red, blue), (green, blue))
    apart, from_red, from_green = (cv2.norm(one, two, cv2.NORM_L2SQR) / red.size for one, two in pairs)
    mean_one, mean_two = means[0] - means[1], (means[0] + means[1]) / 2 - means[2]
    spread = apart - mean_one**2 + (2 * from_red + 2 * from_green - apart) / 4 - mean_two**2
    return float(np.sqrt(max(spread, 0)) + 0.3 * np.hypot(mean_one, mean_two)) / 255


def _noise(luma: GreyFrame) -> float:
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    response = np.abs(cv2.filter2D(luma, cv2.CV_32F, kernel))[1:-1, 1:-1]
    areas = _areas(response, (max(1, response.shape[1] // 16), max(1, response.shape[0] // 16)))
    return float(np.quantile(areas, QUIET_SHARE)) * float(np.sqrt(np.pi / 2)) / 6


def _blocking(luma: GreyFrame) -> float:
    excess = []
    for lines, axis in ((luma[::GRID_LINES], 1), (luma[:, ::GRID_LINES].copy(), 0)):
        steps = cv2.reduce(_steps(lines, axis, 1), 1 - axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
        on_grid = np.arange(len(steps)) % CODEC_GRID_PX == CODEC_GRID_PX - 1
        if on_grid.any() and not on_grid.all():
            # Half a grey level keeps flat paint, where both are near 0, from looking like blocks.
            excess.append((steps[on_grid].mean() + 0.5) / (steps[~on_grid].mean() + 0.5) - 1)
    return float(max(0.0, np.mean(excess))) if excess else 0.0


def _mark(value: float, limits: tuple[float, float]) -> float:
    bad, good = limits
    return float(min(1.0, max(0.0, (value - bad) / (good - bad))))
