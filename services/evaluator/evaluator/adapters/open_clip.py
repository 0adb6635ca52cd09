"""A CLIP on torch through open_clip: production models on GPU nodes. An optional extra of the package.

Weights come from local safetensors files whose digest is checked; nothing is downloaded.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from runtime.errors import Permanent

from evaluator.adapters.preprocess import CLIP_MEAN, CLIP_STD, Preprocessing, Resampling
from evaluator.adapters.weights import listed_digest, read_calibration, read_json, read_vocabulary, verified
from evaluator.domain.alignment import Calibration
from evaluator.domain.arrays import Embedding, RgbFrame, Squares
from evaluator.domain.questions import Vocabulary
from evaluator.ports import AlignmentModel

Precision = Literal["fp32", "bf16", "fp16"]
CACHED_PROMPTS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenClipWeights:
    """Which model, and where it lies.

    Attributes:
        architecture: open_clip's name, for example `ViT-B-32-quickgelu` (OpenAI's weights need the quickgelu
            variant: open_clip checks that for its own tags only), or `local-dir:FOLDER`.
        path: safetensors file.
        sha256: Its expected digest.
        calibration: From cosine to score, fitted for these weights.
        model_id: Name in every score.
        bpe_path: Merges of a reduced vocabulary; None for the stock tokenizer.
        vocabulary: Words that it knows; None for a model trained on everything.
    """

    architecture: str
    path: Path
    sha256: str
    calibration: Calibration
    model_id: str
    bpe_path: Path | None = None
    vocabulary: Vocabulary | None = None


class OpenClip:
    """open_clip's own classes and loading code.

    Args:
        weights: The model.
        device: torch device, for example `cpu` or `cuda:0`.
        precision: Of the weights: bf16 halves the time on CPUs that have it and on GPUs.
        n_threads: torch's threads within one call on the CPU.
        preprocessing: `area` or `reference`.

    Raises:
        Permanent: torch is not installed, the file is missing, of another digest or not safetensors.
    """

    def __init__(
        self,
        weights: OpenClipWeights,
        *,
        device: str = "cpu",
        precision: Precision = "fp32",
        n_threads: int = 1,
        preprocessing: Resampling = "area",
    ) -> None:
        digest = verified(_safetensors(weights.path), weights.sha256)
        self._torch, open_clip = _import_torch()
        self._torch.set_num_threads(n_threads)
        self._device = device
        self._network = _load(open_clip, weights, device=device, precision=precision)
        self._tokenize = _tokenizer(open_clip, weights)
        self._prepare = Preprocessing(
            side_px=_side_px(self._network),
            mean=tuple(self._network.visual.image_mean or CLIP_MEAN),
            std=tuple(self._network.visual.image_std or CLIP_STD),
            path=preprocessing,
        )
        self._on_gpu = device.startswith("cuda")
        # Convolutions on a GPU are quickest with the channels last; elsewhere the layout gains nothing.
        self._layout = self._torch.channels_last if self._on_gpu else self._torch.contiguous_format
        if self._on_gpu:
            self._network.visual.to(memory_format=self._layout)
        self._mean, self._std = (self._per_channel(values) for values in (self._prepare.mean, self._prepare.std))
        self._model = AlignmentModel(
            id=weights.model_id,
            engine=f"open_clip-{open_clip.__version__} {device} {precision}",
            weights_sha256=digest,
            preprocessing=self._prepare.id,
            calibration=weights.calibration,
            vocabulary=weights.vocabulary,
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
        """Embed prepared pictures: unit vectors, (N, D). They cross to the device as bytes and become numbers there."""
        pixels = self._torch.from_numpy(squares)
        if self._on_gpu:
            pixels = pixels.pin_memory()
        with self._torch.inference_mode():
            pixels = pixels.to(self._device, non_blocking=self._on_gpu).permute(0, 3, 1, 2).float() / 255
            normal = ((pixels - self._mean) / self._std).to(_input_dtype(self._network))
            normal = normal.contiguous(memory_format=self._layout)
            return _as_array(self._network.encode_image(normal, normalize=True))

    def embed_text(self, prompt: str) -> Embedding:
        """Embed a prompt: a unit vector, (D,)."""
        return self._cached_text(prompt)

    def _per_channel(self, values: Sequence[float]) -> Any:
        return self._torch.tensor(values, device=self._device).view(1, 3, 1, 1)

    def _embed_text(self, prompt: str) -> Embedding:
        with self._torch.inference_mode():
            tokens = self._tokenize([prompt]).to(self._device)
            vectors = _as_array(self._network.encode_text(tokens, normalize=True))
        return np.asarray(vectors[0], np.float32)


def _import_torch() -> tuple[Any, Any]:
    # Without this a missing file sends open_clip to the hub, which hangs for a minute on a closed network.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import open_clip  # noqa: PLC0415 - an optional extra: importing this module must not need torch
        import torch  # noqa: PLC0415
    except ImportError as err:
        raise Permanent(
            "model.no_torch", "The engine open_clip needs torch: install dailies-evaluator[torch]."
        ) from err
    return torch, open_clip


def _safetensors(path: Path) -> Path:
    # Other formats are pickles: loading one runs whatever code it carries.
    if path.suffix != ".safetensors":
        raise Permanent("model.not_safetensors", f"{path.name} is not a safetensors file: convert it first.")
    return path


def _load(open_clip: Any, weights: OpenClipWeights, *, device: str, precision: Precision) -> Any:
    try:
        network = open_clip.create_model(
            weights.architecture,
            pretrained=None if weights.architecture.startswith("local-dir:") else str(weights.path),
            precision=precision,
            device=device,
        )
    except (RuntimeError, ValueError, OSError) as err:
        raise Permanent(
            "model.cannot_load", f"{weights.architecture} does not load from {weights.path}: {err}"
        ) from err
    return network.eval()


def _tokenizer(open_clip: Any, weights: OpenClipWeights) -> Any:
    options = {"bpe_path": str(weights.bpe_path)} if weights.bpe_path else {}
    return open_clip.get_tokenizer(weights.architecture, **options)


def _side_px(network: Any) -> int:
    size = network.visual.image_size
    return int(size[0] if isinstance(size, tuple | list) else size)


def _input_dtype(network: Any) -> Any:
    # Mixed-precision loading keeps some parameters in fp32; the first convolution says what it wants to be fed.
    return next(p for name, p in network.visual.named_parameters() if name.startswith("conv1.")).dtype


def _as_array(vectors: Any) -> Embedding:
    return np.asarray(vectors.float().cpu().numpy(), np.float32)


def tiny_weights(folder: Path) -> OpenClipWeights:
    """Describe a folder like that of the shipped small CLIP, for running it on torch.

    Raises:
        Permanent: A file is missing.
    """
    name = "open_clip_model.safetensors"
    return OpenClipWeights(
        architecture=f"local-dir:{folder}",
        path=folder / name,
        sha256=listed_digest(folder, name),
        calibration=read_calibration(folder / "calibration.json"),
        model_id=str(read_json(folder / "calibration.json")["model_id"]),
        bpe_path=folder / "bpe_merges.txt.gz",
        vocabulary=read_vocabulary(folder / "vocabulary.json"),
    )
