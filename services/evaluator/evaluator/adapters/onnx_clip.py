"""A CLIP on ONNX Runtime: the default engine. Needs no torch, starts in a tenth of a second.

Runs a folder of two towers with their tokenizer, calibration and vocabulary; the shipped small CLIP is one.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime

from evaluator.adapters.onnx_session import open_session
from evaluator.adapters.preprocess import Preprocessing, Resampling
from evaluator.adapters.tiny_tokenizer import TinyTokenizer
from evaluator.adapters.weights import listed_digest, read_calibration, read_json, read_vocabulary, verified
from evaluator.domain.arrays import Embedding, RgbFrame, Squares
from evaluator.ports import AlignmentModel

IMAGE_TOWER = "image_tower.onnx"
TEXT_TOWER = "text_tower.onnx"
CACHED_PROMPTS = 1024  # drafts, retries and finals of one job are scored against the same text


class OnnxClip:
    """Two towers on the CPU.

    Args:
        folder: The model folder; every file that is run is checked against SHA256SUMS in it.
        n_threads: Threads of one call.
        preprocessing: `area` or `reference`.

    Raises:
        Permanent: A file is missing or is not the one listed.
    """

    def __init__(self, folder: Path, *, n_threads: int = 1, preprocessing: Resampling = "area") -> None:
        digests = {name: verified(folder / name, listed_digest(folder, name)) for name in (IMAGE_TOWER, TEXT_TOWER)}
        config = read_json(folder / "open_clip_config.json")
        calibration = read_json(folder / "calibration.json")
        self._image = open_session(folder / IMAGE_TOWER, n_threads)
        self._text = open_session(folder / TEXT_TOWER, n_threads)
        context = int(config["model_cfg"]["text_cfg"]["context_length"])
        self._tokenize = TinyTokenizer(folder / "bpe_merges.txt.gz", context_length=context)
        picture = config["preprocess_cfg"]
        self._prepare = Preprocessing(
            side_px=int(picture["size"][0]),
            mean=tuple(picture["mean"]),
            std=tuple(picture["std"]),
            path=preprocessing,
        )
        self._model = AlignmentModel(
            id=str(calibration["model_id"]),
            engine=f"onnxruntime-{onnxruntime.__version__}",
            weights_sha256=digests[IMAGE_TOWER],
            preprocessing=self._prepare.id,
            calibration=read_calibration(folder / "calibration.json"),
            vocabulary=read_vocabulary(folder / "vocabulary.json"),
        )
        self._cached_text = lru_cache(maxsize=CACHED_PROMPTS)(self._embed_text)

    @property
    def model(self) -> AlignmentModel:
        """What it runs."""
        return self._model

    def embed_images(self, frames: Sequence[RgbFrame]) -> Embedding:
        """Embed pictures: unit vectors, (N, D)."""
        return self.embed_squares(self.squares(frames))

    def squares(self, frames: Sequence[RgbFrame]) -> Squares:
        """Cut and scale pictures as the model takes them."""
        return self._prepare.squares(frames)

    def embed_squares(self, squares: Squares) -> Embedding:
        """Embed prepared pictures: unit vectors, (N, D)."""
        return np.asarray(self._image.run(None, {"pixels": self._prepare.normal(squares)})[0], np.float32)

    def embed_text(self, prompt: str) -> Embedding:
        """Embed a prompt: a unit vector, (D,)."""
        return self._cached_text(prompt)

    def _embed_text(self, prompt: str) -> Embedding:
        return np.asarray(self._text.run(None, {"tokens": self._tokenize([prompt])})[0][0], np.float32)
