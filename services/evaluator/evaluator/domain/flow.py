"""Dense optical flow between neighbouring frames, and how well it explains the second frame.

The one heavy pass over the frames: everything the motion metric needs is reduced to blocks of 20 x 20 px here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import cv2
import numpy as np

from evaluator.domain.arrays import Floats, LumaClip
from evaluator.domain.errors import InvalidClip
from evaluator.domain.sampling import BLOCK_PX

CONTRAST_FLOOR = 6.0  # grey levels; in flatter blocks an error of this size is what one sees as noise
BACKWARD_EVERY = 4  # forward-backward agreement changes slowly: every fourth pair tells it at a quarter of the cost
OUTSIDE = -1e6  # marks pixels that the flow points out of the frame
MIN_COVER = 0.3  # a block of which less than this stays in view says nothing about warping
LIGHT_GRID = (4, 4)  # brightness drifts over areas this coarse are light, not texture
THUMBNAIL = (32, 18)


class FlowEngine(Protocol):
    """What measures the flow of one pair of frames.

    Attributes:
        id: Its name in every score.
    """

    id: str

    def prepare(self, frame: LumaClip) -> Any:
        """Give a frame, (H, W) uint8, as `calc` takes it: done once, although the frame stands in several pairs."""
        ...

    def calc(self, before: Any, after: Any) -> Floats:
        """Give the flow from one prepared frame to another at half size: (H / 2, W / 2, 2), in its px, x before y."""
        ...


class Dis:
    """OpenCV's DIS: less than half a millisecond a pair on one core.

    The preset ultrafast separates clean from broken clips as well as fast does, at half its cost. Both search at a
    quarter of the size: they get the quarter instead of making it, twice for each frame, and blow the flow up to twice
    that, not to four times. The flow at half size is the same.

    Args:
        preset: One of OpenCV's.

    Source: Kroeger et al. 2016, Fast Optical Flow using Dense Inverse Search.
    """

    id = "dis-ultrafast"

    def __init__(self, preset: int = cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST) -> None:
        self._dis: Any = cv2.DISOpticalFlow.create(preset)
        self._dis.setFinestScale(0)

    def prepare(self, frame: LumaClip) -> Any:
        """Shrink a frame, sides multiples of 4 px, to where the search ends."""
        return cv2.resize(frame, (frame.shape[1] // 4, frame.shape[0] // 4), interpolation=cv2.INTER_AREA)

    def calc(self, before: Any, after: Any) -> Floats:
        """Give the flow of one pair; not from several threads at once."""
        size = (before.shape[1] * 2, before.shape[0] * 2)
        flow: Any = cv2.resize(self._dis.calc(before, after, None), size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(flow * np.float32(2), np.float32)


@dataclass(frozen=True, slots=True)
class FlowTrack:
    """What the flow explains, for each of P = T - 1 pairs of frames and each of R x C blocks.

    Attributes:
        residual: What the better of "moved" and "stayed" leaves unexplained over the block's contrast, (P, R, C), >= 0.
        contrast: Standard deviation of brightness within the block, grey levels, (P, R, C).
        drift: Change of brightness along the motion, grey levels, (P, R, C).
        flow: Mean motion, px at analysis size per frame, (P, R, C, 2), x before y.
        failure: Share of pixels whose forward and backward flow disagree, [0, 1], (P,); NaN where nobody looked.
        change: How much the block that changed most differs from before, light aside, grey levels, (P,).
        likeness: Correlation of the two frames' thumbnails, gain-invariant, [-1, 1], (P,).
        luma: Mean brightness of the clip, [0, 255].
    """

    residual: Floats
    contrast: Floats
    drift: Floats
    flow: Floats
    failure: Floats
    change: Floats
    likeness: Floats
    luma: float

    def only(self, pairs: Floats) -> "FlowTrack":
        """Leave out all pairs but those marked, (P,) of bool."""
        return replace(
            self,
            residual=self.residual[pairs],
            contrast=self.contrast[pairs],
            drift=self.drift[pairs],
            flow=self.flow[pairs],
            failure=self.failure[pairs],
            change=self.change[pairs],
            likeness=self.likeness[pairs],
        )


def track_flow(luma: LumaClip, engine: FlowEngine | None = None) -> FlowTrack:
    """Measure the flow of every pair of neighbouring frames.

    Args:
        luma: Shape (T, H, W), uint8, T >= 2, H and W multiples of 20 px.
        engine: What measures the flow; None: DIS.

    Raises:
        InvalidClip: Fewer than two frames, or another shape or type.

    Source: Forward-backward test: Sundaram et al. 2010.
    """
    _check(luma)
    pairs = tuple(_pairs(luma, engine or Dis()))
    return FlowTrack(
        residual=np.stack([pair.residual for pair in pairs]),
        contrast=np.stack([pair.contrast for pair in pairs]),
        drift=np.stack([pair.drift for pair in pairs]),
        flow=np.stack([pair.flow for pair in pairs]),
        failure=np.array([pair.failure for pair in pairs]),
        change=np.array([pair.change for pair in pairs]),
        likeness=np.array([pair.likeness for pair in pairs]),
        luma=cv2.mean(luma.reshape(len(luma), -1))[0],
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    residual: Floats
    contrast: Floats
    drift: Floats
    flow: Floats
    failure: float
    change: float
    likeness: float


def _check(luma: LumaClip) -> None:
    if luma.ndim != 3 or luma.dtype != np.uint8:  # noqa: PLR2004 - time, rows, columns
        raise InvalidClip("clip.bad_array", f"luma must be uint8 of shape (T, H, W), not {luma.dtype} {luma.shape}")
    if luma.shape[0] < 2:  # noqa: PLR2004 - a pair
        raise InvalidClip("clip.too_few_frames", "motion needs at least two frames")
    if luma.shape[1] % BLOCK_PX or luma.shape[2] % BLOCK_PX:
        raise InvalidClip(
            "clip.bad_array", f"height and width must be multiples of {BLOCK_PX} px, not {luma.shape[1:]}"
        )


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame, ready to be compared with its neighbours."""

    # Comparing happens at half size: a quarter of the work, and single-pixel codec noise averages out.
    half: Floats
    contrast: Floats
    thumbnail: Floats
    prepared: Any


def _frame(luma: LumaClip, engine: FlowEngine) -> _Frame:
    half = _shrink(luma, (luma.shape[1] // 2, luma.shape[0] // 2)).astype(np.float32)
    variance = _blocks(half * half) - _blocks(half) ** 2
    thumbnail = _shrink(half, THUMBNAIL)
    return _Frame(half, np.sqrt(np.maximum(variance, 0)), thumbnail - thumbnail.mean(), engine.prepare(luma))


def _pairs(luma: LumaClip, engine: FlowEngine) -> Iterator[_Pair]:
    height, width = luma.shape[1] // 2, luma.shape[2] // 2
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    grid = np.dstack([columns, rows])
    for index, (before, after) in enumerate(pairwise(_frame(frame, engine) for frame in luma)):
        step = engine.calc(before.prepared, after.prepared)
        target = grid + step
        warped = _look_up(after.half, target)
        # A pixel of which the flow points even partly out of the frame mixes in the marker and falls below 0.
        inside = warped >= 0
        failure = np.nan
        if index % BACKWARD_EVERY == 0:
            returned = _look_up(engine.calc(after.prepared, before.prepared), target)
            failure = _disagreement(step, returned, inside)
        residual, drift, change = _unexplained(before.half, after.half, warped, inside.astype(np.float32))
        usual = (before.contrast + after.contrast) / 2
        yield _Pair(
            residual=residual / (usual + CONTRAST_FLOOR),
            contrast=usual,
            drift=drift,
            flow=_blocks(step) * 2,
            failure=failure,
            change=change,
            likeness=_likeness(before.thumbnail, after.thumbnail),
        )


def _look_up(picture: Floats, target: Floats) -> Floats:
    nowhere: Any = None
    return cv2.remap(picture, target, nowhere, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=OUTSIDE)


def _unexplained(before: Floats, after: Floats, warped: Floats, inside: Floats) -> tuple[Floats, Floats, float]:
    """Compare the second frame with the first, once along the flow and once in place, and keep the better account.

    Codecs leave slow areas standing for several frames; there the flow is wrong and "it stayed" is right.
    """
    cover = _blocks(inside)
    moved, stayed = (warped - before) * inside, after - before
    along, in_place = _blocks(moved) / np.maximum(cover, 0.05), _blocks(stayed)
    use_flow = (np.abs(along) < np.abs(in_place)) & (cover > MIN_COVER)
    standing = np.abs(stayed - _light(stayed))
    error = np.minimum(np.abs(moved - _light(moved)) + (1 - inside) * -OUTSIDE, standing)
    residual = np.where(cover > MIN_COVER, _blocks(error), 0)
    return residual, np.where(use_flow, along, in_place), float(_blocks(standing).max())


def _light(difference: Floats) -> Floats:
    """Give the coarse part of a difference: what a lamp, a cloud or a fade does."""
    height, width = difference.shape
    # One side after the other: OpenCV averages over whole pixels ten times as fast as over parts of them.
    coarse = _shrink(_shrink(difference, (LIGHT_GRID[0], height)), LIGHT_GRID)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def _disagreement(forward: Floats, returned: Floats, inside: Floats) -> float:
    # Sundaram's tolerance (1 % of the squared motion + 0.5 px^2) at half size: 0.5 / 4.
    tolerance = 0.01 * (_squared(forward) + _squared(returned)) + 0.125
    wrong = (_squared(forward + returned) > tolerance) & inside
    return float(wrong.sum()) / max(float(inside.sum()), 1.0)


def _squared(vectors: Floats) -> Floats:
    across, down = vectors[..., 0], vectors[..., 1]
    return np.asarray(across * across + down * down)


def _likeness(one: Floats, two: Floats) -> float:
    return float((one * two).sum() / np.sqrt((one**2).sum() * (two**2).sum() + 1))


def _blocks(half: Floats) -> Floats:
    """Average over blocks: (H / 2, W / 2, ...) becomes (H / 20, W / 20, ...)."""
    return _shrink(half, (half.shape[1] * 2 // BLOCK_PX, half.shape[0] * 2 // BLOCK_PX))


def _shrink(picture: Floats | LumaClip, size: tuple[int, int]) -> Floats:
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
