"""Is the file what was ordered? Length, shape, size, rate, codec, sound, and frames that are black or damaged.

The technical metric. It has no weight in the aggregate: what makes a clip unfit for delivery stops it, the rest is
said.
"""

from dataclasses import dataclass

import numpy as np

from evaluator.domain.arrays import LumaClip
from evaluator.domain.asked import Asked

BLACK_LEVEL = 24  # the brightest hundredth of a frame is darker than that: nothing to be seen, video black is 16
NEARLY_ALL = 0.98  # of a frame's pixels are dark where its 99th percentile can be
TOO_SHORT = 0.9  # of the length ordered; vendors round to whole frames, not to whole seconds
OTHER_SHAPE = 0.06  # relative; 1280 x 704 for 16:9 is 0.02 off
TOO_SMALL = 0.9  # of the lines ordered
CHOPPY_FPS = 12.0
MAX_BLACK = 0.15  # of the frames: a fade from black is shorter
MAX_CORRUPT = 0.02
PLAYABLE = frozenset({"h264", "hevc", "vp9", "av1", "libdav1d", "libvpx-vp9", "vp8", "libvpx"})
"""What browsers and editors play; the names of FFmpeg's decoders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What decoding found."""

    width_px: int
    height_px: int
    fps: float
    duration_s: float
    codec: str
    has_audio: bool
    corrupt: float


@dataclass(frozen=True, slots=True)
class DeliveryParts:
    """The file against the order; ratios are 1 where nothing was ordered.

    Attributes:
        length: Duration over the one ordered.
        shape: Width over height, over the one ordered.
        lines: Pixels of the shorter side, over the number ordered.
        fps: Frames per second.
        black: Share of frames in which nothing can be seen, [0, 1].
        corrupt: Share of frames that the decoder had to patch, [0, 1].
        silent: 1 where sound was ordered and there is none.
        playable: 1 where browsers know the codec.
    """

    length: float = 1.0
    shape: float = 1.0
    lines: float = 1.0
    fps: float = 24.0
    black: float = 0.0
    corrupt: float = 0.0
    silent: float = 0.0
    playable: float = 1.0


def measure_delivery(facts: FileFacts, asked: Asked, *, black: float) -> DeliveryParts:
    """Hold the file against the order."""
    return DeliveryParts(
        length=facts.duration_s / asked.duration_s if asked.duration_s else 1.0,
        shape=facts.width_px / facts.height_px / asked.aspect if asked.aspect else 1.0,
        lines=min(facts.width_px, facts.height_px) / asked.shorter_px if asked.shorter_px else 1.0,
        fps=facts.fps,
        black=black,
        corrupt=facts.corrupt,
        silent=float(asked.audio and not facts.has_audio),
        playable=float(facts.codec in PLAYABLE),
    )


def black_share(luma: LumaClip) -> float:
    """Give the share of frames that are black all over, of brightness (T, H, W), uint8."""
    pixels = luma[:, ::4, ::4].reshape(len(luma), -1)
    # Finding a percentile sorts; counting tells which frames it is worth while for, in most clips none.
    dark = pixels[(pixels < BLACK_LEVEL).mean(axis=1) > NEARLY_ALL]
    return float((np.percentile(dark, 99, axis=1) < BLACK_LEVEL).sum()) / len(luma) if len(dark) else 0.0


Fault = tuple[str, str]
"""Stable code and sentence."""


def unfit(parts: DeliveryParts) -> tuple[Fault, ...]:
    """Name what makes the file unfit for delivery, however good its pictures are."""
    checks = (
        (parts.length < TOO_SHORT, "too_short", f"It lasts {parts.length:.0%} of what was ordered."),
        (parts.silent > 0, "no_sound", "Sound was ordered and there is none."),
        (parts.black > MAX_BLACK, "black_frames", f"{parts.black:.0%} of the frames are black."),
        (parts.corrupt > MAX_CORRUPT, "damaged_frames", f"{parts.corrupt:.0%} of the frames are damaged."),
    )
    return tuple((flag, reason) for holds, flag, reason in checks if holds)


def blemishes(parts: DeliveryParts) -> tuple[Fault, ...]:
    """Name what differs from the order and can be delivered all the same."""
    checks = (
        (abs(parts.shape - 1) > OTHER_SHAPE, "other_shape", "The picture has another shape than ordered."),
        (parts.lines < TOO_SMALL, "low_resolution", f"It has {parts.lines:.0%} of the lines that were ordered."),
        (parts.fps < CHOPPY_FPS, "low_frame_rate", f"It has {parts.fps:.3g} frames a second."),
        (parts.playable < 1, "unusual_codec", "Browsers do not know its codec."),
    )
    return tuple((flag, reason) for holds, flag, reason in checks if holds)
