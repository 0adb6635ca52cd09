"""Painters of what moves people, and of where they live: car, boat, rocket, house.

Each paints one thing into the square from -0.5 to 0.5 in one main colour; `subjects.py` lists them.
"""

from simulator.scenes.canvas import RGB, Canvas, shade

_GLASS = (176, 214, 232)
_TYRE = (28, 28, 30)


def car(c: Canvas, colour: RGB) -> None:
    """A small car from the side, facing right."""
    c.polygon([(-0.3, -0.02), (-0.19, -0.24), (0.14, -0.24), (0.29, -0.02)], shade(colour, -0.12))
    c.polygon([(-0.23, -0.03), (-0.15, -0.19), (-0.03, -0.19), (-0.03, -0.03)], _GLASS)
    c.polygon([(0.02, -0.03), (0.02, -0.19), (0.12, -0.19), (0.22, -0.03)], _GLASS)
    c.polygon([(-0.49, 0.04), (-0.44, -0.03), (0.32, -0.03), (0.47, 0.03), (0.49, 0.18), (-0.49, 0.18)], colour)
    c.box(-0.49, 0.12, 0.49, 0.19, colour=shade(colour, -0.35))
    c.ellipse((0.45, 0.07), (0.035, 0.035), (255, 246, 196))
    c.box(-0.12, 0.03, -0.04, 0.05, colour=shade(colour, -0.5))
    for x in (-0.27, 0.27):
        c.ellipse((x, 0.19), (0.125, 0.125), _TYRE)
        c.ellipse((x, 0.19), (0.06, 0.06), (188, 190, 194))


def boat(c: Canvas, colour: RGB) -> None:
    """A sailing boat: hull and stripe in the main colour, pale sails."""
    c.line([(-0.02, -0.48), (-0.02, 0.2)], (96, 66, 40), width=0.03)
    c.polygon([(0.01, -0.46), (0.36, 0.1), (0.01, 0.1)], shade(colour, 0.25))
    c.polygon([(-0.05, -0.4), (-0.05, 0.1), (-0.32, 0.1)], shade(colour, 0.6))
    c.polygon([(-0.48, 0.17), (0.48, 0.17), (0.33, 0.42), (-0.31, 0.42)], colour)
    c.polygon([(-0.37, 0.35), (0.38, 0.35), (0.33, 0.42), (-0.31, 0.42)], shade(colour, -0.4))
    c.box(-0.48, 0.15, 0.48, 0.19, colour=(120, 82, 48))


def rocket(c: Canvas, colour: RGB) -> None:
    """A rocket pointing up, with a porthole, fins and a flame."""
    c.polygon([(-0.1, 0.26), (0.1, 0.26), (0.0, 0.5)], (250, 150, 30))
    c.polygon([(-0.05, 0.26), (0.05, 0.26), (0.0, 0.4)], (255, 236, 120))
    c.polygon([(-0.12, 0.04), (-0.3, 0.3), (-0.12, 0.24)], shade(colour, -0.4))
    c.polygon([(0.12, 0.04), (0.3, 0.3), (0.12, 0.24)], shade(colour, -0.4))
    c.ellipse((0.0, -0.1), (0.16, 0.39), colour)
    c.box(-0.15, -0.06, 0.15, 0.2, colour=colour)
    c.polygon([(-0.15, 0.16), (0.15, 0.16), (0.1, 0.27), (-0.1, 0.27)], shade(colour, -0.3))
    c.polygon([(0.05, -0.3), (0.13, -0.14), (0.13, 0.16), (0.05, 0.16)], shade(colour, -0.2))
    c.ellipse((0.0, -0.12), (0.085, 0.085), shade(colour, -0.5))
    c.ellipse((0.0, -0.12), (0.06, 0.06), _GLASS)


def house(c: Canvas, colour: RGB) -> None:
    """A house front: walls in the main colour, roof, chimney, door and two windows."""
    roof = shade(colour, -0.5)
    c.box(0.18, -0.42, 0.28, -0.16, colour=(112, 84, 76))
    c.box(-0.36, -0.12, 0.36, 0.42, colour=colour)
    c.box(0.2, -0.12, 0.36, 0.42, colour=shade(colour, -0.12))
    c.polygon([(-0.47, -0.1), (0.0, -0.46), (0.47, -0.1)], roof)
    c.box(-0.08, 0.12, 0.08, 0.42, colour=(84, 52, 34))
    for x in (-0.24, 0.22):
        c.box(x - 0.085, 0.0, x + 0.085, 0.17, colour=(250, 246, 232))
        c.box(x - 0.065, 0.02, x + 0.065, 0.15, colour=_GLASS)
        c.line([(x, 0.02), (x, 0.15)], (250, 246, 232), width=0.016)
