"""A clip's frames and sound, front to back, in one pass of PyAV on one thread, within limits that hold.

Whatever is wrong with the file ends as Unreadable, whatever its header claims.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from media.probe import Unreadable, check_streams, rate_of
from media.rules import Limits, open_options

COPIED_SOUND = frozenset({"aac", "mp3", "ac3", "opus", "flac"})
"""Codecs that an MP4 carries as they are; other sound is left out of derivatives."""
MIN_READ_SHARE = 0.9
"""Of the frames that the index lists; fewer means the file was cut off."""


class Clip:
    """An open clip.

    Attributes:
        width_px: Of its picture.
        height_px: Of its picture.
        fps: Frames a second.
        sound: Its first sound stream where that can be copied, else None.
        colour: Of its picture, as FFmpeg numbers it: space, range, primaries, transfer.
    """

    def __init__(self, container: Any, limits: Limits, monotonic: Callable[[], float]) -> None:
        check_streams(container, limits)
        self._container, self._limits, self._monotonic = container, limits, monotonic
        self._stream = container.streams.video[0]
        self._stream.thread_type = "NONE"
        self._stream.codec_context.thread_count = 1
        context = self._stream.codec_context
        self.width_px, self.height_px = context.width, context.height
        self.fps = rate_of(self._stream)
        self.rate = self._stream.average_rate or self._stream.guessed_rate
        self.colour = (context.colorspace, context.color_range, context.color_primaries, context.color_trc)
        sounds = container.streams.audio
        self.sound = sounds[0] if sounds and sounds[0].codec_context.name in COPIED_SOUND else None
        self.n_frames = 0

    def parts(self) -> Iterator["VideoFrame | Packet[Any]"]:
        """Read every frame, in the order of showing, and between them the packets of the sound.

        Raises:
            Unreadable: The file is broken, cut off, or beyond a limit.
        """
        deadline = self._monotonic() + self._limits.wall_s
        streams = [self._stream] if self.sound is None else [self._stream, self.sound]
        try:
            for packet in self._container.demux(streams):
                if packet.stream is self._stream:
                    for frame in packet.decode():
                        yield self._checked(frame, deadline)
                elif packet.dts is not None:
                    yield packet
        except (av.FFmpegError, ValueError, OverflowError, MemoryError) as err:
            raise Unreadable("clip.undecodable", type(err).__name__) from err
        if self.n_frames < max(1, self._stream.frames * MIN_READ_SHARE):
            raise Unreadable("clip.truncated", f"{self.n_frames} of {self._stream.frames} frames")

    def _checked(self, frame: VideoFrame, deadline: float) -> VideoFrame:
        if (frame.width, frame.height) != (self.width_px, self.height_px):
            raise Unreadable("clip.size_changes", "the picture changes its size within the clip")
        self.n_frames += 1
        if self.n_frames > self._limits.n_frames:
            raise Unreadable("clip.too_long", f"more than {self._limits.n_frames} frames")
        if self._monotonic() > deadline:
            raise Unreadable("clip.too_slow", f"more than {self._limits.wall_s:g} s")
        return frame if frame.format.name == "yuv420p" else frame.reformat(format="yuv420p")


@contextmanager
def opened(path: Path, limits: Limits, *, monotonic: Callable[[], float] = time.monotonic) -> Iterator[Clip]:
    """Open a clip.

    Args:
        path: A local file; nothing but this file is opened.
        limits: What it may cost.
        monotonic: Clock for the limit on time, in seconds.

    Raises:
        Unreadable: It is not a clip.
    """
    size_bytes = path.stat().st_size
    if not 0 < size_bytes <= limits.size_bytes:
        raise Unreadable("clip.too_large" if size_bytes else "clip.empty", f"{size_bytes} bytes")
    try:
        container = av.open(str(path), options=open_options(limits), timeout=(limits.wall_s, limits.wall_s))
    except (av.FFmpegError, ValueError, OverflowError, MemoryError) as err:
        raise Unreadable("clip.undecodable", type(err).__name__) from err
    with container:
        yield Clip(container, limits, monotonic)
