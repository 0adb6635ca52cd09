"""Input images as vendors receive them: decode, recognise, measure. Pure."""

import base64
import binascii
import struct

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8"
# JPEG start-of-frame markers: all of 0xC0 to 0xCF but the tables and extensions among them.
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def decode_base64(text: str) -> bytes | None:
    """Decode bare base64; None when it is something else, a `data:` URL for instance."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def size_of(image: bytes) -> tuple[int, int] | None:
    """Read width and height in pixels from a PNG or JPEG; None when it is neither."""
    if image.startswith(PNG) and len(image) >= 24:  # noqa: PLR2004 - signature, chunk head, two numbers
        width, height = struct.unpack(">II", image[16:24])
        return width, height
    return _jpeg_size(image) if image.startswith(JPEG) else None


def _jpeg_size(image: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(image) and image[at] == 0xFF:  # noqa: PLR2004 - every segment starts with 0xFF
        marker, length = image[at + 1], int.from_bytes(image[at + 2 : at + 4], "big")
        if marker in FRAME_MARKERS:
            height, width = struct.unpack(">HH", image[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None
