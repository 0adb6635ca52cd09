"""The colours of the grammar as RGB, with the small spread that real things of one colour have.

Used by `stage.py` when it paints subjects and places.
"""

import numpy as np

from simulator.scenes.canvas import RGB
from simulator.scenes.grammar import ColourName, SubjectName

BASE: dict[ColourName, RGB] = {
    "red": (212, 34, 38),
    "orange": (240, 128, 24),
    "yellow": (246, 212, 42),
    "green": (40, 156, 62),
    "cyan": (44, 198, 206),
    "blue": (34, 82, 208),
    "purple": (126, 48, 172),
    "pink": (244, 118, 178),
    "brown": (116, 68, 34),
    "black": (34, 34, 38),
    "white": (240, 236, 226),
    "grey": (136, 140, 146),
}
USUAL: dict[SubjectName, ColourName] = {
    "cup": "white", "ball": "red", "car": "red", "boat": "white", "tree": "green", "house": "brown", "kite": "red",
    "fox": "orange", "cat": "grey", "bird": "blue", "fish": "orange", "flower": "pink", "lamp": "yellow",
    "book": "blue",
    "star": "yellow", "balloon": "red", "rocket": "white", "umbrella": "blue",
}  # fmt: skip
_BRIGHTER = 16  # largest change of all channels together
_HUE_STEP = 5  # largest further change of one channel; keeps white from turning green, and red apart from orange


def tint(colour: ColourName, rng: np.random.Generator) -> RGB:
    """One shade of a named colour."""
    shift = rng.integers(-_BRIGHTER, _BRIGHTER + 1) + rng.integers(-_HUE_STEP, _HUE_STEP + 1, size=3)
    r, g, b = (int(np.clip(channel + step, 0, 255)) for channel, step in zip(BASE[colour], shift, strict=True))
    return (r, g, b)
