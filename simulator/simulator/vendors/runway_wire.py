"""What goes over Runway's wire: models, prices, request bodies and their checks, words of errors and failures. Pure.

`runway.py` serves it. Facts as read in runwayml 5.24.0 and docs.dev.runwayml.com on 2026-11-22. Not documented and
decided here: what a missing length means for gen4_turbo (10 s), and the sentences of 401, 404 and 429.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from simulator.images import size_of

API_VERSION = "2024-11-06"
USD_MICROS_PER_CREDIT = 10_000
DOCS = "https://docs.dev.runwayml.com/api"
TEXT_RATIOS = ("1280:720", "720:1280")
IMAGE_RATIOS = ("1280:720", "720:1280", "1104:832", "960:960", "832:1104", "1584:672")
USUAL_DURATION_S = 10
MIN_DURATION_S, MAX_DURATION_S = 2, 10
MAX_PROMPT_UNITS = 1000
MAX_SEED = 2**32 - 1
MAX_DATA_URI_CHARS = 5 * 1024 * 1024
MAX_URL_CHARS = 2048
MAX_IMAGE_RATIO = 2.0
FIELDS = frozenset(
    {
        "model", "promptText", "promptImage", "ratio", "duration", "seed",
        "contentModeration", "outputFormat", "proresProfile",
    }
)  # fmt: skip
LOOPBACK = frozenset({"127.0.0.1", "localhost"})

NO_CREDITS = "You do not have enough credits to run this task."
BAD_KEY = "The API key provided is invalid, disabled or missing."
BAD_VERSION = f"X-Runway-Version header must be set to a supported version, such as {API_VERSION}."
TOO_MANY = "Too many requests: the rate limit of this organization was reached."
SERVER_ERRORS = {500: "Internal server error", 502: "Bad gateway", 503: "Service unavailable", 504: "Gateway timeout"}
FAILURES = {
    "SAFETY.INPUT.TEXT": "The input was rejected by content moderation.",
    "SAFETY.OUTPUT.VIDEO": "The output was rejected by content moderation.",
    "INTERNAL.BAD_OUTPUT.CODE01": "An unexpected error occurred.",
    "ASSET.INVALID": "An input asset could not be used.",
}


class Model(msgspec.Struct, frozen=True):
    """What a model takes and costs; `from_text`: it also renders without a picture."""

    credits_per_s: int
    from_text: bool
    premium: bool


MODELS = {
    "gen4.5": Model(12, from_text=True, premium=True),
    "gen4_turbo": Model(5, from_text=False, premium=False),
}


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A submit, read."""

    operation: Literal["text-to-video", "image-to-video"]
    model: str
    prompt: str
    ratio: str
    duration_s: int
    seed: int | None
    picture: str | None  # data URI, URL or runway:// URI

    @property
    def credits(self) -> int:
        """What the clip costs."""
        return MODELS[self.model].credits_per_s * self.duration_s

    @property
    def size_px(self) -> tuple[int, int]:
        """Frame size, which is what the vendor calls the ratio."""
        width, height = self.ratio.split(":")
        return int(width), int(height)


class Refused(Exception):
    """The vendor answers with an error."""

    def __init__(self, status: int, error: str, issues: list[dict[str, Any]] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body: dict[str, Any] = {"error": error, "docUrl": DOCS}
        if issues is not None:
            self.body["issues"] = issues


def read(payload: Any, *, operation: Literal["text-to-video", "image-to-video"]) -> Ask:
    """Read a submit.

    Raises:
        Refused: 400 with every issue found.
    """
    if not isinstance(payload, dict):
        raise invalid([issue("invalid_type", [], "Expected object", expected="object")])
    name = payload.get("model")
    model = MODELS.get(name) if isinstance(name, str) else None
    from_image = operation == "image-to-video"
    if model is None or not (from_image or model.from_text):
        offered = [known for known, each in MODELS.items() if from_image or each.from_text]
        raise invalid([issue("invalid_union", ["model"], "Invalid discriminator value", values=offered)])
    issues = [*_unknown(payload), *_bad_prompt(payload, name), *_bad_numbers(payload, name)]
    issues += _bad_ratio(payload, IMAGE_RATIOS if from_image else TEXT_RATIOS)
    picture = None
    if from_image:
        picture, found = _picture(payload.get("promptImage"))
        issues += found
    if issues:
        raise invalid(issues)
    return Ask(
        operation=operation,
        model=str(name),
        prompt=payload.get("promptText", ""),
        ratio=payload["ratio"],
        duration_s=payload.get("duration", USUAL_DURATION_S),
        seed=payload.get("seed"),
        picture=picture,
    )


def invalid(issues: list[dict[str, Any]]) -> Refused:
    """Word a body that is not as it should be."""
    return Refused(400, "Validation of body failed", issues)


def issue(code: str, path: Sequence[str | int], message: str, **details: Any) -> dict[str, Any]:
    """Word one thing that is wrong."""
    return {"code": code, "path": list(path), "message": message, **details}


def decode_data_uri(uri: str) -> bytes | None:
    """Decode a picture that came along; None where it is none."""
    head, _, content = uri.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        return None
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return None


def _unknown(payload: dict[str, Any]) -> list[dict[str, Any]]:
    keys = sorted(set(payload) - FIELDS)
    return [issue("unrecognized_keys", [], f"Unrecognized keys: {', '.join(keys)}", keys=keys)] if keys else []


def _bad_prompt(payload: dict[str, Any], model: object) -> list[dict[str, Any]]:
    if "promptText" not in payload and model == "gen4_turbo":
        return []
    text, path = payload.get("promptText"), ["promptText"]
    if not isinstance(text, str):
        return [issue("invalid_type", path, "Expected string", expected="string")]
    n_units = len(text.encode("utf-16-le")) // 2
    if n_units == 0:
        return [issue("too_small", path, "Too small", minimum=1)]
    return [issue("too_big", path, "Too big", maximum=MAX_PROMPT_UNITS)] if n_units > MAX_PROMPT_UNITS else []


def _bad_numbers(payload: dict[str, Any], model: object) -> list[dict[str, Any]]:
    bounds = {"duration": (MIN_DURATION_S, MAX_DURATION_S), "seed": (0, MAX_SEED)}
    found = []
    for name, (least, most) in bounds.items():
        if name not in payload and (name != "duration" or model == "gen4_turbo"):
            continue
        value = payload.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            found.append(issue("invalid_type", [name], "Expected int", expected="int"))
        elif value < least:
            found.append(issue("too_small", [name], "Too small", minimum=least))
        elif value > most:
            found.append(issue("too_big", [name], "Too big", maximum=most))
    return found


def _bad_ratio(payload: dict[str, Any], offered: tuple[str, ...]) -> list[dict[str, Any]]:
    if payload.get("ratio") in offered:
        return []
    return [issue("invalid_value", ["ratio"], "Invalid option", values=list(offered))]


def _picture(given: Any) -> tuple[str | None, list[dict[str, Any]]]:
    path: list[str | int] = ["promptImage"]
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], dict):
        if given[0].get("position") != "first":
            return None, [issue("invalid_value", [*path, 0, "position"], "Invalid option", values=["first"])]
        given, path = given[0].get("uri"), [*path, 0, "uri"]
    if not isinstance(given, str) or not given:
        return None, [issue("invalid_type", path, "Expected string", expected="string")]
    return given, _bad_uri(given, path)


def _bad_uri(uri: str, path: list[str | int]) -> list[dict[str, Any]]:
    if uri.startswith("runway://"):
        return []
    if uri.startswith("data:"):
        return _bad_data(uri, path)
    url = urlsplit(uri)
    # A simulator on this machine takes pictures from this machine, too.
    is_local = url.scheme == "http" and url.hostname in LOOPBACK
    is_public = url.scheme == "https" and url.hostname is not None and not url.hostname.replace(".", "").isdigit()
    if len(uri) > MAX_URL_CHARS or not (is_local or is_public):
        return [issue("custom", path, "Only HTTPS URLs with a domain name, data URIs and runway:// URIs are accepted.")]
    return []


def _bad_data(uri: str, path: list[str | int]) -> list[dict[str, Any]]:
    if len(uri) > MAX_DATA_URI_CHARS:
        return [issue("too_big", path, "Too big", maximum=MAX_DATA_URI_CHARS)]
    content = decode_data_uri(uri)
    size = None if content is None else size_of(content)
    if size is None:
        return [issue("custom", path, "The data URI holds no image that can be read.")]
    if not 1 / MAX_IMAGE_RATIO <= size[0] / size[1] <= MAX_IMAGE_RATIO:
        return [issue("custom", path, "Invalid asset aspect ratio: width / height must be between 0.5 and 2.")]
    return []
