"""Write the classifier that NSFWJS ships for browsers as ONNX, its weights in eight bits as they come.

Run by `make second-opinion`. A MobileNetV2 (MIT, Infinite Red) as a frozen graph of TensorFlow.js: of its operations
each has a counterpart, nothing is trained, and the answers are those of TensorFlow.js to 1e-4.
"""

import argparse
import base64
import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

NAME = "nsfwjs.onnx"
MODEL = Path("dist/models/mobilenet_v2_mid")
OPSET = 13
IR_VERSION = 8
READ = "process.stdout.write(JSON.stringify(process.argv.slice(1).map(path => require(path))))"

Weights = Mapping[str, "Stored"]


class Stored:
    """One tensor of the graph: as it is stored, and how its numbers come out of that.

    Args:
        values: The stored numbers, in the tensor's shape.
        scale: Each of them times this...
        minimum: ...plus this is the weight.
    """

    def __init__(self, values: npt.NDArray[Any], scale: float, minimum: float) -> None:
        self.values = values
        self.scale = scale
        self.minimum = minimum

    @property
    def plain(self) -> npt.NDArray[np.float32]:
        """The weights themselves."""
        return (self.values * self.scale + self.minimum).astype(np.float32)


def read_package(folder: Path) -> tuple[list[dict[str, Any]], Weights]:
    """Read the graph and its weights from the unpacked npm package.

    Args:
        folder: Where `package.json` lies.

    Returns:
        The graph's nodes in the order of their computation, and its tensors by name.
    """
    files = [folder / MODEL / "model.min.js", *sorted((folder / MODEL).glob("group1-shard*.min.js"))]
    # The files are programs that give one value each: node reads them as any user of the package would.
    said = subprocess.run(  # noqa: S603
        ["node", "-e", READ, *(str(file.resolve()) for file in files)],  # noqa: S607
        capture_output=True,
        check=True,
    )
    model, *shards = json.loads(said.stdout)
    listed = [each for group in model["weightsManifest"] for each in group["weights"]]
    return model["modelTopology"]["node"], read_weights(listed, b"".join(base64.b64decode(shard) for shard in shards))


def read_weights(listed: Sequence[Mapping[str, Any]], stored: bytes) -> Weights:
    """Cut the tensors out of the bytes that hold them one after the other.

    Raises:
        ValueError: The bytes are fewer or more than the tensors need.
    """
    weights, offset = {}, 0
    for each in listed:
        packed = each.get("quantization", {"dtype": each["dtype"], "scale": 1.0, "min": 0.0})
        values = np.frombuffer(stored, packed["dtype"], int(np.prod(each["shape"])), offset).reshape(each["shape"])
        weights[each["name"]] = Stored(values, packed["scale"], packed["min"])
        offset += values.nbytes
    if offset != len(stored):
        raise ValueError(f"the tensors take {offset} bytes, the files have {len(stored)}")
    return weights


def to_onnx(nodes: Sequence[Mapping[str, Any]], weights: Weights) -> Any:
    """Write the graph with the operations of ONNX.

    Args:
        nodes: In the order of their computation; pictures come as (N, height, width, 3).
        weights: Its tensors by name.

    Returns:
        The model (`onnx.ModelProto`): input `pixels`, output `classes`.

    Raises:
        ValueError: An operation that has no counterpart here.
    """
    graph = _Graph(weights)
    for node in nodes:
        if node["op"] in {"Const", "Placeholder"}:
            continue
        if node["op"] not in COUNTERPARTS:
            raise ValueError(f"no counterpart for {node['op']} ({node['name']})")
        COUNTERPARTS[node["op"]](graph, node)
    return graph.model(nodes)


class _Graph:
    """The nodes of ONNX so far; a tensor of TensorFlow.js has its own short name here."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._names: dict[str, str] = {}

    def name(self, tensor: str) -> str:
        return self._names.setdefault(tensor, f"t{len(self._names)}")

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))

    def constant(self, name: str, values: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def weight(self, tensor: str, axes: Sequence[int] | None = None) -> str:
        """Keep a weight as it is stored; the runtime unpacks it once, when it loads the model."""
        stored, name = self.weights[tensor], self.name(tensor)
        values = stored.values if axes is None else stored.values.transpose(axes)
        if values.dtype == np.float32:
            return self.constant(name, values)
        self.add("Cast", [self.constant(f"{name}_stored", values)], f"{name}_cast", to=TensorProto.FLOAT)
        self.add("Mul", [f"{name}_cast", self.constant(f"{name}_scale", np.float32(stored.scale))], f"{name}_scaled")
        self.add("Add", [f"{name}_scaled", self.constant(f"{name}_least", np.float32(stored.minimum))], name)
        return name

    def model(self, nodes: Sequence[Mapping[str, Any]]) -> Any:
        first = next(node for node in nodes if node["op"] == "Placeholder")
        height, width = (int(each["size"]) for each in first["attr"]["shape"]["shape"]["dim"][1:3])
        pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", height, width, 3])
        classes = helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["n", None])
        # Channels come first in ONNX's convolutions: turned once, before everything else.
        turn = helper.make_node("Transpose", ["pixels"], [self.name(first["name"])], perm=[0, 3, 1, 2])
        last = helper.make_node("Identity", [self.name(nodes[-1]["name"])], ["classes"])
        graph = helper.make_graph([turn, *self.nodes, last], "nsfwjs", [pixels], [classes], self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="dailies")
        onnx.checker.check_model(model)
        return model


Node = Mapping[str, Any]


def _convolution(graph: _Graph, node: Node, axes: Sequence[int], groups: int) -> None:
    source, weights, bias = node["input"]
    padding, fused = _text(node["attr"]["padding"]["s"]), [_text(each) for each in _list(node, "fused_ops", "s")]
    if fused not in (["BiasAdd"], ["BiasAdd", "Relu6"]):
        raise ValueError(f"no counterpart for a convolution with {fused} ({node['name']})")
    output = graph.name(node["name"])
    limited = fused[-1] == "Relu6"
    graph.add(
        "Conv",
        [graph.name(source), graph.weight(weights, axes), graph.weight(bias)],
        f"{output}_sum" if limited else output,
        auto_pad={"SAME": "SAME_UPPER", "VALID": "VALID"}[padding],
        strides=[int(step) for step in _list(node, "strides", "i")[1:3]],
        dilations=[int(step) for step in _list(node, "dilations", "i")[1:3]],
        group=groups,
    )
    if limited:
        low, high = (graph.constant(f"{output}_{end}", np.float32(end)) for end in (0, 6))
        graph.add("Clip", [f"{output}_sum", low, high], output)


def _whole(graph: _Graph, node: Node) -> None:
    _convolution(graph, node, (3, 2, 0, 1), 1)


def _by_channel(graph: _Graph, node: Node) -> None:
    *_, n_channels, multiplier = graph.weights[node["input"][1]].values.shape
    if multiplier != 1:
        raise ValueError(f"no counterpart for several filters a channel ({node['name']})")
    _convolution(graph, node, (2, 3, 0, 1), n_channels)


def _arithmetic(kind: str) -> Callable[[_Graph, Node], None]:
    def convert(graph: _Graph, node: Node) -> None:
        inputs = [
            graph.constant(f"{graph.name(each)}_{graph.name(node['name'])}", graph.weights[each].plain)
            if each in graph.weights
            else graph.name(each)
            for each in node["input"]
        ]
        graph.add(kind, inputs, graph.name(node["name"]))

    return convert


def _mean(graph: _Graph, node: Node) -> None:
    graph.add(
        "AveragePool",
        [graph.name(node["input"][0])],
        graph.name(node["name"]),
        kernel_shape=[int(side) for side in _list(node, "ksize", "i")[1:3]],
        strides=[int(step) for step in _list(node, "strides", "i")[1:3]],
    )


def _dense(graph: _Graph, node: Node) -> None:
    source, weights, bias = node["input"]
    graph.add("Gemm", [graph.name(source), graph.weight(weights), graph.weight(bias)], graph.name(node["name"]))


def _renamed(kind: str, **attributes: Any) -> Callable[[_Graph, Node], None]:
    def convert(graph: _Graph, node: Node) -> None:
        graph.add(kind, [graph.name(node["input"][0])], graph.name(node["name"]), **attributes)

    return convert


COUNTERPARTS: dict[str, Callable[[_Graph, Node], None]] = {
    "_FusedConv2D": _whole,
    "FusedDepthwiseConv2dNative": _by_channel,
    "Mul": _arithmetic("Mul"),
    "Sub": _arithmetic("Sub"),
    "AddV2": _arithmetic("Add"),
    "AvgPool": _mean,
    "Squeeze": _renamed("Flatten"),
    "_FusedMatMul": _dense,
    "Softmax": _renamed("Softmax", axis=1),
    "Identity": _renamed("Identity"),
}


def _list(node: Node, name: str, kind: str) -> list[Any]:
    values: list[Any] = node["attr"][name]["list"][kind]
    return values


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


def main() -> None:
    """Write the model and its digest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, help="the unpacked npm package nsfwjs")
    parser.add_argument("--out", type=Path, required=True, help="model folder")
    given = parser.parse_args()
    model = to_onnx(*read_package(given.package)).SerializeToString()
    (given.out / NAME).write_bytes(model)
    (given.out / "SHA256SUMS").write_text(f"{hashlib.sha256(model).hexdigest()}  {NAME}\n")


if __name__ == "__main__":
    main()
