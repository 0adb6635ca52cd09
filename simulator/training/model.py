"""The network: open_clip's CLIP class with a configuration of our own, and the heads that only training uses."""

from typing import Any, NamedTuple

import torch
from open_clip.model import CLIP
from simulator.scenes import grammar as g
from torch import Tensor, nn
from torch.nn import functional

from training.dataset import Labels
from training.pictures import IMAGE_PX, MEAN, STD
from training.tokens import CONTEXT_LENGTH

EMBED_DIM = 128
MODEL_ID = "tiny-scenes-2"
_MAX_LOGIT_SCALE = 4.6052  # ln 100, CLIP's own limit


def model_config(vocab_size: int) -> dict[str, Any]:
    """The model's open_clip configuration."""
    return {
        "embed_dim": EMBED_DIM,
        "vision_cfg": {"image_size": IMAGE_PX, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None},
        "text_cfg": {
            "context_length": CONTEXT_LENGTH,
            "vocab_size": vocab_size,
            "width": EMBED_DIM,
            "heads": 4,
            "layers": 2,
        },
    }


def preprocess_config() -> dict[str, Any]:
    """What open_clip's own transform should do; area averaging of the centre square is the closer path."""
    return {
        "mean": list(MEAN),
        "std": list(STD),
        "interpolation": "bicubic",
        "resize_mode": "shortest",
        "size": [IMAGE_PX, IMAGE_PX],
    }


def build_model(vocab_size: int) -> Any:
    """A fresh network with random weights."""
    return CLIP(**model_config(vocab_size))


class Heads(nn.Module):
    """Attribute classifiers on the image embedding; they teach the image tower what to look at, then are dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.subject = nn.Linear(EMBED_DIM, len(g.SUBJECTS))
        self.colour = nn.Linear(EMBED_DIM, len(g.COLOURS))
        self.place = nn.Linear(EMBED_DIM, len(g.PLACES))
        self.light = nn.Linear(EMBED_DIM, len(g.LIGHTS))

    def forward(self, features: Tensor, labels: Labels) -> Tensor:
        """Sum of the four losses; several subjects share their probability."""
        subjects = torch.from_numpy(labels.subjects)
        colours = torch.from_numpy(labels.colours)
        return (
            _shared(self.subject(features), subjects)
            + _shared(self.colour(features), colours)
            + functional.cross_entropy(self.place(features), torch.from_numpy(labels.place))
            + functional.cross_entropy(self.light(features), torch.from_numpy(labels.light))
        )


def _shared(logits: Tensor, shown: Tensor) -> Tensor:
    target = shown / shown.sum(dim=1, keepdim=True)
    return functional.cross_entropy(logits, target)


class Embedded(NamedTuple):
    """Unit vectors of one batch, (N, 128) each."""

    images: Tensor
    texts: Tensor


def contrastive_loss(embedded: Embedded, logit_scale: Tensor, not_negative: Tensor) -> Tensor:
    """Symmetric InfoNCE in which pairs that are also true do not count as negatives.

    Args:
        embedded: Row i of both belongs together.
        logit_scale: Logarithm of the inverse temperature.
        not_negative: (N, N) bool, [text, image], False on the diagonal.
    """
    scale = logit_scale.clamp(max=_MAX_LOGIT_SCALE).exp()
    logits = scale * embedded.texts @ embedded.images.T
    logits = logits.masked_fill(not_negative, float("-inf"))
    target = torch.arange(len(logits))
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2
