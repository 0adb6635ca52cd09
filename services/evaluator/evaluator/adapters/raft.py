"""RAFT from torchvision: a finer optical flow for nodes with a GPU, in place of OpenCV's DIS."""

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from runtime.errors import Permanent

from evaluator.adapters.weights import verified
from evaluator.domain.arrays import Floats, LumaClip

STRIDE_PX = 8  # RAFT takes sides in multiples of this
ARCHITECTURES = ("raft_small", "raft_large")


class _Prepared(NamedTuple):
    pixels: Any
    height: int
    width: int


class Raft:
    """Dense flow by RAFT.

    Args:
        architecture: `raft_small` or `raft_large`.
        weights: safetensors file with its state.
        sha256: Expected digest.
        device: torch device.

    Raises:
        Permanent: torchvision is not installed, or the file is missing, another one, or does not fit.
    """

    def __init__(self, architecture: str, weights: Path, *, sha256: str, device: str = "cpu") -> None:
        digest = verified(weights, sha256)
        try:
            import torch  # noqa: PLC0415 - an optional extra
            from safetensors import SafetensorError  # noqa: PLC0415
            from safetensors.torch import load_file  # noqa: PLC0415
            from torchvision.models import optical_flow  # noqa: PLC0415
        except ImportError as err:
            raise Permanent("model.no_torch", "RAFT needs torch: install dailies-evaluator[torch].") from err
        if architecture not in ARCHITECTURES:
            raise Permanent("model.unknown", f"{architecture!r} is none of {', '.join(ARCHITECTURES)}.")
        network = getattr(optical_flow, architecture)(weights=None)
        try:
            network.load_state_dict(load_file(str(weights)))
        except (SafetensorError, RuntimeError, OSError) as err:
            raise Permanent("model.cannot_load", f"{architecture} does not load from {weights}: {err}") from err
        self._torch: Any = torch
        self._network = network.to(device).eval()
        self._device = device
        self.id = f"{architecture.replace('_', '-')}@{digest[:12]}"

    def prepare(self, frame: LumaClip) -> Any:
        """Give a frame, (H, W) uint8, to the device: padded, in three equal channels."""
        rows, columns = (-side % STRIDE_PX for side in frame.shape)
        padded = np.pad(frame, ((0, rows), (0, columns)), mode="edge")
        grey = self._torch.from_numpy(padded).to(self._device).float() / 127.5 - 1
        return _Prepared(grey.expand(1, 3, *padded.shape), frame.shape[0], frame.shape[1])

    def calc(self, before: Any, after: Any) -> Floats:
        """Give the flow from one prepared frame to the next: at half size, (H / 2, W / 2, 2), in its px, x before y."""
        with self._torch.inference_mode():
            flow = self._network(before.pixels, after.pixels)[-1][0]
        whole = np.ascontiguousarray(flow.float().cpu().numpy().transpose(1, 2, 0)[: before.height, : before.width])
        half: Any = cv2.resize(whole, (before.width // 2, before.height // 2), interpolation=cv2.INTER_AREA)
        return np.asarray(half * np.float32(0.5), np.float32)
