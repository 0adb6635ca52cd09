import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from evaluator.adapters.safety_models import OnnxSafety, RemoteModeration, StrictestOf
from evaluator.adapters.weights import sha256_of
from evaluator.domain.bands import on_common_scale
from runtime.errors import DependencyUnavailable, Permanent

RED, BLUE = (np.full((40, 60, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))


def test_what_each_model_calls_harmless_lies_below_the_same_line() -> None:
    for safe_below in (0.1, 0.5, 0.9):
        found = [on_common_scale(p, safe_below=safe_below) for p in (0.0, safe_below, 1.0)]
        assert found == pytest.approx([0.0, 0.3, 1.0])
    steps = [on_common_scale(p / 100, safe_below=0.7) for p in range(101)]
    assert steps == sorted(steps)


@pytest.fixture
def red_alarm(tmp_path: Path) -> Callable[..., Path]:
    """A model that gives the mean of each channel: (red, green, blue) of pixels in [0, 1]."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper  # noqa: PLC0415

    def write(**changes: object) -> Path:
        node = helper.make_node("ReduceMean", ["pixels", "axes"], ["means"], keepdims=0)
        axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
        graph = helper.make_graph(
            [node],
            "means",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 8, 8])],
            [helper.make_tensor_value_info("means", TensorProto.FLOAT, ["n", 3])],
            [axes],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        onnx.save(model, str(tmp_path / "red.onnx"))
        said = {
            "id": "red-alarm-1",
            "model": "red.onnx",
            "sha256": sha256_of(tmp_path / "red.onnx"),
            "side_px": 8,
            "unsafe": [0],
            "output": "probability",
        }
        file = tmp_path / "red.json"
        file.write_text(json.dumps(said | changes))
        return file

    return write


def test_an_own_model_is_asked_as_its_description_says(red_alarm: Callable[..., Path]) -> None:
    assert OnnxSafety(red_alarm()).unsafe([RED, BLUE]) == pytest.approx([1.0, 0.0])
    assert OnnxSafety(red_alarm(channels="bgr")).unsafe([RED, BLUE]) == pytest.approx([0.0, 1.0])
    assert OnnxSafety(red_alarm(unsafe=[0, 2])).unsafe([RED, BLUE]) == pytest.approx([1.0, 1.0])
    half = OnnxSafety(red_alarm(scale=1 / 510, safe_below=0.6)).unsafe([RED])
    assert half == pytest.approx([on_common_scale(0.5, safe_below=0.6)])
    softmax = OnnxSafety(red_alarm(output="softmax")).unsafe([RED])
    assert softmax == pytest.approx([on_common_scale(np.e / (np.e + 2), safe_below=0.5)])
    sigmoid = OnnxSafety(red_alarm(output="sigmoid")).unsafe([BLUE])
    assert sigmoid == pytest.approx([0.3])
    assert OnnxSafety(red_alarm()).model_id.startswith("red-alarm-1@")


def test_an_own_model_that_is_not_the_described_one_is_refused(red_alarm: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"model\.wrong_digest"):
        OnnxSafety(red_alarm(sha256="0" * 64))
    with pytest.raises(Permanent, match=r"model\.bad_description"):
        OnnxSafety(red_alarm(colour="red"))
    with pytest.raises(Permanent, match=r"model\.bad_description"):
        OnnxSafety(tmp_path / "nowhere.json")
    file = red_alarm()
    (tmp_path / "red.onnx").write_bytes(b"no network")
    described = json.loads(file.read_text()) | {"sha256": sha256_of(tmp_path / "red.onnx")}
    file.write_text(json.dumps(described))
    with pytest.raises(Permanent, match=r"model\.cannot_load"):
        OnnxSafety(file)


class Service:
    """A moderation service that calls red pictures unsafe."""

    def __init__(self, answer: Callable[[Sequence[float]], httpx.Response] | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self.answer = answer or (lambda reds: httpx.Response(200, json={"unsafe": list(reds), "model": "m"}))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reds = []
        for image in json.loads(request.content)["images"]:
            picture = cv2.imdecode(np.frombuffer(base64.b64decode(image), np.uint8), cv2.IMREAD_COLOR)
            assert max(picture.shape) <= 512
            reds.append(round(float(picture[..., 2].mean()) / 255, 1))
        return self.answer(reds)


def moderation(service: Service) -> RemoteModeration:
    client = httpx.Client(transport=httpx.MockTransport(service), headers={"Authorization": "Bearer k"})
    return RemoteModeration("https://moderation.test/v1", client, safe_below=0.5)


def test_a_moderation_service_is_sent_small_pictures_and_believed() -> None:
    service = Service()
    large = np.full((1080, 1920, 3), (255, 0, 0), np.uint8)
    assert moderation(service).unsafe([large, BLUE]) == pytest.approx([1.0, 0.0])
    assert service.requests[0].headers["authorization"] == "Bearer k"
    assert moderation(service).model_id == "moderation moderation.test"


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(503),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"unsafe": [0.1]}),
        httpx.Response(200, json={"unsafe": [0.1, 1.7]}),
        httpx.Response(302, headers={"location": "https://elsewhere.test"}),
    ],
)
def test_a_clip_that_the_service_did_not_judge_is_not_called_harmless(response: httpx.Response) -> None:
    with pytest.raises(DependencyUnavailable, match="moderation"):
        moderation(Service(lambda _: response)).unsafe([RED, BLUE])


def test_of_several_judges_the_strictest_decides(red_alarm: Callable[..., Path]) -> None:
    class Calm:
        model_id = "calm"

        def unsafe(self, frames: Sequence[object]) -> list[float]:
            return [0.1] * len(frames)

    both = StrictestOf([Calm(), OnnxSafety(red_alarm())])
    assert both.unsafe([RED, BLUE]) == pytest.approx([1.0, 0.1])
    assert both.model_id.startswith("calm + red-alarm-1@")
