"""Painters of places: every background of the grammar, larger than the view so that the camera can move.

Each painter fills the whole canvas, whose middle is the middle of the view (y from -0.5 to 0.5 is visible at
zoom 1); `stage.py` paints one place once per clip.
"""

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from simulator.scenes.canvas import RGB, Canvas, mix, shade
from simulator.scenes.grammar import LightName
from simulator.scenes.light import LIGHTS, paint_sky, window_shaft


class Setting(Struct, frozen=True, kw_only=True):
    """What a painter needs beside the canvas: the light, the colour of its main surface if asked for, and chance."""

    light: LightName
    colour: RGB | None
    rng: np.random.Generator


class Place(Struct, frozen=True, kw_only=True):
    """One kind of place.

    Attributes:
        paint: Paints it.
        ground: The y on which things stand.
        back: The y where the ground begins; what is above it is behind everything else.
    """

    paint: Callable[[Canvas, Setting], None]
    ground: float = 0.28
    back: float = 0.12


def _x(c: Canvas, s: Setting) -> float:
    return float(s.rng.uniform(-c.half_width, c.half_width))


def _blades(c: Canvas, s: Setting, *, top: float, colour: RGB, n: int = 90) -> None:
    """Short strokes that give a ground some texture."""
    for _ in range(n):
        x, y = _x(c, s), float(s.rng.uniform(top + 0.02, c.half_height))
        length = 0.015 + 0.05 * (y - top)
        tone = shade(colour, float(s.rng.uniform(-0.25, 0.2)))
        c.line([(x, y), (x + 0.3 * length, y - length)], tone, width=0.006)


def plain(c: Canvas, s: Setting) -> None:
    """A seamless backdrop."""
    colour = s.colour or (198, 200, 204)
    c.gradient(shade(colour, 0.25), shade(colour, -0.1))
    c.gradient(shade(colour, -0.05), shade(colour, -0.25), between=(0.24, c.half_height))


def desk(c: Canvas, s: Setting) -> None:
    """A table top with wood grain before a wall with a window."""
    colour = s.colour or (172, 118, 68)
    c.gradient((206, 200, 190), (182, 174, 162))
    _window(c, s, left=-0.62, right=-0.26)
    c.box(0.36, -0.4, 0.72, 0.02, colour=(120, 104, 92))
    for index, tone in enumerate(((150, 60, 54), (58, 92, 120), (190, 160, 90), (84, 110, 76))):
        c.box(0.4 + index * 0.07, -0.34, 0.45 + index * 0.07, -0.04, colour=tone)
    c.box(-c.half_width, 0.1, c.half_width, c.half_height, colour=colour)
    for _ in range(26):
        y, x = float(s.rng.uniform(0.12, c.half_height)), _x(c, s)
        tone = shade(colour, float(s.rng.uniform(-0.22, 0.12)))
        c.line([(x - 0.3, y), (x, y + 0.008), (x + 0.35, y)], tone, width=0.006)
    c.box(-c.half_width, 0.1, c.half_width, 0.125, colour=shade(colour, 0.25))
    window_shaft(c, s.light, top=(-0.56, -0.3), reach=(0.42, 0.9))


def _window(c: Canvas, s: Setting, *, left: float, right: float) -> None:
    top, bottom = -0.42, -0.02
    light = LIGHTS[s.light]
    c.box(left - 0.03, top - 0.03, right + 0.03, bottom + 0.03, colour=(240, 236, 228))
    for index in range(8):
        y = top + index * (bottom - top) / 8
        c.box(left, y, right, y + (bottom - top) / 8, colour=mix(light.sky_top, light.sky_low, index / 7))
    middle = (left + right) / 2
    match s.light:
        case "night":
            c.ellipse((middle + 0.08, -0.32), (0.045, 0.045), (246, 244, 224))
        case "sunset":
            c.ellipse((middle - 0.06, -0.1), (0.07, 0.07), (255, 92, 40))
        case "morning":
            c.ellipse((middle - 0.08, -0.14), (0.06, 0.06), (255, 252, 226))
        case _:
            pass
    c.line([(middle, top), (middle, bottom)], (240, 236, 228), width=0.018)


def room(c: Canvas, s: Setting) -> None:
    """A room: wall, floor boards, window, picture and a rug."""
    wall = s.colour or (196, 206, 188)
    c.gradient(shade(wall, 0.12), shade(wall, -0.06))
    c.box(-c.half_width, 0.16, c.half_width, c.half_height, colour=(158, 116, 78))
    for index in range(9):
        x = -1.6 + index * 0.4
        c.line([(x * 0.6, 0.16), (x * 1.4, c.half_height)], (120, 84, 54), width=0.007)
    c.box(-c.half_width, 0.14, c.half_width, 0.17, colour=(240, 238, 230))
    _window(c, s, left=0.24, right=0.62)
    c.box(-0.52, -0.36, -0.26, -0.14, colour=(92, 70, 52))
    c.box(-0.5, -0.34, -0.28, -0.16, colour=(236, 226, 200))
    c.polygon([(-0.46, -0.18), (-0.4, -0.28), (-0.34, -0.18)], (96, 130, 150))
    c.ellipse((0.0, 0.36), (0.5, 0.09), (150, 70, 74))
    c.ellipse((0.0, 0.36), (0.42, 0.07), (206, 172, 130))
    window_shaft(c, s.light, top=(0.3, -0.3), reach=(-0.6, 0.9))


def beach(c: Canvas, s: Setting) -> None:
    """Sky, a band of sea, and sand with a palm at the side."""
    paint_sky(c, s.light, horizon=-0.06, rng=s.rng)
    c.gradient((34, 110, 178), (66, 176, 196), between=(-0.06, 0.12))
    for _ in range(16):
        x, y = _x(c, s), float(s.rng.uniform(-0.04, 0.1))
        c.line([(x, y), (x + 0.08, y)], (190, 226, 236), width=0.006)
    sand = s.colour or (236, 208, 146)
    c.gradient(shade(sand, 0.15), shade(sand, -0.12), between=(0.13, c.half_height))
    c.line([(-c.half_width, 0.13), (c.half_width, 0.125)], (250, 250, 246), width=0.022)
    for _ in range(70):
        x, y = _x(c, s), float(s.rng.uniform(0.17, c.half_height))
        c.ellipse((x, y), (0.005, 0.003), shade(sand, float(s.rng.uniform(-0.3, 0.3))))
    c.line([(0.5, 0.24), (0.46, -0.02), (0.5, -0.26)], (122, 86, 52), width=0.035)
    for dx, dy in ((-0.2, 0.02), (0.2, 0.02), (-0.14, -0.12), (0.14, -0.12), (-0.16, 0.12), (0.17, 0.12)):
        c.line([(0.5, -0.26), (0.5 + dx * 0.6, -0.3 + dy * 0.6), (0.5 + dx, -0.26 + dy)], (48, 128, 60), width=0.03)


def forest(c: Canvas, s: Setting) -> None:
    """Dark trunks, fir crowns and a mossy ground; some sky shows between them."""
    paint_sky(c, s.light, horizon=0.1, rng=s.rng)
    for row, tone in ((0, (70, 118, 84)), (1, (38, 88, 54)), (2, (22, 62, 38))):
        for index in range(11 - row):
            x = -1.1 + index * 0.23 + row * 0.07 + float(s.rng.uniform(-0.05, 0.05))
            if row == 2 and abs(x) < 0.24:  # noqa: PLR2004 - the nearest row leaves the middle free
                continue
            _fir(c, x, base=0.14 + 0.06 * row, height=0.5 + 0.17 * row, colour=tone)
    ground = s.colour or (58, 92, 46)
    c.gradient(ground, shade(ground, -0.3), between=(0.18, c.half_height))
    _blades(c, s, top=0.18, colour=(70, 112, 52))


def _fir(c: Canvas, x: float, *, base: float, height: float, colour: RGB) -> None:
    c.box(x - 0.018, base - 0.1, x + 0.018, base + 0.04, colour=(74, 50, 34))
    for step in range(3):
        top = base - height + step * height * 0.24
        half = 0.07 + step * 0.04
        c.polygon([(x, top), (x + half, top + height * 0.42), (x - half, top + height * 0.42)], colour)


def street(c: Canvas, s: Setting) -> None:
    """House fronts, a pavement and a road with a dashed line."""
    paint_sky(c, s.light, horizon=0.0, rng=s.rng)
    fronts = ((170, 120, 100), (196, 178, 140), (140, 150, 164), (182, 138, 126), (158, 160, 138))
    lit = (255, 220, 120) if s.light in {"night", "sunset"} else (196, 214, 226)
    for index in range(10):
        left = -1.25 + index * 0.25
        top = float(s.rng.uniform(-0.34, -0.12))
        c.box(left, top, left + 0.24, 0.14, colour=fronts[index % 5])
        for row in range(3):
            for column in range(2):
                x, y = left + 0.04 + column * 0.1, top + 0.05 + row * 0.11
                if y < 0.04:  # noqa: PLR2004 - the pavement begins there
                    c.box(x, y, x + 0.06, y + 0.06, colour=lit)
    c.box(-c.half_width, 0.12, c.half_width, 0.2, colour=(184, 180, 172))
    road = s.colour or (84, 86, 92)
    c.gradient(road, shade(road, -0.15), between=(0.2, c.half_height))
    for index in range(10):
        x = -1.3 + index * 0.28
        c.polygon([(x, 0.36), (x + 0.14, 0.36), (x + 0.13, 0.39), (x - 0.01, 0.39)], (238, 232, 210))


def field(c: Canvas, s: Setting) -> None:
    """Rolling green hills under the sky."""
    paint_sky(c, s.light, horizon=0.1, rng=s.rng)
    grass = s.colour or (104, 176, 70)
    c.ellipse((-0.5, 0.42), (0.95, 0.36), shade(grass, -0.22))
    c.ellipse((0.6, 0.46), (1.0, 0.38), shade(grass, -0.1))
    c.box(-c.half_width, 0.3, c.half_width, c.half_height, colour=grass)
    c.ellipse((0.0, 0.5), (1.6, 0.34), grass)
    _blades(c, s, top=0.18, colour=shade(grass, -0.1), n=120)
    for _ in range(12):
        c.ellipse((_x(c, s), float(s.rng.uniform(0.25, 0.6))), (0.01, 0.009), (250, 240, 200))
