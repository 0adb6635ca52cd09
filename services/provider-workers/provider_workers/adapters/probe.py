"""Probe a stored clip with PyAV: is it whole, and what is in it?"""

from pathlib import Path

import av
from av.error import FFmpegError
from dailies_contracts import MediaFacts

FRAME_TOLERANCE = 1
"""Containers may count one frame more than they hold."""


class Unreadable(Exception):
    """The file is not a video that can be played to its end."""


def probe(path: Path) -> MediaFacts:
    """Read a clip's facts, decode its first frame, and see that every frame the container promises is there.

    Args:
        path: A local file.

    Raises:
        Unreadable: No video stream, a frame that cannot be decoded, or a file that ends early.
    """
    try:
        with av.open(str(path)) as container:
            return _facts(container, path.stat().st_size)
    except (FFmpegError, OSError, ValueError) as err:
        raise Unreadable(type(err).__name__) from err


def _facts(container: "av.container.InputContainer", size_bytes: int) -> MediaFacts:
    if not container.streams.video:
        raise Unreadable("no video stream")
    stream = container.streams.video[0]
    frame = next(container.decode(stream), None)
    if frame is None:
        raise Unreadable("no frame can be decoded")
    container.seek(0)
    n_frames, end_s, tick_s = 0, 0.0, float(stream.time_base or 0)
    for packet in container.demux(stream):
        if packet.size and not packet.is_corrupt:
            if packet.pos is not None and packet.pos + packet.size > size_bytes:
                raise Unreadable("the file ends inside a frame")
            n_frames += 1
            end_s = max(end_s, ((packet.pts or 0) + (packet.duration or 0)) * tick_s)
    if n_frames + FRAME_TOLERANCE < stream.frames:
        raise Unreadable(f"{n_frames} of {stream.frames} frames")
    fps = stream.average_rate or stream.guessed_rate
    if end_s <= 0 or not fps:
        raise Unreadable("no duration or frame rate")
    return MediaFacts(
        duration_s=round(end_s, 3),
        width_px=frame.width,
        height_px=frame.height,
        fps=round(float(fps), 3),
        video_codec=stream.codec_context.name,
        has_audio=bool(container.streams.audio),
    )
