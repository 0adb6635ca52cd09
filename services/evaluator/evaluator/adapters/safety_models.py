"""Further judges of safety beside the shipped classifier: an own ONNX model, a moderation service, or several together.

Each gives a probability per picture on one scale: below 0.3 is harmless.
"""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import httpx
import msgspec
import numpy as np
from runtime.errors import DependencyUnavailable, Permanent

from evaluator.adapters.onnx_session import open_session
from evaluator.adapters.weights import verified
from evaluator.domain.arrays import RgbFrame
from evaluator.domain.bands import on_common_scale
from evaluator.ports import SafetyEngine

JPEG_QUALITY = 90
REMOTE_SIDE_PX = 512
"""Moderation services look at small pictures; larger ones only take longer to send."""


class SafetyModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an own model's JSON file says.

    Attributes:
        id: Name and version, kept in every score.
        model: Its ONNX file, beside the JSON.
        sha256: Expected digest of that file.
        side_px: It takes squares of this side.
        unsafe: Outputs that mean harm; their probabilities are added.
        mean: Taken from pixels in [0, 255], per channel.
        scale: Multiplied with what is left.
        channels: `rgb` or `bgr`.
        layout: `nchw` or `nhwc`.
        output: `softmax` and `sigmoid` are applied to logits; `probability` is taken as it is.
        safe_below: Probability that still passes with this model, in (0, 1).
    """

    id: str
    model: str
    sha256: str
    side_px: int
    unsafe: tuple[int, ...]
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1 / 255
    channels: Literal["rgb", "bgr"] = "rgb"
    layout: Literal["nchw", "nhwc"] = "nchw"
    output: Literal["softmax", "sigmoid", "probability"] = "softmax"
    safe_below: float = 0.5


class OnnxSafety:
    """An own classifier.

    Args:
        description: Its JSON file, see `SafetyModel`.
        n_threads: Threads of one call.

    Raises:
        Permanent: A file is missing, another one, or cannot be run.
    """

    def __init__(self, description: Path, *, n_threads: int = 1) -> None:
        try:
            self._model = msgspec.json.decode(description.read_bytes(), type=SafetyModel)
        except (OSError, msgspec.MsgspecError) as err:
            raise Permanent("model.bad_description", f"{description}: {err}") from err
        path = description.parent / self._model.model
        digest = verified(path, self._model.sha256)
        try:
            self._session = open_session(path, n_threads)
        except Exception as err:  # ONNX Runtime's own errors share no base but Exception
            raise Permanent("model.cannot_load", f"{path.name} cannot be run: {err}") from err
        self._input = self._session.get_inputs()[0].name
        self.model_id = f"{self._model.id}@{digest[:12]}"

    def unsafe(self, frames: Sequence[RgbFrame]) -> list[float]:
        """Give the probability of harm per picture, each in [0, 1]."""
        pixels = np.stack([self._prepared(frame) for frame in frames])
        if self._model.layout == "nchw":
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        outputs = np.asarray(self._session.run(None, {self._input: pixels})[0], np.float64)
        harm = _probabilities(outputs, self._model.output)[:, list(self._model.unsafe)].sum(axis=1)
        return [on_common_scale(float(p), safe_below=self._model.safe_below) for p in np.clip(harm, 0, 1)]

    def _prepared(self, frame: RgbFrame) -> Any:
        square = cv2.resize(frame, (self._model.side_px,) * 2, interpolation=cv2.INTER_AREA).astype(np.float32)
        ordered = square if self._model.channels == "rgb" else square[..., ::-1]
        return ((ordered - np.array(self._model.mean, np.float32)) * self._model.scale).astype(np.float32)


class _Answer(msgspec.Struct, frozen=True):
    unsafe: tuple[float, ...]
    model: str = ""


class RemoteModeration:
    """A moderation service: `POST {"images": [base64 JPEG, …]}` answers `{"unsafe": [p, …], "model": "…"}`.

    Args:
        url: Its address.
        client: HTTP client with the wanted timeouts and headers; its key is in them.
        safe_below: Probability that still passes with this service.
    """

    def __init__(self, url: str, client: httpx.Client, *, safe_below: float = 0.5) -> None:
        self._url = url
        self._client = client
        self._safe_below = safe_below
        self.model_id = f"moderation {httpx.URL(url).host}"

    def unsafe(self, frames: Sequence[RgbFrame]) -> list[float]:
        """Give the probability of harm per picture, each in [0, 1].

        Raises:
            DependencyUnavailable: No usable answer: a clip that nobody looked at is not called harmless; it comes
                again.
        """
        images = [base64.b64encode(_jpeg(frame)).decode() for frame in frames]
        try:
            reply = self._client.post(self._url, json={"images": images})
            reply.raise_for_status()
            answer = msgspec.json.decode(reply.content, type=_Answer)
        except (httpx.HTTPError, msgspec.MsgspecError) as err:
            raise DependencyUnavailable("moderation.unavailable", f"{self.model_id}: {type(err).__name__}") from err
        if len(answer.unsafe) != len(frames) or not all(0 <= p <= 1 for p in answer.unsafe):
            raise DependencyUnavailable("moderation.unusable", f"{self.model_id} gave no probability for each picture")
        return [on_common_scale(p, safe_below=self._safe_below) for p in answer.unsafe]


class StrictestOf:
    """Several judges: a picture is as unsafe as the strictest of them says."""

    def __init__(self, engines: Sequence[SafetyEngine]) -> None:
        self._engines = engines
        self.model_id = " + ".join(engine.model_id for engine in engines)

    def unsafe(self, frames: Sequence[RgbFrame]) -> list[float]:
        """Give the highest probability per picture."""
        return [max(each) for each in zip(*(engine.unsafe(frames) for engine in self._engines), strict=True)]


def _probabilities(outputs: Any, kind: str) -> Any:
    if kind == "sigmoid":
        return 1 / (1 + np.exp(-outputs))
    if kind == "softmax":
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return outputs


def _jpeg(frame: RgbFrame) -> bytes:
    scale = min(1.0, REMOTE_SIDE_PX / max(frame.shape[:2]))
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()
