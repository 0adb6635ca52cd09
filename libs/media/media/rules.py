"""What a file must be to be a clip: containers, codecs and limits, and how FFmpeg is told so.

A vendor's file is untrusted. FFmpeg is opened so that a crafted file can reach nothing but itself.
"""

from dataclasses import dataclass

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
"""Containers that are read. No playlists: those make FFmpeg open other files."""
VIDEO_CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mpeg4"})
AUDIO_CODECS = frozenset({"aac", "opus", "vorbis", "mp3", "flac", "ac3", "pcm_s16le", "pcm_s16be"})
_DECODERS = "libdav1d,libvpx,libvpx-vp9"
MIN_SIDE_PX = 16
MAX_FPS = 240.0
"""A rate beyond this is a broken header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a clip may cost at most.

    Attributes:
        size_bytes: Of the file.
        duration_s: The longest clip that can be ordered lasts 60 s.
        frame_px: Width times height.
        n_frames: Of the picture.
        wall_s: To read it to its end.
    """

    size_bytes: int = 512 * 1024 * 1024
    duration_s: float = 65.0
    frame_px: int = 4096 * 2304
    n_frames: int = 4_000
    wall_s: float = 120.0


LIMITS = Limits()


def open_options(limits: Limits = LIMITS) -> dict[str, str]:
    """Give FFmpeg's options for opening an untrusted file."""
    codecs = sorted(VIDEO_CODECS | AUDIO_CODECS)
    return {
        "format_whitelist": FORMATS,
        "codec_whitelist": f"{','.join(codecs)},{_DECODERS}",
        "protocol_whitelist": "file",
        "max_pixels": str(limits.frame_px),
    }
