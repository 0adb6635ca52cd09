"""Painters of made things: cup, ball, kite, lamp, book, balloon, umbrella, star.

Each paints one thing into the square from -0.5 to 0.5 in one main colour; `subjects.py` lists them.
"""

import math

from simulator.scenes.canvas import RGB, Canvas, Point, shade


def cup(c: Canvas, colour: RGB) -> None:
    """A mug with a handle on the right, tea inside and a saucer."""
    c.ellipse((-0.03, 0.38), (0.42, 0.08), shade(colour, -0.22))
    c.ellipse((-0.03, 0.36), (0.42, 0.07), shade(colour, 0.2))
    c.ring((0.27, 0.04), (0.15, 0.17), shade(colour, -0.25), width=0.07)
    c.polygon([(-0.36, -0.24), (0.28, -0.24), (0.22, 0.3), (0.12, 0.37), (-0.2, 0.37), (-0.3, 0.3)], colour)
    c.polygon([(0.1, -0.24), (0.28, -0.24), (0.22, 0.3), (0.12, 0.37), (0.02, 0.37)], shade(colour, -0.2))
    c.polygon([(-0.27, -0.1), (-0.2, -0.1), (-0.17, 0.26), (-0.22, 0.24)], shade(colour, 0.45))
    c.ellipse((-0.04, -0.24), (0.32, 0.1), shade(colour, 0.3))
    c.ellipse((-0.04, -0.23), (0.27, 0.07), (88, 48, 22))


def ball(c: Canvas, colour: RGB) -> None:
    """A round ball with seams and a highlight."""
    c.ellipse((0.0, 0.0), (0.44, 0.44), shade(colour, -0.25))
    c.ellipse((-0.03, -0.03), (0.4, 0.4), colour)
    c.ring((-0.5, 0.0), (0.36, 0.42), shade(colour, -0.45), width=0.025, arc=(-52, 52))
    c.ring((0.5, 0.0), (0.36, 0.42), shade(colour, -0.45), width=0.025, arc=(128, 232))
    c.ellipse((-0.15, -0.18), (0.11, 0.08), shade(colour, 0.6), angle=-35)


def kite(c: Canvas, colour: RGB) -> None:
    """A diamond with a cross of spars and a tail of bows."""
    top, right, bottom, left = (0.06, -0.48), (0.36, -0.16), (0.0, 0.24), (-0.28, -0.14)
    c.line([(0.0, 0.24), (0.1, 0.31), (-0.04, 0.38), (0.1, 0.47)], (60, 54, 54), width=0.018)
    for x, y in ((0.09, 0.31), (-0.03, 0.38), (0.09, 0.46)):
        c.polygon([(x - 0.07, y - 0.04), (x, y), (x - 0.07, y + 0.04)], shade(colour, -0.15))
        c.polygon([(x + 0.07, y - 0.04), (x, y), (x + 0.07, y + 0.04)], shade(colour, -0.15))
    c.polygon([top, right, bottom, left], colour)
    c.polygon([top, right, (0.03, -0.15)], shade(colour, 0.4))
    c.polygon([left, bottom, (0.03, -0.15)], shade(colour, -0.3))
    c.line([top, bottom], shade(colour, -0.55), width=0.016)
    c.line([left, right], shade(colour, -0.55), width=0.016)


def lamp(c: Canvas, colour: RGB) -> None:
    """A table lamp: lit shade in the main colour, a stem and a foot."""
    c.ellipse((0.0, -0.14), (0.46, 0.3), (255, 242, 190))
    c.box(-0.035, -0.02, 0.035, 0.38, colour=(92, 80, 70))
    c.ellipse((0.0, 0.4), (0.22, 0.07), (72, 62, 54))
    c.polygon([(-0.17, -0.46), (0.17, -0.46), (0.34, 0.04), (-0.34, 0.04)], colour)
    c.polygon([(-0.08, -0.46), (0.06, -0.46), (0.12, 0.04), (-0.16, 0.04)], shade(colour, 0.35))
    c.ellipse((0.0, 0.04), (0.34, 0.045), (255, 246, 208))


def book(c: Canvas, colour: RGB) -> None:
    """An open book seen from the front: two pages with lines on a cover."""
    c.polygon([(-0.48, -0.2), (0.0, -0.1), (0.48, -0.2), (0.48, 0.3), (0.0, 0.38), (-0.48, 0.3)], colour)
    c.polygon([(-0.48, 0.22), (0.0, 0.32), (0.48, 0.22), (0.48, 0.3), (0.0, 0.38), (-0.48, 0.3)], shade(colour, -0.3))
    c.polygon([(-0.42, -0.26), (-0.2, -0.27), (0.0, -0.16), (0.0, 0.28), (-0.2, 0.18), (-0.42, 0.19)], (250, 246, 232))
    c.polygon([(0.42, -0.26), (0.2, -0.27), (0.0, -0.16), (0.0, 0.28), (0.2, 0.18), (0.42, 0.19)], (236, 230, 212))
    for row in range(4):
        y = -0.17 + row * 0.085
        c.line([(-0.36, y), (-0.2, y), (-0.06, y + 0.06)], (120, 114, 108), width=0.014)
        c.line([(0.36, y), (0.2, y), (0.06, y + 0.06)], (120, 114, 108), width=0.014)
    c.polygon([(0.02, -0.14), (0.07, -0.17), (0.07, 0.36), (0.045, 0.32), (0.02, 0.38)], shade(colour, 0.15))


def balloon(c: Canvas, colour: RGB) -> None:
    """A hot-air balloon: striped envelope, ropes and a basket."""
    c.line([(-0.16, 0.16), (-0.07, 0.38)], (70, 58, 48), width=0.014)
    c.line([(0.16, 0.16), (0.07, 0.38)], (70, 58, 48), width=0.014)
    c.polygon([(-0.33, -0.02), (0.33, -0.02), (0.14, 0.23), (-0.14, 0.23)], colour)
    c.ellipse((0.0, -0.14), (0.35, 0.34), colour)
    c.ellipse((0.0, -0.14), (0.21, 0.34), shade(colour, 0.5))
    c.polygon([(-0.2, -0.02), (0.2, -0.02), (0.09, 0.23), (-0.09, 0.23)], shade(colour, 0.5))
    c.ellipse((0.0, -0.14), (0.08, 0.34), colour)
    c.polygon([(-0.075, -0.02), (0.075, -0.02), (0.035, 0.23), (-0.035, 0.23)], colour)
    c.box(-0.09, 0.36, 0.09, 0.48, colour=(138, 92, 48))


def umbrella(c: Canvas, colour: RGB) -> None:
    """An open umbrella with a scalloped rim and a hooked handle."""
    c.line([(0.0, -0.44), (0.0, 0.36)], (74, 62, 56), width=0.03)
    c.ring((0.07, 0.36), (0.07, 0.09), (74, 62, 56), width=0.035, arc=(0, 180))
    c.ellipse((0.0, 0.02), (0.48, 0.42), colour, arc=(180, 360))
    for index in range(4):
        x = -0.36 + index * 0.24
        c.ellipse((x, 0.03), (0.12, 0.06), shade(colour, -0.3 if index % 2 else -0.1), arc=(180, 360))
    c.polygon([(0.0, -0.4), (0.13, -0.2), (0.12, 0.0), (-0.12, 0.0), (-0.13, -0.2)], shade(colour, 0.3))


def star(c: Canvas, colour: RGB) -> None:
    """A five-pointed star with a bright core."""
    c.polygon(_star_points(0.48), shade(colour, -0.2))
    c.polygon(_star_points(0.42), colour)
    c.polygon(_star_points(0.22), shade(colour, 0.45))


def _star_points(radius: float) -> list[Point]:
    corners = []
    for index in range(10):
        reach = radius if index % 2 == 0 else radius * 0.42
        angle = math.pi * index / 5 - math.pi / 2
        corners.append((reach * math.cos(angle), reach * math.sin(angle)))
    return corners
