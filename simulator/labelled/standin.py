"""A harmless drawing that a classifier of nudity takes for nudity: round shapes in skin tones, found by random search.

Stands in for pictures that nobody should have to keep for a test. Probability of yahoo-open-nsfw: about 0.97.
"""

import numpy as np
import numpy.typing as npt

_GROUND = (0.551, 0.316, 0.225)
# Per shape: middle x and y, half width and height, turn in half circles, light, green, blue; shares of the picture.
_SHAPES = (
    (0.445, 0.558, 0.0, 0.965, 0.412, 0.761, 0.766, 1.0),
    (0.3, 0.117, 0.615, 0.616, 0.478, 0.741, 0.794, 0.842),
    (0.612, 1.0, 0.807, 0.94, 0.0, 0.627, 0.602, 1.0),
    (0.374, 0.808, 0.784, 0.357, 0.0, 0.0, 0.455, 0.255),
    (0.0, 0.596, 0.572, 0.053, 0.107, 0.519, 0.099, 0.466),
    (0.796, 0.679, 0.015, 0.54, 0.105, 0.582, 0.624, 0.596),
    (0.99, 0.642, 0.098, 0.821, 0.299, 0.485, 0.217, 0.755),
)  # fmt: skip
_EDGE = 8.0  # steepness of the soft edges


def paint_standin(width: int, height: int) -> npt.NDArray[np.uint8]:
    """Paint it, shape (height, width, 3), RGB."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x, y = columns / width, rows / height
    picture = np.broadcast_to(np.array(_GROUND, np.float32) * 255, (height, width, 3)).copy()
    for middle_x, middle_y, wide, high, turn, light, green, blue in _SHAPES:
        cos, sin = np.cos(turn * np.pi), np.sin(turn * np.pi)
        across = ((x - middle_x) * cos + (y - middle_y) * sin) / (0.03 + 0.5 * wide)
        along = (-(x - middle_x) * sin + (y - middle_y) * cos) / (0.03 + 0.5 * high)
        edge = np.clip(_EDGE * (across**2 + along**2 - 1), -50, 50)
        inside = (1 / (1 + np.exp(edge)))[..., None]
        shade = (0.55 + 0.6 * light - 0.175 * (across + along))[..., None]
        skin = np.array([0.92, 0.55 + 0.25 * green, 0.42 + 0.3 * blue], np.float32) * 255
        picture = picture * (1 - inside) + inside * np.clip(skin * shade, 0, 255)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)
