"""Array types that every metric speaks: what the axes mean and which numbers are in them."""

from typing import Any

import numpy as np
import numpy.typing as npt

LumaClip = npt.NDArray[np.uint8]
"""Brightness of every frame at analysis size, shape (T, H, W), 0 to 255."""
RgbFrame = npt.NDArray[np.uint8]
"""One picture, shape (H, W, 3), RGB, 0 to 255."""
GreyFrame = npt.NDArray[np.uint8]
"""Brightness of one picture, shape (H, W), 0 to 255."""
Squares = npt.NDArray[np.uint8]
"""Pictures cut and scaled for a model, shape (N, S, S, 3), RGB, 0 to 255."""
Floats = npt.NDArray[Any]
"""Measured numbers, float32 or float64; the docstring beside says which shape and unit."""
Embedding = npt.NDArray[np.float32]
"""Unit vectors, shape (D,) or (N, D)."""
