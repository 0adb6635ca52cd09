"""Still and moving pictures with Pillow: JPEG, and animated WebP and GIF that fit a budget of bytes."""

import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

Rgb = npt.NDArray[np.uint8]
Encoder = Callable[[Sequence[Image.Image], int, int], bytes]
"""From images, milliseconds an image and a quality (0 to 100) to a file."""

JPEG_QUALITY = 85
_N_COLOURS = 128
_PALETTE_FRAMES = 8
_WEBP_METHOD = 2  # of 0 to 6: beyond, the time doubles for a tenth of the size


class Rung(NamedTuple):
    """One way to make an animation smaller.

    Attributes:
        scale: Of the sides.
        every: Only every so many frames are shown, longer.
        quality: Of WebP, 0 to 100.
    """

    scale: float
    every: int
    quality: int


LADDER = (
    Rung(1.0, 1, 60),
    Rung(1.0, 1, 40),
    Rung(0.8, 2, 40),
    Rung(0.6, 2, 30),
    Rung(0.45, 3, 25),
    Rung(0.3, 4, 15),
    Rung(0.2, 8, 5),
)


class TooLarge(Exception):
    """Even the smallest form does not fit the budget."""


def jpeg(picture: Rgb) -> bytes:
    """Encode one picture."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=JPEG_QUALITY, progressive=True)
    return out.getvalue()


def tiled(pictures: Sequence[Rgb], places: Sequence[tuple[int, int]]) -> Rgb:
    """Lay pictures of one size at places (x, y) of one sheet; what they leave free is black."""
    height, width = pictures[0].shape[:2]
    sheet = np.zeros((max(y for _, y in places) + height, max(x for x, _ in places) + width, 3), np.uint8)
    for picture, (x, y) in zip(pictures, places, strict=True):
        sheet[y : y + height, x : x + width] = picture
    return sheet


def webp(frames: Sequence[Rgb], *, fps: float, budget_bytes: int) -> bytes:
    """Encode an animation that loops.

    Raises:
        TooLarge: It does not fit.
    """
    return _fitting(frames, fps, budget_bytes, _webp)


def gif(frames: Sequence[Rgb], *, fps: float, budget_bytes: int) -> bytes:
    """Encode an animation that loops, all frames on one palette, which keeps it steady and small.

    Raises:
        TooLarge: It does not fit.
    """
    return _fitting(frames, fps, budget_bytes, _gif)


def _fitting(frames: Sequence[Rgb], fps: float, budget_bytes: int, encode: Encoder) -> bytes:
    for rung in LADDER:
        images = [_scaled(frame, rung.scale) for frame in frames[:: rung.every]]
        made = encode(images, round(1_000 * rung.every / fps), rung.quality)
        if len(made) <= budget_bytes:
            return made
    raise TooLarge(f"{len(frames)} frames in {budget_bytes} bytes")


def _scaled(frame: Rgb, scale: float) -> Image.Image:
    image = Image.fromarray(frame)
    if scale == 1.0:
        return image
    return image.resize((max(16, round(image.width * scale)), max(16, round(image.height * scale))))


def _webp(images: Sequence[Image.Image], duration_ms: int, quality: int) -> bytes:
    out = io.BytesIO()
    images[0].save(
        out,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=duration_ms,
        loop=0,
        quality=quality,
        method=_WEBP_METHOD,
    )
    return out.getvalue()


def _gif(images: Sequence[Image.Image], duration_ms: int, quality: int) -> bytes:
    n_colours = max(16, min(_N_COLOURS, 2 * quality))
    seen = np.concatenate([np.asarray(image) for image in images[:: max(1, len(images) // _PALETTE_FRAMES)]])
    palette = Image.fromarray(seen).quantize(n_colours, method=Image.Quantize.MEDIANCUT)
    flat = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    out = io.BytesIO()
    # A GIF counts in hundredths of a second, and browsers slow down what is shorter than two.
    flat[0].save(out, "GIF", save_all=True, append_images=flat[1:], duration=max(20, duration_ms), loop=0)
    return out.getvalue()
