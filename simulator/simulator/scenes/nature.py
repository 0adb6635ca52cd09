"""Painters of living things: tree, fox, cat, bird, fish, flower.

Each paints one thing into the square from -0.5 to 0.5 in one main colour; `subjects.py` lists them.
"""

import math

from simulator.scenes.canvas import RGB, Canvas, shade

_DARK = (26, 22, 24)
_CREAM = (250, 240, 226)


def tree(c: Canvas, colour: RGB) -> None:
    """A broad tree: brown trunk, round crown in the main colour."""
    c.polygon([(-0.07, 0.02), (0.07, 0.02), (0.11, 0.48), (-0.11, 0.48)], (104, 66, 38))
    for x, y, radius in ((-0.22, -0.04, 0.2), (0.22, -0.04, 0.2), (0.0, -0.24, 0.25), (0.0, 0.0, 0.2)):
        c.ellipse((x, y), (radius, radius), shade(colour, -0.2))
    for x, y, radius in ((-0.24, -0.08, 0.15), (0.16, -0.1, 0.17), (-0.04, -0.27, 0.19)):
        c.ellipse((x, y), (radius, radius), colour)
    for x, y in ((-0.12, -0.34), (0.08, -0.2), (-0.28, -0.12)):
        c.ellipse((x, y), (0.06, 0.05), shade(colour, 0.3))


def fox(c: Canvas, colour: RGB) -> None:
    """A fox from the side, walking right: pointed ears and snout, long bushy tail with a pale tip."""
    dark = shade(colour, -0.55)
    for x in (-0.16, -0.08, 0.1, 0.18):
        c.polygon([(x, 0.1), (x + 0.06, 0.1), (x + 0.045, 0.4), (x, 0.4)], dark)
    c.ellipse((-0.34, 0.03), (0.2, 0.09), colour, angle=-32)
    c.ellipse((-0.44, 0.1), (0.08, 0.06), _CREAM, angle=-40)
    c.ellipse((0.0, 0.06), (0.26, 0.12), colour)
    c.ellipse((0.04, 0.13), (0.18, 0.05), _CREAM)
    c.polygon([(0.12, -0.02), (0.2, -0.26), (0.3, -0.18), (0.28, 0.1)], colour)
    c.polygon([(0.16, -0.24), (0.19, -0.44), (0.27, -0.26)], colour)
    c.polygon([(0.26, -0.25), (0.33, -0.42), (0.36, -0.2)], dark)
    c.polygon([(0.15, -0.26), (0.36, -0.24), (0.5, -0.07), (0.34, -0.03), (0.18, -0.08)], colour)
    c.polygon([(0.24, -0.1), (0.5, -0.07), (0.34, -0.01), (0.22, -0.04)], _CREAM)
    c.ellipse((0.49, -0.08), (0.025, 0.022), _DARK)
    c.ellipse((0.32, -0.17), (0.022, 0.026), _DARK)


def cat(c: Canvas, colour: RGB) -> None:
    """A cat sitting, facing us: round head with two upright ears, whiskers, curled tail."""
    c.ring((0.24, 0.26), (0.2, 0.17), shade(colour, -0.2), width=0.075, arc=(-70, 110))
    c.ellipse((0.0, 0.24), (0.22, 0.25), colour)
    c.ellipse((0.0, 0.28), (0.11, 0.17), shade(colour, 0.45))
    c.ellipse((-0.1, 0.46), (0.08, 0.04), shade(colour, 0.2))
    c.ellipse((0.1, 0.46), (0.08, 0.04), shade(colour, 0.2))
    for side in (-1, 1):
        c.polygon([(side * 0.25, -0.18), (side * 0.24, -0.48), (side * 0.05, -0.34)], colour)
        c.polygon([(side * 0.21, -0.24), (side * 0.21, -0.4), (side * 0.1, -0.33)], (232, 150, 150))
    c.ellipse((0.0, -0.16), (0.26, 0.21), colour)
    for side in (-1, 1):
        c.ellipse((side * 0.11, -0.18), (0.055, 0.06), (214, 226, 90))
        c.ellipse((side * 0.11, -0.18), (0.02, 0.055), _DARK)
        c.line([(side * 0.08, -0.08), (side * 0.36, -0.12)], _CREAM, width=0.012)
        c.line([(side * 0.08, -0.06), (side * 0.35, -0.03)], _CREAM, width=0.012)
    c.polygon([(-0.03, -0.1), (0.03, -0.1), (0.0, -0.06)], (224, 110, 120))


def bird(c: Canvas, colour: RGB) -> None:
    """A bird in flight, facing right: raised wing, forked tail, beak."""
    c.polygon([(-0.2, 0.02), (-0.5, -0.04), (-0.42, 0.08), (-0.5, 0.18), (-0.16, 0.14)], shade(colour, -0.3))
    c.polygon([(-0.02, 0.0), (0.02, -0.38), (0.16, -0.3), (0.2, 0.02)], shade(colour, -0.45))
    c.ellipse((0.02, 0.08), (0.28, 0.14), colour)
    c.ellipse((0.06, 0.14), (0.2, 0.08), shade(colour, 0.5))
    c.ellipse((0.28, -0.02), (0.14, 0.13), colour)
    c.polygon([(0.39, -0.06), (0.5, 0.0), (0.39, 0.04)], (246, 176, 40))
    c.ellipse((0.32, -0.05), (0.03, 0.03), _CREAM)
    c.ellipse((0.325, -0.05), (0.017, 0.017), _DARK)
    c.polygon([(-0.14, 0.06), (-0.3, -0.46), (-0.1, -0.34), (0.1, 0.04)], shade(colour, 0.2))
    c.polygon([(-0.14, 0.06), (-0.3, -0.46), (-0.16, -0.2)], shade(colour, -0.25))


def fish(c: Canvas, colour: RGB) -> None:
    """A fish from the side, facing right: oval body with stripes, fan tail, fins, bubbles."""
    c.polygon([(-0.2, 0.0), (-0.48, -0.24), (-0.4, 0.0), (-0.48, 0.24)], shade(colour, -0.25))
    c.polygon([(-0.12, -0.16), (0.1, -0.36), (0.2, -0.16)], shade(colour, -0.25))
    c.polygon([(-0.06, 0.16), (0.02, 0.32), (0.14, 0.16)], shade(colour, -0.25))
    c.ellipse((0.06, 0.0), (0.34, 0.21), colour)
    c.ellipse((0.08, 0.07), (0.27, 0.11), shade(colour, 0.35))
    for x in (-0.1, 0.04):
        c.polygon([(x, -0.19), (x + 0.06, -0.2), (x + 0.05, 0.19), (x - 0.01, 0.18)], shade(colour, 0.6))
    c.ellipse((0.26, -0.05), (0.05, 0.05), _CREAM)
    c.ellipse((0.27, -0.05), (0.028, 0.028), _DARK)
    for x, y, radius in ((0.44, -0.2, 0.035), (0.38, -0.32, 0.045)):
        c.ring((x, y), (radius, radius), (214, 240, 250), width=0.018)


def flower(c: Canvas, colour: RGB) -> None:
    """A flower on a stem with two leaves: eight petals in the main colour, a yellow heart."""
    c.line([(0.0, -0.1), (0.02, 0.49)], (44, 122, 48), width=0.045)
    c.ellipse((-0.13, 0.3), (0.14, 0.055), (60, 148, 60), angle=30)
    c.ellipse((0.16, 0.24), (0.14, 0.055), (60, 148, 60), angle=-30)
    for index in range(8):
        angle = math.pi * index / 4
        centre = (0.21 * math.cos(angle), -0.18 + 0.21 * math.sin(angle))
        petal = colour if index % 2 else shade(colour, -0.2)
        c.ellipse(centre, (0.13, 0.085), petal, angle=math.degrees(angle))
    c.ellipse((0.0, -0.18), (0.1, 0.1), (250, 204, 50))
    c.ellipse((-0.02, -0.2), (0.05, 0.05), (255, 230, 130))
