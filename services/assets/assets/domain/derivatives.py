"""What is derived from a clip: names, files, and which of them a clip gets."""

from collections.abc import Mapping
from typing import NamedTuple

POSTER = "poster"
SHEET = "sheet"
SHEET_INDEX = "sheet_vtt"
PREVIEW = "preview"
SHARE_WEBP = "share_webp"
SHARE_GIF = "share_gif"
SOURCE = "source"
FINAL = "final"
RIGHTS = "rights"

RATIOS: Mapping[str, tuple[int, int]] = {"16x9": (16, 9), "9x16": (9, 16), "1x1": (1, 1)}
SAME_RATIO = 0.05
"""Ratios that differ by less are the same: vendors round sizes to multiples of 8 or 16."""


class File(NamedTuple):
    """How one derivative is stored."""

    name: str
    media_type: str


FILES: Mapping[str, File] = {
    POSTER: File("poster.jpg", "image/jpeg"),
    SHEET: File("sheet.jpg", "image/jpeg"),
    SHEET_INDEX: File("sheet.vtt", "text/vtt"),
    PREVIEW: File("preview.mp4", "video/mp4"),
    SHARE_WEBP: File("share.webp", "image/webp"),
    SHARE_GIF: File("share.gif", "image/gif"),
    **{f"crop_{ratio}": File(f"crop-{ratio}.mp4", "video/mp4") for ratio in RATIOS},
}
QUICK = frozenset({POSTER, SHEET, SHEET_INDEX, PREVIEW})
"""What every clip gets, so that it can be seen and compared; the rest is for clips that may be delivered."""

STEPS: Mapping[str, tuple[str, ...]] = {
    POSTER: ("c2pa.converted",),
    SHEET: ("c2pa.resized", "c2pa.converted"),
    PREVIEW: ("c2pa.resized", "c2pa.transcoded"),
    SHARE_WEBP: ("c2pa.resized", "c2pa.converted"),
    SHARE_GIF: ("c2pa.resized", "c2pa.converted"),
    **{f"crop_{ratio}": ("c2pa.cropped", "c2pa.transcoded") for ratio in RATIOS},
}
"""What was done to the clip to make each derivative, as its manifest tells it; an index has no manifest."""


def other_ratios(width_px: int, height_px: int) -> dict[str, tuple[int, int]]:
    """Give the ratios that a clip of this size does not have, by their name."""
    own = width_px / height_px
    return {name: (w, h) for name, (w, h) in RATIOS.items() if abs(own / (w / h) - 1.0) > SAME_RATIO}


def wanted(*, may_be_delivered: bool, width_px: int, height_px: int) -> frozenset[str]:
    """Name the derivatives of a clip.

    Args:
        may_be_delivered: A final, or a draft that is delivered as it is.
        width_px: Of the clip.
        height_px: Of the clip.
    """
    if not may_be_delivered:
        return QUICK
    crops = (f"crop_{ratio}" for ratio in other_ratios(width_px, height_px))
    return QUICK | {SHARE_WEBP, SHARE_GIF, *crops}
