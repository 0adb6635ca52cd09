"""Light: sky colours, sun and moon, and the grade that each kind of light lays over a picture.

Used by `places.py` while it paints, and by `stage.py` when the picture is done.
"""

import cv2
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from simulator.scenes.canvas import RGB, Canvas, Point, mix
from simulator.scenes.grammar import LightName

Gain = tuple[float, float, float]


class Light(Struct, frozen=True, kw_only=True):
    """One kind of light.

    Attributes:
        sky_top: Sky colour far up, before the grade.
        sky_low: Sky colour at the horizon, before the grade.
        ground_gain: Multiplies R, G, B of the place.
        subject_gain: Multiplies R, G, B of the subjects; weaker, so that their colours stay readable.
        haze: Added to every pixel of the place after the gain.
        vignette: How much the corners darken, 0 to 1.
    """

    sky_top: RGB
    sky_low: RGB
    ground_gain: Gain = (1.0, 1.0, 1.0)
    subject_gain: Gain = (1.0, 1.0, 1.0)
    haze: RGB = (0, 0, 0)
    vignette: float = 0.0


LIGHTS: dict[LightName, Light] = {
    "day": Light(sky_top=(72, 142, 226), sky_low=(196, 226, 248)),
    "morning": Light(
        sky_top=(150, 190, 226),
        sky_low=(255, 232, 176),
        ground_gain=(0.96, 0.88, 0.7),
        subject_gain=(1.0, 0.96, 0.86),
        haze=(34, 28, 10),
    ),
    "sunset": Light(
        sky_top=(120, 104, 190),
        sky_low=(255, 196, 110),
        ground_gain=(0.98, 0.62, 0.5),
        subject_gain=(1.0, 0.84, 0.74),
        haze=(16, 0, 6),
    ),
    "night": Light(
        sky_top=(22, 30, 74),
        sky_low=(52, 66, 130),
        ground_gain=(0.34, 0.4, 0.62),
        subject_gain=(0.66, 0.7, 0.86),
    ),
    "studio": Light(sky_top=(92, 96, 104), sky_low=(214, 216, 220), ground_gain=(0.98, 0.98, 1.0), vignette=0.72),
}


def paint_sky(c: Canvas, name: LightName, *, horizon: float, rng: np.random.Generator) -> None:
    """Paint the whole canvas as sky, with the sun, moon, stars or clouds of this light."""
    light = LIGHTS[name]
    c.gradient(light.sky_top, light.sky_low, between=(-c.half_height, horizon))
    c.gradient(light.sky_low, light.sky_low, between=(horizon, c.half_height))
    side = float(rng.choice((-1.0, 1.0)))
    match name:
        case "day":
            _clouds(c, (255, 255, 255), rng)
            _disc(c, (side * 0.42, -0.36), 0.06, colour=(255, 246, 196))
        case "morning":
            sun = (-0.36, horizon - 0.1)
            _rays(c, sun, colour=(255, 244, 206))
            _disc(c, sun, 0.075, colour=(255, 250, 224))
            _clouds(c, (255, 244, 222), rng)
        case "sunset":
            _disc(c, (side * 0.3, horizon - 0.06), 0.14, colour=(255, 120, 50))
            _clouds(c, (236, 140, 150), rng)
        case "night":
            _stars(c, horizon, rng)
            _disc(c, (side * 0.36, -0.34), 0.07, colour=(246, 244, 224))
        case "studio":
            c.ellipse((0.0, -0.05), (0.5, 0.4), (236, 237, 240))


def _disc(c: Canvas, centre: Point, radius: float, *, colour: RGB) -> None:
    halo = mix(c.colour_at(centre), colour, 0.35)
    c.ellipse(centre, (radius * 1.5, radius * 1.5), halo)
    c.ellipse(centre, (radius, radius), colour)


def _clouds(c: Canvas, colour: RGB, rng: np.random.Generator) -> None:
    for _ in range(4):
        x = float(rng.uniform(-c.half_width, c.half_width))
        y = float(rng.uniform(-c.half_height, -0.12))
        size = float(rng.uniform(0.04, 0.075))
        for step in (-1.3, -0.5, 0.4, 1.2):
            lift = 0.45 if abs(step) < 1 else 0.0
            c.ellipse((x + step * size, y - lift * size), (size, size * 0.62), colour)


def _stars(c: Canvas, horizon: float, rng: np.random.Generator) -> None:
    for _ in range(70):
        x = float(rng.uniform(-c.half_width, c.half_width))
        y = float(rng.uniform(-c.half_height, horizon))
        size = float(rng.uniform(0.002, 0.006))
        c.ellipse((x, y), (size, size), (255, 255, 250))


def _rays(c: Canvas, sun: Point, *, colour: RGB) -> None:
    """Broad pale wedges that leave the low sun."""
    veil = Canvas(c.pixels.copy(), unit_px=c.unit_px)
    for angle in np.linspace(-1.5, 0.5, 6):
        ends = [(sun[0] + 3 * np.cos(a), sun[1] + 3 * np.sin(a)) for a in (angle - 0.07, angle + 0.07)]
        veil.polygon([sun, *ends], colour)
    cv2.addWeighted(veil.pixels, 0.4, c.pixels, 0.6, 0, dst=c.pixels)


def window_shaft(c: Canvas, name: LightName, *, top: Point, reach: Point) -> None:
    """Lay the beam that falls from a window over the picture: pale in the morning, red at sunset, faint at night."""
    colours: dict[LightName, RGB] = {
        "morning": (255, 236, 170),
        "sunset": (255, 120, 50),
        "night": (120, 140, 230),
        "day": (255, 255, 250),
    }
    if name not in colours:
        return
    strength = {"morning": 0.34, "sunset": 0.34, "night": 0.14, "day": 0.1}[name]
    veil = Canvas(c.pixels.copy(), unit_px=c.unit_px)
    x, y = top
    dx, dy = reach
    veil.polygon([(x, y), (x + 0.3, y), (x + 0.5 + dx, y + dy), (x + dx, y + dy)], colours[name])
    cv2.addWeighted(veil.pixels, strength, c.pixels, 1 - strength, 0, dst=c.pixels)


def grade(pixels: npt.NDArray[np.uint8], name: LightName) -> npt.NDArray[np.uint8]:
    """Lay the light's gain, haze and vignette over a painted place, shape (H, W, 3)."""
    light = LIGHTS[name]
    table = np.arange(256, dtype=np.float32)[:, None] * np.array(light.ground_gain, np.float32)
    lookup = np.clip(table + np.array(light.haze, np.float32), 0, 255).astype(np.uint8)
    graded = cv2.LUT(pixels, lookup[None])
    if light.vignette:
        height, width = pixels.shape[:2]
        y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        fall = 1.0 - light.vignette * np.clip((x * x + y * y) - 0.1, 0, 1)
        graded = (graded * fall[..., None].astype(np.float32)).astype(np.uint8)
    return np.asarray(graded, np.uint8)


def grade_sprite(sprite: npt.NDArray[np.uint8], name: LightName) -> npt.NDArray[np.uint8]:
    """Apply the light's gain to a premultiplied sprite; alpha is kept."""
    gain = np.array([*LIGHTS[name].subject_gain, 1.0], np.float32)
    return np.asarray(np.clip(sprite * gain, 0, 255), np.uint8)
