"""One vector a clip, for comparing sets of clips: from the small CLIP, from torchvision's video models, or from I3D.

Weights come from local files whose digest is checked; nothing is downloaded.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from runtime.errors import Permanent

from evaluator.adapters.weights import verified
from evaluator.domain.arrays import Floats, RgbFrame
from evaluator.ports import AlignmentEngine

N_FRAMES = 16  # what the video models were trained on
I3D_SIDE_PX = 224
I3D_FEATURES = 400
KINETICS_SIDE_PX = 112
KINETICS_MEAN = (0.43216, 0.394666, 0.37645)
KINETICS_STD = (0.22803, 0.22145, 0.216989)


class ClipEmbeddings:
    """The alignment model's view: the mean of the frames' embeddings, and how much they change.

    Sees most picture defects and flicker; hardly sees the order of the frames. Needs no torch.
    """

    def __init__(self, engine: AlignmentEngine) -> None:
        self._engine = engine
        model = engine.model
        self.id = f"{model.id}@{model.weights_sha256[:12]} mean+rms-difference of {N_FRAMES}"
        self.is_i3d = False
        self.n_features = 2 * self._embed([np.zeros((64, 64, 3), np.uint8)]).shape[1]

    def extract(self, frames: Sequence[RgbFrame]) -> Floats:
        """Give the features of one clip.

        Args:
            frames: Pictures in order, evenly spread over the clip, at least 1.

        Returns:
            Shape (2 D,) of D-dimensional embeddings.
        """
        vectors = self._embed(frames)
        steps = np.diff(vectors, axis=0) if len(vectors) > 1 else np.zeros((1, vectors.shape[1]))
        return np.concatenate([vectors.mean(axis=0), np.sqrt((steps**2).mean(axis=0))])

    def _embed(self, frames: Sequence[RgbFrame]) -> Floats:
        return np.asarray(self._engine.embed_images(frames), np.float64)


class TorchvisionVideo:
    """A video classifier of torchvision without its last layer, for example `r3d_18` or `r2plus1d_18`.

    Args:
        architecture: torchvision's name.
        weights: safetensors file with its state.
        sha256: Expected digest.
        device: torch device.

    Raises:
        Permanent: torchvision is not installed, has no such model, or the file does not fit it.
    """

    def __init__(self, architecture: str, weights: Path, *, sha256: str, device: str = "cpu") -> None:
        digest = verified(weights, sha256)
        self._torch = _import("torch")
        video = _import("torchvision.models.video")
        if not hasattr(video, architecture):
            raise Permanent("model.unknown", f"torchvision has no video model {architecture!r}.")
        network = getattr(video, architecture)(weights=None)
        try:
            network.load_state_dict(_import("safetensors.torch").load_file(str(weights)))
            self.n_features = int(network.fc.in_features)
        except (_import("safetensors").SafetensorError, RuntimeError, AttributeError, OSError) as err:
            raise Permanent("model.cannot_load", f"{architecture} does not load from {weights}: {err}") from err
        network.fc = self._torch.nn.Identity()
        self._network = network.to(device).eval()
        self._device = device
        self.id = f"{architecture}@{digest[:12]} spread {N_FRAMES} of {KINETICS_SIDE_PX} px"
        self.is_i3d = False

    def extract(self, frames: Sequence[RgbFrame]) -> Floats:
        """Give the features of one clip of at least 1 picture: shape (D,)."""
        pixels = (_squares(frames, KINETICS_SIDE_PX) / 255 - KINETICS_MEAN) / KINETICS_STD
        with self._torch.inference_mode():
            return _vector(self._network(_batch(self._torch, pixels, self._device)))


class I3dTorchScript:
    """I3D trained on Kinetics-400, as a TorchScript file: what the literature calls FVD.

    Args:
        path: TorchScript that takes (1, 3, T, 224, 224) in [-1, 1] and gives 400 values; one that has the options
            `rescale`, `resize` and `return_features` is called with False, False and True.
        sha256: Expected digest: TorchScript is code, so only a file that somebody vouched for is run.
        device: torch device.

    Raises:
        Permanent: torch is not installed, or the file is missing, another one, or not TorchScript.
    """

    def __init__(self, path: Path, *, sha256: str, device: str = "cpu") -> None:
        digest = verified(path, sha256)
        self._torch = _import("torch")
        try:
            # torch warns that the format is going out of use; I3D is published in no other.
            with warnings.catch_warnings(action="ignore", category=FutureWarning):
                self._network = self._torch.jit.load(str(path), map_location=device).eval()
        except (RuntimeError, ValueError, OSError) as err:
            raise Permanent("model.cannot_load", f"{path.name} is not TorchScript: {err}") from err
        names = {argument.name for argument in self._network.forward.schema.arguments}
        wanted = {"rescale": False, "resize": False, "return_features": True}
        self._options = {name: value for name, value in wanted.items() if name in names}
        self._device = device
        self.id = f"i3d-kinetics-400@{digest[:12]} spread {N_FRAMES}"
        self.is_i3d = True
        self.n_features = I3D_FEATURES

    def extract(self, frames: Sequence[RgbFrame]) -> Floats:
        """Give the features of one clip of at least 1 picture: shape (400,).

        Raises:
            Permanent: The network gives something else.
        """
        pixels = _squares(frames, I3D_SIDE_PX) / 127.5 - 1
        with self._torch.inference_mode():
            vector = _vector(self._network(_batch(self._torch, pixels, self._device), **self._options))
        if vector.shape != (I3D_FEATURES,):
            raise Permanent("model.not_i3d", f"I3D gives {I3D_FEATURES} values, this network {vector.shape}.")
        return vector


def _import(name: str) -> Any:
    import importlib  # noqa: PLC0415 - torch is an optional extra: importing this module must not need it

    try:
        return importlib.import_module(name)
    except ImportError as err:
        raise Permanent("model.no_torch", f"This needs {name}: install dailies-evaluator[torch].") from err


def _squares(frames: Sequence[RgbFrame], side_px: int) -> Floats:
    """Cut the middle square out of each of 16 pictures and scale it: (16, S, S, 3); short clips repeat the last one."""
    chosen = [frames[min(index, len(frames) - 1)] for index in range(N_FRAMES)]
    return np.stack([_square(frame, side_px) for frame in chosen]).astype(np.float32)


def _square(frame: RgbFrame, side_px: int) -> RgbFrame:
    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = frame[top : top + side, left : left + side]
    return np.asarray(cv2.resize(middle, (side_px, side_px), interpolation=cv2.INTER_AREA))


def _batch(torch: Any, pixels: Floats, device: str) -> Any:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(3, 0, 1, 2)[None], np.float32)).to(device)


def _vector(output: Any) -> Floats:
    return np.asarray(output.float().cpu().numpy(), np.float64).reshape(-1)
