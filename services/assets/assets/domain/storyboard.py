"""The contact sheet: which moments it shows, how they are laid out, and the WebVTT index that players read."""

import math
from typing import NamedTuple

MAX_TILES = 16
COLUMNS = 4


class Tile(NamedTuple):
    """One picture of the sheet: where it lies, and which part of the clip it stands for."""

    x_px: int
    y_px: int
    start_s: float
    end_s: float


def spread(n_held: int, n_wanted: int) -> list[int]:
    """Pick indexes evenly; all of them where there are no more than wanted."""
    n = min(n_held, n_wanted)
    return [math.floor((2 * index + 1) * n_held / (2 * n)) for index in range(n)]


def lay_out(n_tiles: int, *, tile_px: tuple[int, int], duration_s: float) -> list[Tile]:
    """Lay tiles out in rows, each standing for an equal part of the clip."""
    width, height = tile_px
    part_s = duration_s / n_tiles
    return [
        Tile((index % COLUMNS) * width, (index // COLUMNS) * height, index * part_s, (index + 1) * part_s)
        for index in range(n_tiles)
    ]


def vtt_of(tiles: list[Tile], *, tile_px: tuple[int, int], sheet: str) -> str:
    """Write the index: one cue a tile, its picture named as a region of the sheet beside it."""
    width, height = tile_px
    cues = (
        f"{_clock(tile.start_s)} --> {_clock(tile.end_s)}\n{sheet}#xywh={tile.x_px},{tile.y_px},{width},{height}"
        for tile in tiles
    )
    return "\n\n".join(("WEBVTT", *cues)) + "\n"


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1_000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1_000:02}.{rest % 1_000:03}"
