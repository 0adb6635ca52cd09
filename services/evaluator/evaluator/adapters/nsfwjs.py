"""A second opinion on pictures that Yahoo's classifier doubts: NSFWJS, another network that learned other pictures.

It knows drawings, which Yahoo's does not. Weights MIT (Infinite Red); see the model card.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from evaluator.adapters.onnx_session import open_session
from evaluator.adapters.preprocess import halved
from evaluator.adapters.weights import listed_digest, verified
from evaluator.domain.arrays import RgbFrame
from evaluator.domain.second_opinion import Seen, in_doubt, together
from evaluator.ports import SafetyEngine

FOLDER = Path(__file__).parent.parent / "models" / "nsfwjs"
MODEL = "nsfwjs.onnx"
SIDE_PX = 224


class NsfwJs:
    """The classifier, safe to call from threads.

    Args:
        n_threads: Threads of one call.
        folder: Where the model lies.

    Raises:
        Permanent: The model is missing or not the one listed.
    """

    def __init__(self, *, n_threads: int = 1, folder: Path = FOLDER) -> None:
        digest = verified(folder / MODEL, listed_digest(folder, MODEL))
        self._session = open_session(folder / MODEL, n_threads)
        self.model_id = f"nsfwjs-mobilenet-v2-mid@{digest[:12]}"

    def see(self, frame: RgbFrame) -> Seen:
        """Give the probability of each class."""
        square = cv2.resize(halved(frame, side_px=SIDE_PX), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
        pixels = square[np.newaxis].astype(np.float32) / 255
        return Seen(*(float(p) for p in self._session.run(None, {"pixels": pixels})[0][0]))


class SecondOpinion:
    """A classifier that asks another one wherever that can change what passes.

    Args:
        first: The classifier.
        second: Asked about the pictures that it doubts.
        safe_below: Probability that still passes.
    """

    def __init__(self, first: SafetyEngine, second: NsfwJs, *, safe_below: float) -> None:
        self._first = first
        self._second = second
        self._safe_below = safe_below
        self.model_id = f"{first.model_id}, in doubt with {second.model_id}"

    def unsafe(self, frames: Sequence[RgbFrame]) -> list[float]:
        """Give P(sexual content) per picture, each in [0, 1]: of both classifiers where the first is in doubt."""
        return [
            together(p, self._second.see(frame)) if in_doubt(p, safe_below=self._safe_below) else p
            for p, frame in zip(self._first.unsafe(frames), frames, strict=True)
        ]
