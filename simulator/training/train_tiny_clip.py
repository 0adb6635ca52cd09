"""Train the small CLIP on one core and write the files that the evaluator ships.

OMP_NUM_THREADS=1 nice -n 10 python -m training.train_tiny_clip --out ../services/evaluator/evaluator/models/tiny_scenes
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from training.calibrate import fit, pairs_of
from training.dataset import draw_dataset
from training.export import WEIGHTS_FILE, Report, export, round_to_half
from training.loop import Plan, train
from training.measure import Probe, Towers, draw_clip_frames, draw_probe, draw_stills, figures, pooled
from training.model import build_model
from training.tokens import BPE_FILE, read_tokenizer, write_bpe

_STILLS_SEED = 9_001
_CLIPS_SEED = 9_002


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the small CLIP of the scene grammar.")
    parser.add_argument("--out", type=Path, required=True, help="folder for the shipped files")
    parser.add_argument("--groups", type=int, default=4500, help="groups of four pictures to draw")
    parser.add_argument("--warmup-steps", type=int, default=Plan().warmup_steps)
    parser.add_argument("--steps", type=int, default=Plan().steps)
    parser.add_argument("--learning-rate", type=float, default=Plan().learning_rate)
    parser.add_argument("--resume", action="store_true", help="go on from the weights in --out: give another seed too")
    parser.add_argument("--seed", type=int, default=Plan().seed)
    parser.add_argument("--probe", type=int, default=300, help="held-out scenes to measure on")
    parser.add_argument("--measure-only", action="store_true", help="keep the weights in --out, export again")
    return parser.parse_args()


def main() -> None:
    """Draw and train, or load what was trained; then measure and export."""
    options = _arguments()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    towers, facts = _load(options.out) if options.measure_only else _train(options)
    round_to_half(towers.model)
    export(towers.model, options.out, report_on(towers, n=options.probe, training=facts))


def _load(folder: Path) -> tuple[Towers, dict[str, float]]:
    tokenizer = read_tokenizer(folder / BPE_FILE)
    model = build_model(tokenizer.vocab_size)
    model.load_state_dict(load_file(folder / WEIGHTS_FILE))
    facts: dict[str, float] = json.loads((folder / "figures.json").read_text())["training"]
    return Towers(model, tokenizer), facts


def _train(options: argparse.Namespace) -> tuple[Towers, dict[str, float]]:
    if not options.resume:
        write_bpe(options.out / BPE_FILE)
    tokenizer = read_tokenizer(options.out / BPE_FILE)
    before = json.loads((options.out / "figures.json").read_text())["training"] if options.resume else {}
    began = time.monotonic()
    data = draw_dataset(options.groups, seed=options.seed)
    print(f"{len(data.scenes)} pictures drawn in {time.monotonic() - began:.0f} s", flush=True)
    model = build_model(tokenizer.vocab_size)
    if options.resume:
        model.load_state_dict({name: value.float() for name, value in load_file(options.out / WEIGHTS_FILE).items()})
    plan = Plan(
        warmup_steps=options.warmup_steps, steps=options.steps, learning_rate=options.learning_rate, seed=options.seed
    )
    for step in train(model, tokenizer, data, plan):
        if step.number % 25 == 0:
            print(f"{step.phase} {step.number}: loss {step.loss:.3f}, {step.seconds:.0f} s", flush=True)
    facts = {
        "pictures": float(len(data.scenes)),
        "warm_up_steps": float(plan.warmup_steps),
        "steps": float(plan.steps),
        "cpu_seconds": round(time.process_time()),
    }
    facts = {name: value + before.get(name, 0.0) for name, value in facts.items()}
    return Towers(model, tokenizer), facts


def report_on(towers: Towers, *, n: int, training: dict[str, float]) -> Report:
    """Measure on n held-out stills and n held-out clips; the curve is fitted on the first half of the clips."""
    probe = draw_probe(n, seed=_STILLS_SEED)
    stills = figures(towers, probe, towers.images(draw_stills(probe, seed=_STILLS_SEED)))
    clip_probe = draw_probe(n, seed=_CLIPS_SEED)
    clips = pooled(towers, draw_clip_frames(clip_probe, seed=_CLIPS_SEED))
    half = n // 2
    curve = fit(pairs_of(towers, _part(clip_probe, slice(half)), clips[:half]))
    found = figures(towers, clip_probe, clips)
    rest = pairs_of(towers, _part(clip_probe, slice(half, n)), clips[half:])
    found |= _score_figures(curve.score(rest.cosines), n_hits=n - half)
    return Report(stills=stills, clips=found, curve=curve, training=training)


def _part(probe: Probe, rows: slice) -> Probe:
    wrong = {attribute: captions[rows] for attribute, captions in probe.wrong.items()}
    return Probe(probe.scenes[rows], probe.captions[rows], wrong)


def _score_figures(scores: npt.NDArray[np.float64], *, n_hits: int) -> dict[str, float]:
    """Mean score of hits, strangers and near misses on the other half, in the order that `pairs_of` lists them."""
    n_strangers = n_hits * (n_hits - 1)
    hits, strangers, near = np.split(scores, [n_hits, n_hits + n_strangers])
    found = {"score_match": hits.mean(), "score_stranger": strangers.mean()}
    for index, name in enumerate(("subject", "colour", "place", "light")):
        found[f"score_wrong_{name}"] = near[index * n_hits : (index + 1) * n_hits].mean()
    return {name: float(value) for name, value in found.items()}


if __name__ == "__main__":
    main()
