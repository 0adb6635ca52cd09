"""Write what the evaluator ships: weights, ONNX towers, vocabulary, calibration, digests and the model card."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from simulator.scenes import ignored_words, vocabulary
from simulator.scenes.words import COLOUR_WORDS, SUBJECT_WORDS
from torch import Tensor, nn

from training.calibrate import CALIBRATION_ID, CONTRASTING, DRIFT, Curve
from training.card import write_card
from training.model import MODEL_ID, model_config, preprocess_config
from training.pictures import IMAGE_PX
from training.tokens import CONTEXT_LENGTH

WEIGHTS_FILE = "open_clip_model.safetensors"
IMAGE_TOWER_FILE = "image_tower.onnx"
TEXT_TOWER_FILE = "text_tower.onnx"
_OPSET = 17
_SMALL = 256  # tensors with fewer values stay fp32


class Report(NamedTuple):
    """What was measured on the finished model."""

    stills: dict[str, float]
    clips: dict[str, float]
    curve: Curve
    training: dict[str, float]


class _ImageTower(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model.encode_image(pixels, normalize=True)  # type: ignore[no-any-return]


class _TextTower(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model.encode_text(tokens, normalize=True)  # type: ignore[no-any-return]


def round_to_half(model: Any) -> None:
    """Round every weight to fp16 in place, so that what is measured is what is shipped."""
    state = model.state_dict()
    model.load_state_dict({k: v.half().float() if v.is_floating_point() else v for k, v in state.items()})


def export(model: Any, folder: Path, report: Report) -> None:
    """Write every file of the shipped model into a folder that already holds the merges."""
    model.eval().to(memory_format=torch.contiguous_format)
    state = {k: v.half().contiguous() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file(state, folder / WEIGHTS_FILE, metadata={"format": "pt", "model_id": MODEL_ID})
    vocab_size = model.token_embedding.weight.shape[0]
    config = {"model_cfg": model_config(vocab_size), "preprocess_cfg": preprocess_config()}
    _write_json(folder / "open_clip_config.json", config)
    _write_towers(model, folder)
    _write_json(
        folder / "calibration.json",
        {
            "id": CALIBRATION_ID,
            "model_id": MODEL_ID,
            "slope": report.curve.slope,
            "offset": report.curve.offset,
            "contrasting": {**CONTRASTING, "rivals": rivals()},
            "drift": DRIFT,
        },
    )
    _write_json(folder / "vocabulary.json", {"known": sorted(vocabulary()), "without_content": sorted(ignored_words())})
    _write_json(folder / "figures.json", report._asdict())
    write_card(folder / "MODEL_CARD.md", stills=report.stills, clips=report.clips, training=report.training)
    for path in folder.iterdir():
        path.chmod(0o644)
    write_digests(folder)


def rivals() -> dict[str, dict[str, list[str]]]:
    """The words of which a thing can be only one: every phrase of a subject and of a colour, under its plain name."""
    kinds = {"colour": COLOUR_WORDS, "subject": SUBJECT_WORDS}
    return {kind: {word: phrases.split(", ") for word, phrases in words.items()} for kind, words in kinds.items()}


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")


def _write_towers(model: Any, folder: Path) -> None:
    pixels = torch.zeros(2, 3, IMAGE_PX, IMAGE_PX)
    tokens = torch.zeros(2, CONTEXT_LENGTH, dtype=torch.long)
    towers = (
        (_ImageTower(model), pixels, "pixels", IMAGE_TOWER_FILE),
        (_TextTower(model), tokens, "tokens", TEXT_TOWER_FILE),
    )
    for tower, example, name, file in towers:
        path = folder / file
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter warns about its own internals
            torch.onnx.export(
                tower.eval(),
                (example,),
                str(path),
                input_names=[name],
                output_names=["embedding"],
                dynamic_axes={name: {0: "n"}, "embedding": {0: "n"}},
                opset_version=_OPSET,
                dynamo=False,
            )
        onnx.save(_with_half_weights(onnx.load(str(path))), str(path))


def _with_half_weights(graph_model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large weights as fp16 with a cast in front; the runtime folds the casts and computes in fp32."""
    graph = graph_model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < _SMALL:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(graph_model)
    return graph_model


def write_digests(folder: Path) -> None:
    """List the SHA-256 of every file, in the form that `sha256sum -c` reads."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in files]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")
