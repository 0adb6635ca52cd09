"""A still of a clip: its first frame as a picture, from which an image-to-video model can go on.

Called where a finished draft is taken in; the picture anchors the final to it.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from media.probe import Unreadable, check_streams
from media.rules import LIMITS, open_options

STILL = "first.jpg"
STILL_TYPE = "image/jpeg"
"""Every vendor takes JPEG, and one of a 720p frame is a tenth of a PNG: it travels inside the request."""
QUALITY = "2"
"""The best that the encoder has: what it loses no model sees."""


def first_frame(path: Path) -> bytes:
    """Read the first frame of a clip as JPEG.

    Args:
        path: A file that `probe` has found to be a whole clip.

    Raises:
        Unreadable: It cannot be decoded after all.
    """
    try:
        with av.open(str(path), options=open_options(LIMITS), timeout=(LIMITS.wall_s, LIMITS.wall_s)) as container:
            check_streams(container)
            frame = next(iter(container.decode(video=0)), None)
            if frame is None:
                raise Unreadable("clip.undecodable", "no frame")
            return _jpeg(frame)
    except (FFmpegError, OSError, ValueError, OverflowError, MemoryError) as err:
        raise Unreadable("clip.undecodable", type(err).__name__) from err


def _jpeg(frame: Any) -> bytes:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 1)
    encoder.options = {"qmin": QUALITY, "qmax": QUALITY}
    still = frame.reformat(format="yuvj420p")
    still.pts = 0
    return b"".join(bytes(packet) for packet in (*encoder.encode(still), *encoder.encode(None)))
