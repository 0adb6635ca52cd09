"""Files to arrays: one sequential pass of PyAV that feeds every metric, within limits that no file can talk away.

First step of scoring. A vendor's file is untrusted: whatever is wrong with it ends as InvalidClip.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from evaluator.adapters.preprocess import halved
from evaluator.domain.arrays import LumaClip, RgbFrame
from evaluator.domain.errors import InvalidClip
from evaluator.domain.sampling import analysis_size, motion_step, spread

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"  # no playlists: those make FFmpeg open other files
CODECS = "h264,hevc,vp8,vp9,libdav1d,av1,libvpx,libvpx-vp9,mpeg4,aac,opus,vorbis,mp3,flac,ac3,pcm_s16le,pcm_s16be"
PLANAR_8_BIT = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})
USUAL_FPS = 24.0  # where the file does not say
MAX_HELD = 16  # full-size frames held while the number of frames is still unknown
MAX_RGB_SIDE_PX = 1280  # larger pictures are shrunk before the models see them at 224 px
MIN_SIDE_PX = 16
MIN_DECODED_SHARE = 0.9  # of the frames that the index lists; fewer means the file was cut off
MAX_CORRUPT_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What a clip may cost at most."""

    size_bytes: int = 512 * 1024 * 1024
    duration_s: float = 65.0  # the longest clip that can be ordered lasts 60 s
    frame_px: int = 4096 * 2304
    n_frames: int = 4_000
    wall_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedClip:
    """Everything the metrics look at.

    Attributes:
        luma: All frames (at most 30 a second) at analysis size, (T, H, W).
        frames: Sampled pictures in order, RGB, sides at most 1280 px.
        times_s: When each of them is shown.
        n_frames: Frames decoded.
        duration_s: From the number of frames and the rate.
        corrupt: Share of frames that the decoder had to patch, [0, 1].
    """

    luma: LumaClip
    frames: list[RgbFrame]
    times_s: tuple[float, ...]
    width_px: int
    height_px: int
    fps: float
    n_frames: int
    duration_s: float
    codec: str
    has_audio: bool
    corrupt: float


def decode_clip(
    path: Path,
    *,
    n_sampled: int = 8,
    limits: DecodeLimits | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> DecodedClip:
    """Decode a file once, front to back, on one thread.

    Args:
        path: The file.
        n_sampled: Pictures to keep in full colour, spread evenly.
        limits: What the clip may cost.
        monotonic: Clock for the limit on time, in seconds.

    Raises:
        InvalidClip: Not a video, broken, cut off, or beyond a limit.
    """
    limits = limits or DecodeLimits()
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise InvalidClip("clip.empty", "the file is empty")
    if size_bytes > limits.size_bytes:
        raise InvalidClip("clip.too_large", f"the file has {size_bytes} bytes, at most {limits.size_bytes} are read")
    # The protocol list keeps a crafted file from making FFmpeg open anything but the file itself.
    options = {
        "format_whitelist": FORMATS,
        "codec_whitelist": CODECS,
        "protocol_whitelist": "file",
        "max_pixels": str(limits.frame_px),
    }
    try:
        with av.open(str(path), "r", options=options, timeout=(limits.wall_s, limits.wall_s)) as container:
            return _read(container, limits, n_sampled, monotonic)
    except (av.FFmpegError, ValueError, OverflowError, MemoryError) as err:
        raise InvalidClip("clip.undecodable", f"the file cannot be decoded: {type(err).__name__}") from err


def _read(container: Any, limits: DecodeLimits, n_sampled: int, monotonic: Callable[[], float]) -> DecodedClip:
    if not container.streams.video:
        raise InvalidClip("clip.no_video", "the file has no video stream")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise InvalidClip("clip.undecodable", "the file is coded in a way that is not read here")
    fps = _checked(stream, container, limits)
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    gathered = _Gathered(fps=fps)
    deadline = monotonic() + limits.wall_s
    for frame in container.decode(stream):
        gathered.add(frame)
        if gathered.n_frames > limits.n_frames:
            raise InvalidClip("clip.too_long", f"the clip has more than {limits.n_frames} frames")
        if monotonic() > deadline:
            raise InvalidClip("clip.too_slow", f"the clip takes more than {limits.wall_s:g} s to decode")
    gathered.check_complete(declared=stream.frames)
    sampled = spread(len(gathered.held), n_sampled)
    return DecodedClip(
        luma=np.stack(gathered.luma),
        frames=[_to_rgb(gathered.held[index]) for index in sampled],
        times_s=tuple(index * gathered.held_step / fps for index in sampled),
        width_px=gathered.size[0],
        height_px=gathered.size[1],
        fps=fps,
        n_frames=gathered.n_frames,
        duration_s=gathered.n_frames / fps,
        codec=stream.codec_context.name,
        has_audio=bool(container.streams.audio),
        corrupt=gathered.n_corrupt / gathered.n_frames,
    )


def _checked(stream: VideoStream, container: Any, limits: DecodeLimits) -> float:
    """Hold what the header claims against the limits before the first frame is decoded; give the frame rate."""
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > limits.frame_px:
        raise InvalidClip("clip.too_many_pixels", f"{width}x{height} is more than {limits.frame_px} pixels a frame")
    if container.duration is not None and container.duration / av.time_base > limits.duration_s:
        raise InvalidClip("clip.too_long", f"the clip lasts longer than {limits.duration_s:g} s")
    rate = stream.average_rate or stream.guessed_rate
    fps = float(rate) if rate else USUAL_FPS
    return fps if 0 < fps <= 240 else USUAL_FPS  # noqa: PLR2004 - beyond 240 the header is wrong


class _Gathered:
    """Frames on their way in: brightness of all, and a few whole frames evenly spaced although the end is unknown."""

    def __init__(self, *, fps: float) -> None:
        self.luma: list[LumaClip] = []
        self.n_frames = 0
        self.n_corrupt = 0
        self.size = (0, 0)
        self._motion_step = motion_step(fps)
        self.held: list[VideoFrame] = []
        self.held_step = 1

    def add(self, frame: VideoFrame) -> None:
        """Take the next frame in."""
        if not self.n_frames:
            self.size = (frame.width, frame.height)
            self._check_size()
        if (frame.width, frame.height) != self.size:
            raise InvalidClip("clip.size_changes", "the picture changes its size within the clip")
        if self.n_frames % self._motion_step == 0:
            self.luma.append(_to_luma(frame, analysis_size(*self.size)))
        if self.n_frames % self.held_step == 0:
            self._hold(frame)
        self.n_frames += 1
        self.n_corrupt += bool(frame.is_corrupt)

    def check_complete(self, *, declared: int) -> None:
        """Refuse clips that ended early or came out damaged."""
        if len(self.luma) < 2:  # noqa: PLR2004 - a pair is the least that moves
            raise InvalidClip("clip.too_few_frames", f"the clip has {self.n_frames} frames")
        if self.n_frames < declared * MIN_DECODED_SHARE:
            raise InvalidClip("clip.truncated", f"the file lists {declared} frames and holds {self.n_frames}")
        if self.n_corrupt > self.n_frames * MAX_CORRUPT_SHARE:
            raise InvalidClip("clip.corrupt", f"{self.n_corrupt} of {self.n_frames} frames are damaged")

    def _hold(self, frame: VideoFrame) -> None:
        """Hold frames at a step that doubles whenever too many are held: no header is trusted to say how many come."""
        if len(self.held) == MAX_HELD:
            self.held = self.held[::2]
            self.held_step *= 2
            if self.n_frames % self.held_step:
                return
        self.held.append(frame)

    def _check_size(self) -> None:
        if min(self.size) < MIN_SIDE_PX:
            raise InvalidClip("clip.too_small", f"the picture has {self.size[0]}x{self.size[1]} pixels")


def _to_luma(frame: VideoFrame, size: tuple[int, int]) -> LumaClip:
    # The Y plane is the brightness already: reading it in place costs a third of a conversion.
    if frame.format.name not in PLANAR_8_BIT:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    pixels: Any = plane
    picture: Any = np.frombuffer(pixels, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
    # Two halvings take 0.4 of one step to a quarter.
    small = halved(picture, side_px=min(size))
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.uint8)


def _to_rgb(frame: VideoFrame) -> RgbFrame:
    picture = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    longest = max(picture.shape[:2])
    if longest <= MAX_RGB_SIDE_PX:
        return picture
    size = tuple(max(MIN_SIDE_PX, round(side * MAX_RGB_SIDE_PX / longest)) for side in picture.shape[1::-1])
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
