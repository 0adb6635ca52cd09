"""Probe a clip with PyAV: is it whole, is it within the rules, and what is in it? First step of every intake."""

from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from dailies_contracts import MediaFacts

from media.rules import AUDIO_CODECS, LIMITS, MAX_FPS, MIN_SIDE_PX, VIDEO_CODECS, Limits, open_options

FRAME_TOLERANCE = 1
"""Containers may count one frame more than they hold."""


class Unreadable(Exception):
    """The file is not a clip that can be played to its end.

    Attributes:
        code: Stable and dotted, for example `clip.truncated`.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


def probe(path: Path, limits: Limits = LIMITS) -> MediaFacts:
    """Read a clip's facts, decode its first frame, and see that every frame the container promises is there.

    Args:
        path: A local file.
        limits: What it may cost.

    Raises:
        Unreadable: No video stream, a container or codec that is not taken, a frame that cannot be decoded, a file
            that ends early, or one beyond a limit.
    """
    try:
        size_bytes = path.stat().st_size
        if not 0 < size_bytes <= limits.size_bytes:
            raise Unreadable("clip.too_large" if size_bytes else "clip.empty", f"{size_bytes} bytes")
        with av.open(str(path), options=open_options(limits), timeout=(limits.wall_s, limits.wall_s)) as container:
            return _facts(container, size_bytes, limits)
    except (FFmpegError, OSError, ValueError, OverflowError, MemoryError) as err:
        raise Unreadable("clip.undecodable", type(err).__name__) from err


def check_streams(container: Any, limits: Limits = LIMITS) -> None:
    """Hold what the header claims against the rules, before the first frame is decoded.

    Raises:
        Unreadable: It is not what we take.
    """
    if not container.streams.video:
        raise Unreadable("clip.no_video", "no video stream")
    context = container.streams.video[0].codec_context
    if context is None or canonical(context.name) not in VIDEO_CODECS:
        raise Unreadable("clip.codec", "the picture's codec is not taken")
    if any(
        each.codec_context is None or each.codec_context.name not in AUDIO_CODECS for each in container.streams.audio
    ):
        raise Unreadable("clip.codec", "the sound's codec is not taken")
    if context.width * context.height > limits.frame_px:
        raise Unreadable("clip.too_many_pixels", f"{context.width}x{context.height}")
    if min(context.width, context.height) < MIN_SIDE_PX:
        raise Unreadable("clip.too_small", f"{context.width}x{context.height}")
    if container.duration is not None and container.duration / av.time_base > limits.duration_s:
        raise Unreadable("clip.too_long", f"more than {limits.duration_s:g} s")


def rate_of(stream: Any) -> float:
    """Give the frames per second that a stream claims.

    Raises:
        Unreadable: None, or an impossible one.
    """
    rate = float(stream.average_rate or stream.guessed_rate or 0)
    if not 0 < rate <= MAX_FPS:
        raise Unreadable("clip.no_rate", f"{rate:g} frames a second")
    return rate


def canonical(codec: str) -> str:
    """Name a codec after its format rather than its decoder."""
    return {"libdav1d": "av1", "libvpx": "vp8", "libvpx-vp9": "vp9"}.get(codec, codec)


def _facts(container: Any, size_bytes: int, limits: Limits) -> MediaFacts:
    check_streams(container, limits)
    stream = container.streams.video[0]
    frame = next(container.decode(stream), None)
    if frame is None:
        raise Unreadable("clip.undecodable", "no frame can be decoded")
    end_s = _read_to_the_end(container, stream, size_bytes, limits)
    return MediaFacts(
        duration_s=round(end_s, 3),
        width_px=frame.width,
        height_px=frame.height,
        fps=round(rate_of(stream), 3),
        video_codec=canonical(stream.codec_context.name),
        has_audio=bool(container.streams.audio),
    )


def _read_to_the_end(container: Any, stream: Any, size_bytes: int, limits: Limits) -> float:
    """Read every packet, without decoding; give the end of the last one in seconds."""
    container.seek(0)
    n_frames, end_s, tick_s = 0, 0.0, float(stream.time_base or 0)
    for packet in container.demux(stream):
        if packet.size and not packet.is_corrupt:
            if packet.pos is not None and packet.pos + packet.size > size_bytes:
                raise Unreadable("clip.truncated", "the file ends inside a frame")
            n_frames += 1
            end_s = max(end_s, ((packet.pts or 0) + (packet.duration or 0)) * tick_s)
    if n_frames + FRAME_TOLERANCE < stream.frames:
        raise Unreadable("clip.truncated", f"{n_frames} of {stream.frames} frames")
    if end_s <= 0:
        raise Unreadable("clip.undecodable", "no duration")
    if end_s > limits.duration_s or n_frames > limits.n_frames:
        raise Unreadable("clip.too_long", f"{n_frames} frames, {end_s:g} s")
    return end_s
