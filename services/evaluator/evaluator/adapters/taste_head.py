"""LAION's aesthetic heads from a local safetensors file: one linear layer, or several that fold into one."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from runtime.errors import Permanent

from evaluator.adapters.weights import verified
from evaluator.domain.taste import TasteHead

_LAYER = re.compile(r"(?:(?P<name>.*)\.)?weight")


def load_taste_head(path: Path, *, sha256: str, n_features: int) -> TasteHead:
    """Read a head.

    Args:
        path: safetensors file: `weight` and `bias`, or the same of each layer (`layers.0.weight`, …), applied in the
            order of their numbers.
        sha256: Expected digest.
        n_features: Length of the embeddings that it will be given.

    Raises:
        Permanent: The file is missing, another one, no head, or for another CLIP.
    """
    digest = verified(path, sha256)
    try:
        from safetensors import SafetensorError  # noqa: PLC0415 - an optional extra
        from safetensors.numpy import load_file  # noqa: PLC0415
    except ImportError as err:
        raise Permanent("model.no_torch", "An aesthetic head needs dailies-evaluator[torch].") from err
    try:
        weights, bias = _folded(load_file(str(path)))
    except (SafetensorError, OSError, ValueError, LookupError) as err:
        raise Permanent("model.cannot_load", f"{path.name} is no linear head: {err}") from err
    if weights.shape != (1, n_features):
        raise Permanent(
            "model.wrong_embedding",
            f"{path.name} rates vectors of {weights.shape[1]} numbers, the CLIP gives {n_features}: LAION's heads "
            "belong to ViT-L-14 with OpenAI's weights.",
        )
    return TasteHead(id=f"{path.stem}@{digest[:12]}", weights=weights[0], bias=float(bias[0]))


def _folded(tensors: dict[str, Any]) -> tuple[Any, Any]:
    """Multiply the layers out: W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2)."""
    names = sorted((name for name in tensors if _LAYER.fullmatch(name)), key=_order)
    weights = np.asarray(tensors[names[0]], np.float64)
    bias = np.asarray(tensors[names[0].removesuffix("weight") + "bias"], np.float64)
    for name in names[1:]:
        layer = np.asarray(tensors[name], np.float64)
        bias = layer @ bias + np.asarray(tensors[name.removesuffix("weight") + "bias"], np.float64)
        weights = layer @ weights
    return weights, bias


def _order(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]
