"""How well the model tells scenes apart: retrieval, choices between two captions, and whole clips.

Every figure is taken on compositions that were never rendered in training.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from simulator.scenes.captions import caption
from simulator.scenes.defects import Faults, draft_defects, strengths
from simulator.scenes.grammar import Scene
from simulator.scenes.stage import build_stage, frame_at

from training.compositions import ATTRIBUTES, Attribute, change, draw_full_scene
from training.pictures import draw_still, normalise, square

Vectors = npt.NDArray[np.float32]
_CLIP_PX = (640, 360)
_N_FRAMES = 8


class Towers(NamedTuple):
    """A model in evaluation mode with its tokenizer."""

    model: Any
    tokenizer: Any

    def images(self, pictures: npt.NDArray[np.uint8]) -> Vectors:
        """Unit vectors of pictures, (N, 64, 64, 3) uint8 to (N, 128)."""
        self.model.eval()
        with torch.inference_mode():
            return np.asarray(self.model.encode_image(torch.from_numpy(normalise(pictures)), normalize=True).numpy())

    def texts(self, captions: list[str]) -> Vectors:
        """Unit vectors of captions."""
        self.model.eval()
        with torch.inference_mode():
            return np.asarray(self.model.encode_text(self.tokenizer(captions), normalize=True).numpy())


class Probe(NamedTuple):
    """Held-out scenes with their captions, and for each attribute a caption that is wrong in it alone."""

    scenes: list[Scene]
    captions: list[str]
    wrong: dict[Attribute, list[str]]


def draw_probe(n: int, *, seed: int) -> Probe:
    """Draw a probe; the wrong captions keep the form of the right one."""
    rng = np.random.default_rng(seed)
    scenes = [draw_full_scene(rng) for _ in range(n)]
    forms = [int(form) for form in rng.integers(2**31, size=n)]
    wrong = {
        attribute: [
            caption(change(scene, attribute, rng), np.random.default_rng(form))
            for scene, form in zip(scenes, forms, strict=True)
        ]
        for attribute in ATTRIBUTES
    }
    return Probe(scenes, [caption(s, np.random.default_rng(f)) for s, f in zip(scenes, forms, strict=True)], wrong)


def draw_stills(probe: Probe, *, seed: int) -> npt.NDArray[np.uint8]:
    """One worn still of every scene of the probe."""
    rng = np.random.default_rng(seed)
    return np.stack([draw_still(scene, rng) for scene in probe.scenes])


def draw_clip_frames(probe: Probe, *, seed: int) -> npt.NDArray[np.uint8]:
    """Eight frames of a draft-quality clip of every scene, (N, 8, 64, 64, 3)."""
    return np.stack([_clip_frames(scene, seed=seed + index) for index, scene in enumerate(probe.scenes)])


def _clip_frames(scene: Scene, *, seed: int) -> npt.NDArray[np.uint8]:
    stage = build_stage(scene, size_px=_CLIP_PX, seed=seed)
    faults = Faults(strengths(draft_defects(seed)), n_frames=_N_FRAMES, seed=seed)
    frames = [
        faults.finish(frame_at(stage, u=(index + 0.5) / _N_FRAMES, t_s=5 * (index + 0.5) / _N_FRAMES), index)
        for index in range(_N_FRAMES)
    ]
    return np.stack([square(frame) for frame in frames])


def pooled(towers: Towers, frames: npt.NDArray[np.uint8]) -> Vectors:
    """Unit mean of the frame vectors of each clip, (N, T, 64, 64, 3) to (N, 128)."""
    n, t = frames.shape[:2]
    vectors = towers.images(frames.reshape(n * t, *frames.shape[2:])).reshape(n, t, -1).mean(axis=1)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def figures(towers: Towers, probe: Probe, images: Vectors) -> dict[str, float]:
    """Retrieval at rank 1 both ways, and the share of right choices between two captions for every attribute."""
    texts = towers.texts(probe.captions)
    cosines = images @ texts.T
    right = np.arange(len(images))
    matched = np.diagonal(cosines)
    found = {
        "image_to_text_r1": float((cosines.argmax(axis=1) == right).mean()),
        "text_to_image_r1": float((cosines.argmax(axis=0) == right).mean()),
        "matched_cosine": float(matched.mean()),
        "mismatched_cosine": float(cosines[~np.eye(len(images), dtype=bool)].mean()),
    }
    for attribute, captions in probe.wrong.items():
        wrong = (images * towers.texts(captions)).sum(axis=1)
        found[f"choice_{attribute}"] = float((matched > wrong).mean())
    return found
