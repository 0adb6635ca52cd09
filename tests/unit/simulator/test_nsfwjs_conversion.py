"""A small graph of TensorFlow.js, computed by PyTorch and by ONNX Runtime after its conversion."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional
from training.nsfwjs import Stored, read_weights, to_onnx

SCALE, LEAST = 0.01, -1.2
SHAPES = {"kernel": (3, 3, 3, 4), "bias": (4,), "each": (3, 3, 4, 1), "shift": (4,), "out": (4, 5), "last": (5,)}


def node(op: str, name: str, inputs: Sequence[str] = (), **attributes: Any) -> dict[str, Any]:
    return {"op": op, "name": name, "input": list(inputs), "attr": attributes}


def text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def convolution(op: str, name: str, inputs: Sequence[str], *, step: int, relu6: bool) -> dict[str, Any]:
    return node(
        op,
        name,
        inputs,
        strides={"list": {"i": ["1", str(step), str(step), "1"]}},
        dilations={"list": {"i": ["1", "1", "1", "1"]}},
        padding={"s": text("SAME")},
        fused_ops={"list": {"s": [text("BiasAdd"), *([text("Relu6")] if relu6 else [])]}},
    )


def graph() -> list[dict[str, Any]]:
    sizes = [{"size": each} for each in ("-1", "8", "8", "3")]
    ones = {"list": {"i": ["1", "1", "1", "1"]}}
    return [
        node("Const", "two"),
        node("Placeholder", "input", shape={"shape": {"dim": sizes}}),
        node("Mul", "doubled", ["two", "input"]),
        node("Sub", "centred", ["doubled", "one"]),
        convolution("_FusedConv2D", "whole", ["centred", "kernel", "bias"], step=2, relu6=True),
        convolution("FusedDepthwiseConv2dNative", "channels", ["whole", "each", "shift"], step=1, relu6=False),
        node("AddV2", "sum", ["whole", "channels"]),
        node("AvgPool", "mean", ["sum"], ksize={"list": {"i": ["1", "4", "4", "1"]}}, strides=ones),
        node("Squeeze", "flat", ["mean"]),
        node("_FusedMatMul", "scores", ["flat", "out", "last"]),
        node("Softmax", "softmax", ["scores"]),
        node("Identity", "result", ["softmax"]),
    ]


@pytest.fixture
def weights() -> dict[str, Stored]:
    rng = np.random.default_rng(5)
    plain = {name: Stored(np.array(value, np.float32), 1.0, 0.0) for name, value in (("two", 2), ("one", 1))}
    return plain | {name: Stored(rng.integers(0, 256, shape, np.uint8), SCALE, LEAST) for name, shape in SHAPES.items()}


def by_torch(pixels: np.ndarray, weights: dict[str, Stored]) -> np.ndarray:
    plain = {name: torch.from_numpy(np.ascontiguousarray(each.plain)) for name, each in weights.items()}
    turned = torch.from_numpy(pixels).permute(0, 3, 1, 2) * 2 - 1
    # Eight pixels, three wide, two a step: the one that is missing comes after the last.
    padded = functional.pad(turned, (0, 1, 0, 1))
    whole = functional.conv2d(padded, plain["kernel"].permute(3, 2, 0, 1), plain["bias"], stride=2).clamp(0, 6)
    each = functional.conv2d(whole, plain["each"].permute(2, 3, 0, 1), plain["shift"], padding=1, groups=4)
    scores = (whole + each).mean((2, 3)) @ plain["out"] + plain["last"]
    return np.asarray(scores.softmax(1))


def test_the_converted_graph_computes_the_same(weights: dict[str, Stored]) -> None:
    pixels = np.random.default_rng(6).random((2, 8, 8, 3), np.float32)
    model = to_onnx(graph(), weights)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(["classes"], {"pixels": pixels})
    assert np.asarray(found) == pytest.approx(by_torch(pixels, weights), abs=1e-5)


def test_an_operation_without_a_counterpart_is_named(weights: dict[str, Stored]) -> None:
    with pytest.raises(ValueError, match="no counterpart for Erf"):
        to_onnx([*graph()[:3], node("Erf", "odd", ["doubled"])], weights)


def test_weights_are_cut_out_in_their_order() -> None:
    listed = [
        {"name": "a", "shape": [2], "dtype": "float32", "quantization": {"min": -1.0, "scale": 0.5, "dtype": "uint8"}},
        {"name": "b", "shape": [1], "dtype": "float32"},
    ]
    stored = bytes([0, 4]) + np.float32(7.5).tobytes()
    found = read_weights(listed, stored)
    assert found["a"].plain.tolist() == [-1.0, 1.0]
    assert found["b"].plain.tolist() == [7.5]
    with pytest.raises(ValueError, match="take 6 bytes, the files have 7"):
        read_weights(listed, stored + b"!")
