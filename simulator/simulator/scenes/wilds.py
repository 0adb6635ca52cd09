"""Painters of open places: sea, sky, snow, city, desert, mountains; and the table of all places.

Same rules as `places.py`.
"""

import numpy as np

from simulator.scenes import places
from simulator.scenes.canvas import Canvas, shade
from simulator.scenes.grammar import PlaceName
from simulator.scenes.light import paint_sky
from simulator.scenes.places import Place, Setting


def sea(c: Canvas, s: Setting) -> None:
    """Water to the horizon, with rows of waves."""
    paint_sky(c, s.light, horizon=-0.04, rng=s.rng)
    water = s.colour or (24, 92, 160)
    c.gradient(shade(water, 0.18), shade(water, -0.25), between=(-0.04, c.half_height))
    for row in range(11):
        y = 0.0 + row * 0.06
        for _ in range(6):
            x = float(s.rng.uniform(-c.half_width, c.half_width))
            half = 0.05 + 0.012 * row
            c.line([(x - half, y), (x - half / 2, y - 0.012), (x, y)], shade(water, 0.55), width=0.008)
            c.line([(x, y), (x + half / 2, y - 0.012), (x + half, y)], shade(water, 0.35), width=0.008)


def sky(c: Canvas, s: Setting) -> None:
    """Nothing but sky and banks of cloud."""
    paint_sky(c, s.light, horizon=c.half_height, rng=s.rng)
    white = {"night": (120, 130, 180), "sunset": (255, 170, 150)}.get(s.light, (250, 252, 255))
    for _ in range(7):
        x, y = float(s.rng.uniform(-c.half_width, c.half_width)), float(s.rng.uniform(0.26, c.half_height))
        for step in (-1.5, -0.6, 0.4, 1.4):
            c.ellipse((x + step * 0.09, y - (0.05 if abs(step) < 1 else 0.0)), (0.11, 0.08), white)


def snow(c: Canvas, s: Setting) -> None:
    """A white ground with drifts, snow-covered firs and falling flakes."""
    paint_sky(c, s.light, horizon=0.08, rng=s.rng)
    c.gradient((206, 218, 232), (226, 234, 244), between=(-c.half_height, 0.08)) if s.light == "day" else None
    for x in (-0.72, -0.5, 0.44, 0.66, 0.88):
        base = 0.16
        for step in range(3):
            top, half = base - 0.42 + step * 0.1, 0.06 + step * 0.035
            c.polygon([(x, top), (x + half, top + 0.2), (x - half, top + 0.2)], (52, 92, 84))
            c.polygon([(x, top), (x + half * 0.6, top + 0.1), (x - half * 0.6, top + 0.1)], (246, 250, 255))
    ground = s.colour or (240, 245, 252)
    c.ellipse((-0.5, 0.4), (0.9, 0.3), shade(ground, -0.06))
    c.ellipse((0.5, 0.42), (1.0, 0.3), shade(ground, -0.1))
    c.ellipse((0.0, 0.56), (1.7, 0.4), ground)
    c.box(-c.half_width, 0.4, c.half_width, c.half_height, colour=ground)
    for _ in range(60):
        x, y = float(s.rng.uniform(-c.half_width, c.half_width)), float(s.rng.uniform(-c.half_height, c.half_height))
        size = float(s.rng.uniform(0.004, 0.009))
        c.ellipse((x, y), (size, size), (255, 255, 255))


def city(c: Canvas, s: Setting) -> None:
    """A skyline of tall blocks with rows of windows behind a quay."""
    paint_sky(c, s.light, horizon=0.2, rng=s.rng)
    glow = (255, 216, 110) if s.light in {"night", "sunset"} else (206, 224, 236)
    for index in range(16):
        left = -1.25 + index * 0.16
        top = float(s.rng.uniform(-0.46, -0.04))
        tone = shade((84, 94, 118), float(s.rng.uniform(-0.3, 0.25)))
        c.box(left, top, left + 0.15, 0.24, colour=tone)
        for row in range(int((0.2 - top) / 0.06)):
            for column in range(3):
                if s.rng.random() < 0.6:  # noqa: PLR2004 - share of windows that show
                    x, y = left + 0.02 + column * 0.042, top + 0.025 + row * 0.06
                    c.box(x, y, x + 0.026, y + 0.03, colour=glow)
    quay = s.colour or (96, 98, 108)
    c.gradient(shade(quay, 0.12), shade(quay, -0.2), between=(0.22, c.half_height))
    for index in range(14):
        c.line([(-1.3 + index * 0.2, 0.23), (-1.95 + index * 0.3, c.half_height)], shade(quay, -0.3), width=0.006)


def desert(c: Canvas, s: Setting) -> None:
    """Dunes with sharp crests and a cactus."""
    paint_sky(c, s.light, horizon=0.06, rng=s.rng)
    sand = s.colour or (222, 164, 92)
    for x, y, tone in ((-0.6, -0.08, -0.05), (0.5, -0.02, -0.15), (-0.1, 0.1, 0.08)):
        c.polygon([(x - 0.9, 0.36), (x, y), (x + 0.9, 0.36)], shade(sand, tone))
        c.polygon([(x, y), (x + 0.9, 0.36), (x + 0.12, 0.36)], shade(sand, tone - 0.25))
    c.gradient(sand, shade(sand, -0.12), between=(0.24, c.half_height))
    for row in range(6):
        y = 0.3 + row * 0.05
        wave = [(-c.half_width + k * 0.1, y + 0.008 * (k % 2)) for k in range(int(c.half_width * 20) + 2)]
        c.line(wave, shade(sand, -0.18), width=0.007)
    green = (62, 122, 66)
    for points in ([(-0.52, 0.26), (-0.52, -0.12)], [(-0.52, 0.08), (-0.62, 0.06), (-0.62, -0.06)],
                   [(-0.52, 0.12), (-0.42, 0.1), (-0.42, -0.02)]):  # fmt: skip
        c.line(points, green, width=0.045)


def mountains(c: Canvas, s: Setting) -> None:
    """Snow-capped peaks behind a meadow."""
    paint_sky(c, s.light, horizon=0.1, rng=s.rng)
    for x, top, half in ((-0.66, -0.24, 0.5), (0.68, -0.3, 0.52), (-0.12, -0.4, 0.5), (0.3, -0.22, 0.4)):
        rock = shade((104, 112, 134), float(s.rng.uniform(-0.12, 0.12)))
        c.polygon([(x, top), (x + half, 0.24), (x - half, 0.24)], rock)
        c.polygon([(x, top), (x + half, 0.24), (x + half * 0.1, 0.24)], shade(rock, -0.22))
        drop = (0.24 - top) * 0.34
        edge = half * 0.34
        c.polygon([(x, top), (x + edge, top + drop), (x + edge * 0.3, top + drop * 0.75), (x, top + drop * 1.15),
                   (x - edge * 0.4, top + drop * 0.8), (x - edge, top + drop)], (246, 249, 254))  # fmt: skip
    meadow = s.colour or (92, 128, 84)
    c.gradient(shade(meadow, 0.1), shade(meadow, -0.2), between=(0.2, c.half_height))
    for _ in range(30):
        x, y = float(s.rng.uniform(-c.half_width, c.half_width)), float(s.rng.uniform(0.24, c.half_height))
        c.ellipse((x, y), (0.014, 0.008), (150, 150, 148))


PLACES: dict[PlaceName, Place] = {
    "plain": Place(paint=places.plain, ground=0.3, back=0.12),
    "desk": Place(paint=places.desk, ground=0.3, back=0.1),
    "beach": Place(paint=places.beach, ground=0.3, back=0.2),
    "forest": Place(paint=places.forest, ground=0.32, back=0.18),
    "street": Place(paint=places.street, ground=0.33, back=0.14),
    "field": Place(paint=places.field, ground=0.32, back=0.14),
    "room": Place(paint=places.room, ground=0.36, back=0.16),
    "sea": Place(paint=sea, ground=0.26, back=-0.04),
    "sky": Place(paint=sky, ground=0.22, back=0.06),
    "snow": Place(paint=snow, ground=0.32, back=0.16),
    "city": Place(paint=city, ground=0.36, back=0.22),
    "desert": Place(paint=desert, ground=0.32, back=0.22),
    "mountains": Place(paint=mountains, ground=0.34, back=0.2),
}


def paint_place(name: PlaceName, setting: Setting, *, size_px: tuple[int, int], unit_px: float) -> np.ndarray:
    """Paint one place, ungraded.

    Args:
        name: Which place.
        setting: Light, surface colour, chance.
        size_px: Width and height of the canvas.
        unit_px: Pixels of one view height.

    Returns:
        RGB, shape (height, width, 3), uint8.
    """
    width, height = size_px
    pixels = np.zeros((height, width, 3), np.uint8)
    PLACES[name].paint(Canvas(pixels, unit_px=unit_px), setting)
    return pixels
