"""An H.264 file on its way out: encoded on one thread, its index in front, the clip's own sound copied in."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.packet import Packet
from av.video.frame import VideoFrame

from assets.adapters.reader import Clip

Plane = npt.NDArray[np.uint8]


class VideoFile:
    """One derived video.

    Args:
        path: File to write.
        clip: What it is derived from: rate, colours and sound are the same.
        size_px: Width and height, both even.
        preset: x264's preset.
        crf: Constant rate factor: lower is better and larger.
    """

    def __init__(self, path: Path, clip: Clip, *, size_px: tuple[int, int], preset: str, crf: int) -> None:
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        options = {"preset": preset, "crf": str(crf)}
        stream: Any = self._container.add_stream("libx264", rate=clip.rate, options=options)
        stream.width, stream.height = size_px
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = 1
        context.colorspace, context.color_range, context.color_primaries, context.color_trc = clip.colour
        self._stream = stream
        self._size_px = size_px
        self._sound: Any = None
        if clip.sound is not None:
            self._sound = self._container.add_stream_from_template(clip.sound)
        self._n_frames = 0
        self._tick = 1 / Fraction(clip.rate)

    def __enter__(self) -> Self:
        """Open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what the encoder still holds, and the index."""
        try:
            if error is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def show(self, frame: VideoFrame) -> None:
        """Write the next frame, which has the file's size."""
        frame.pts, frame.time_base = self._n_frames, self._tick
        self._n_frames += 1
        self._container.mux(self._stream.encode(frame))

    def show_part(self, frame: VideoFrame, *, left_px: int, top_px: int) -> None:
        """Write the part of a frame that begins at an even place and has the file's size."""
        width, height = self._size_px
        out = np.empty((height * 3 // 2, width), np.uint8)
        planes = planes_of(frame)
        out[:height] = planes[0][top_px : top_px + height, left_px : left_px + width]
        quarters = out[height:].reshape(2, height // 2, width // 2)
        for quarter, plane in zip(quarters, planes[1:], strict=True):
            quarter[:] = plane[top_px // 2 : (top_px + height) // 2, left_px // 2 : (left_px + width) // 2]
        self.show(VideoFrame.from_numpy_buffer(out, format="yuv420p"))

    def hear(self, packet: "Packet[Any]") -> None:
        """Copy a packet of the clip's sound."""
        if self._sound is not None:
            packet.stream = self._sound
            self._container.mux(packet)


def shrunk(frame: VideoFrame, size_px: tuple[int, int]) -> VideoFrame:
    """Shrink a yuv420p frame plane by plane, to even sides: half the time of FFmpeg's scaler, and averaged as well."""
    width, height = size_px
    out = np.empty((height * 3 // 2, width), np.uint8)
    halves = out[height:].reshape(2, height // 2, width // 2)
    for plane, target in zip(planes_of(frame), (out[:height], *halves), strict=True):
        cv2.resize(plane, (target.shape[1], target.shape[0]), dst=target, interpolation=cv2.INTER_AREA)
    small = VideoFrame.from_numpy_buffer(out, format="yuv420p")
    small.colorspace, small.color_range = frame.colorspace, frame.color_range
    return small


def planes_of(frame: VideoFrame) -> tuple[Plane, ...]:
    """Look at the planes of a planar 8-bit frame in place."""
    views = []
    for plane in frame.planes:
        pixels: Any = plane
        view = np.frombuffer(pixels, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        views.append(view)
    return tuple(views)
