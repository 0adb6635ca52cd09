"""Dense optical flow between neighbouring frames, and how well it explains the second frame.

The one heavy pass over the frames: everything the motion metric needs is reduced to blocks of 20 x 20 px here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
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

    def calc(self, before: LumaClip, after: LumaClip) -> Floats:
        """Give the flow: from (H, W) uint8 to (H, W, 2), px, x before y."""
        ...


class Dis:
    """OpenCV's DIS: half a millisecond a pair on one core.

    The preset ultrafast separates clean from broken clips as well as fast does, at half its cost.

    Source: Kroeger et al. 2016, Fast Optical Flow using Dense Inverse Search.
    """

    id = "dis-ultrafast"

    def __init__(self) -> None:
        self._dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)

    def calc(self, before: LumaClip, after: LumaClip) -> Floats:
        """Give the flow of one pair; not from several threads at once."""
        return np.asarray(self._dis.calc(before, after, None), np.float32)


@dataclass(frozen=True, slots=True)
class FlowTrack:
    """What the flow explains, for each of P = T - 1 pairs of frames and each of R x C blocks.

    Attributes:
        residual: What the better of "moved" and "stayed" leaves unexplained over the block's contrast, (P, R, C), >= 0.
        drift: Change of brightness along the motion, grey levels, (P, R, C).
        flow: Mean motion, px at analysis size per frame, (P, R, C, 2), x before y.
        failure: Share of pixels whose forward and backward flow disagree, [0, 1], (ceil(P / 4),).
        change: How much the block that changed most differs from before, light aside, grey levels, (P,).
        likeness: Correlation of the two frames' thumbnails, gain-invariant, [-1, 1], (P,).
        luma: Mean brightness of the clip, [0, 255].
    """

    residual: Floats
    drift: Floats
    flow: Floats
    failure: Floats
    change: Floats
    likeness: Floats
    luma: float


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
        drift=np.stack([pair.drift for pair in pairs]),
        flow=np.stack([pair.flow for pair in pairs]),
        failure=np.array([pair.failure for pair in pairs[::BACKWARD_EVERY]]),
        change=np.array([pair.change for pair in pairs]),
        likeness=np.array([pair.likeness for pair in pairs]),
        luma=float(luma.mean()),
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    residual: Floats
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


def _pairs(luma: LumaClip, engine: FlowEngine) -> Iterator[_Pair]:
    # Warping and comparing happen at half size: a quarter of the work, and single-pixel codec noise averages out.
    height, width = luma.shape[1] // 2, luma.shape[2] // 2
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    grid = np.dstack([columns, rows])
    before, contrast_before = _half(luma[0])
    for index in range(len(luma) - 1):
        after, contrast = _half(luma[index + 1])
        forward = engine.calc(luma[index], luma[index + 1])
        step = _shrink(forward, (width, height)) * np.float32(0.5)
        target = grid + step
        warped = _look_up(after, target)
        # A pixel of which the flow points even partly out of the frame mixes in the marker and falls below 0.
        inside = warped >= 0
        failure = 0.0
        if index % BACKWARD_EVERY == 0:
            backward = engine.calc(luma[index + 1], luma[index])
            returned = _look_up(_shrink(backward, (width, height)) * np.float32(0.5), target)
            failure = _disagreement(step, returned, inside)
        residual, drift, change = _unexplained(before, after, warped, inside.astype(np.float32))
        yield _Pair(
            residual=residual / ((contrast_before + contrast) / 2 + CONTRAST_FLOOR),
            drift=drift,
            flow=_blocks(step) * 2,
            failure=failure,
            change=change,
            likeness=_likeness(before, after),
        )
        before, contrast_before = after, contrast


def _half(frame: LumaClip) -> tuple[Floats, Floats]:
    """Give the frame at half size, and the standard deviation of brightness within each block."""
    half = _shrink(frame, (frame.shape[1] // 2, frame.shape[0] // 2)).astype(np.float32)
    variance = _blocks(half * half) - _blocks(half) ** 2
    return half, np.sqrt(np.maximum(variance, 0))


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
    size = (difference.shape[1], difference.shape[0])
    return cv2.resize(_shrink(difference, LIGHT_GRID), size, interpolation=cv2.INTER_LINEAR)


def _disagreement(forward: Floats, returned: Floats, inside: Floats) -> float:
    # Sundaram's tolerance (1 % of the squared motion + 0.5 px^2) at half size: 0.5 / 4.
    tolerance = 0.01 * (_squared(forward) + _squared(returned)) + 0.125
    wrong = (_squared(forward + returned) > tolerance) & inside
    return float(wrong.sum()) / max(float(inside.sum()), 1.0)


def _squared(vectors: Floats) -> Floats:
    across, down = vectors[..., 0], vectors[..., 1]
    return np.asarray(across * across + down * down)


def _likeness(before: Floats, after: Floats) -> float:
    one, two = _shrink(before, THUMBNAIL), _shrink(after, THUMBNAIL)
    one, two = one - one.mean(), two - two.mean()
    return float((one * two).sum() / np.sqrt((one**2).sum() * (two**2).sum() + 1))


def _blocks(half: Floats) -> Floats:
    """Average over blocks: (H / 2, W / 2, ...) becomes (H / 20, W / 20, ...)."""
    return _shrink(half, (half.shape[1] * 2 // BLOCK_PX, half.shape[0] * 2 // BLOCK_PX))


def _shrink(picture: Floats | LumaClip, size: tuple[int, int]) -> Floats:
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
