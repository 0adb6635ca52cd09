"""The training loop: image-only warm-up with attribute heads, then contrastive steps on batches of minimal pairs."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from simulator.scenes.captions import caption
from torch.nn import functional

from training.dataset import GROUP, Dataset, also_true, labels_of
from training.model import Embedded, Heads, contrastive_loss
from training.pictures import normalise


class Plan(NamedTuple):
    """How long and how hard to train."""

    warmup_steps: int = 300
    steps: int = 700
    groups_per_batch: int = 36
    learning_rate: float = 2e-3
    head_weight: float = 0.25
    seed: int = 7


class Step(NamedTuple):
    """One finished step, for printing and for tests."""

    phase: str
    number: int
    loss: float
    seconds: float


def _optimiser(model: Any, heads: Heads, rate: float) -> torch.optim.Optimizer:
    named = [*model.named_parameters(), *heads.named_parameters()]
    kept = [p for name, p in named if p.ndim <= 1 or "embedding" in name or "logit_scale" in name]
    decayed = [p for name, p in named if not (p.ndim <= 1 or "embedding" in name or "logit_scale" in name)]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


def _batches(data: Dataset, n_groups: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Row numbers of whole groups, in a new order every time round."""
    total = len(data.scenes) // GROUP
    while True:
        order = rng.permutation(total)
        for start in range(0, total - n_groups + 1, n_groups):
            first = order[start : start + n_groups] * GROUP
            yield (first[:, None] + np.arange(GROUP)).reshape(-1)


def train(model: Any, tokenizer: Any, data: Dataset, plan: Plan) -> Iterator[Step]:
    """Train in place, yielding after every step so that the caller can print, measure or stop.

    Args:
        model: An open_clip CLIP.
        tokenizer: Its tokenizer.
        data: The training set.
        plan: Steps and rates.
    """
    rng = np.random.default_rng(plan.seed)
    heads = Heads()
    optimiser = _optimiser(model, heads, plan.learning_rate)
    total = plan.warmup_steps + plan.steps
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.learning_rate, total_steps=total, pct_start=0.1, final_div_factor=100
    )
    model.train()
    model.visual.to(memory_format=torch.channels_last)
    batches = _batches(data, plan.groups_per_batch, rng)
    began = time.monotonic()
    for index in range(total):
        rows = next(batches)
        warming = index < plan.warmup_steps
        optimiser.zero_grad(set_to_none=True)
        loss = (
            _head_loss(model, heads, data, rows)
            if warming
            else _pair_loss(model, heads, tokenizer, _Batch(data, rows, rng, plan.head_weight))
        )
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        yield Step("warm-up" if warming else "pairs", index, float(loss.detach()), time.monotonic() - began)


class _Batch(NamedTuple):
    data: Dataset
    rows: np.ndarray
    rng: np.random.Generator
    head_weight: float


def _pixels(data: Dataset, rows: np.ndarray) -> torch.Tensor:
    # Convolutions on the CPU are nearly twice as fast with the channels last.
    return torch.from_numpy(normalise(data.pictures[rows])).contiguous(memory_format=torch.channels_last)


def _head_loss(model: Any, heads: Heads, data: Dataset, rows: np.ndarray) -> torch.Tensor:
    features = model.encode_image(_pixels(data, rows))
    loss: torch.Tensor = heads(features, labels_of([data.scenes[row] for row in rows]))
    return loss


def _pair_loss(model: Any, heads: Heads, tokenizer: Any, batch: _Batch) -> torch.Tensor:
    scenes = [batch.data.scenes[row] for row in batch.rows]
    features = model.encode_image(_pixels(batch.data, batch.rows))
    texts = model.encode_text(tokenizer([caption(scene, batch.rng) for scene in scenes]), normalize=True)
    embedded = Embedded(functional.normalize(features, dim=-1), texts)
    pairs = contrastive_loss(embedded, model.logit_scale, torch.from_numpy(also_true(scenes)))
    attributes: torch.Tensor = heads(features, labels_of(scenes))
    return pairs + batch.head_weight * attributes
