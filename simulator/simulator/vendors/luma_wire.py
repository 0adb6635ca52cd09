"""What goes over Luma Dream Machine's wire: models, prices, request bodies and their checks, its sentences. Pure.

`luma.py` serves it. Facts as read in lumaai 1.21.0 and docs.lumalabs.ai on 2026-11-22. Prices per clip are derived
from resellers' lists. Not documented and decided here: the HTTP status of each refusal (400 with a sentence, 422 with
a list where the shape is wrong), which models take concepts (ray-2 alone), what a missing model means.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

ASPECTS = {
    "1:1": (1, 1),
    "16:9": (16, 9),
    "9:16": (9, 16),
    "4:3": (4, 3),
    "3:4": (3, 4),
    "21:9": (21, 9),
    "9:21": (9, 21),
}
LINES = {"540p": 540, "720p": 720, "1080p": 1080, "4k": 2160}
MIN_PROMPT_CHARS, MAX_PROMPT_CHARS = 3, 5000
LOOPBACK = frozenset({"127.0.0.1", "localhost"})
CONCEPTS = (
    "aerial", "aerial_drone", "bolt_cam", "crane_down", "crane_up", "dolly_zoom", "elevator_doors", "eye_level",
    "ground_level", "handheld", "high_angle", "low_angle", "orbit_left", "orbit_right", "overhead", "over_the_shoulder",
    "pan_left", "pan_right", "pedestal_down", "pedestal_up", "pov", "pull_out", "push_in", "roll_left", "roll_right",
    "selfie", "static", "tilt_down", "tilt_up", "tiny_planet", "truck_left", "truck_right", "zoom_in", "zoom_out",
)  # fmt: skip

BAD_KEY = "Invalid API key is provided"
NO_CREDITS = "Insufficient credits"
TOO_MANY = "Rate limit exceeded"
NOT_FOUND = "Generation not found"
SERVER_ERRORS = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
MODERATED = "400: prompt not allowed because advanced moderation failed"
JOB_FAILED = "Error dispatching job"
NO_FRAME = "Failed to read user input frames"


class Model(msgspec.Struct, frozen=True):
    """What a model takes and costs: US cents a clip by resolution and length."""

    cents: dict[str, dict[str, int]]
    premium: bool = False
    takes_concepts: bool = False


MODELS = {
    "ray-2": Model(
        {
            "540p": {"5s": 40, "9s": 72}, "720p": {"5s": 71, "9s": 128},
            "1080p": {"5s": 159, "9s": 287}, "4k": {"5s": 637, "9s": 1147},
        },
        premium=True,
        takes_concepts=True,
    ),
    "ray-flash-2": Model(
        {
            "540p": {"5s": 14, "9s": 25}, "720p": {"5s": 24, "9s": 43},
            "1080p": {"5s": 55, "9s": 99}, "4k": {"5s": 219, "9s": 395},
        },
    ),
    "ray-1-6": Model({"720p": {"5s": 35}}),
}  # fmt: skip


class Concept(msgspec.Struct):
    """One item of `concepts`."""

    key: str


class Frame(msgspec.Struct):
    """A key frame: a picture, or another generation."""

    type: Literal["image", "generation"]
    url: str | None = None
    id: str | None = None


class Keyframes(msgspec.Struct):
    """`keyframes`."""

    frame0: Frame | None = None
    frame1: Frame | None = None


class Body(msgspec.Struct):
    """Body of `POST /generations/video`; unknown fields are ignored."""

    model: str = "ray-1-6"
    prompt: Annotated[str, msgspec.Meta(max_length=MAX_PROMPT_CHARS)] | None = None
    aspect_ratio: Literal["1:1", "16:9", "9:16", "4:3", "3:4", "21:9", "9:21"] = "16:9"
    duration: str = "5s"
    resolution: str = "720p"
    loop: bool = False
    keyframes: Keyframes | None = None
    concepts: list[Concept] | None = None
    callback_url: str | None = None
    generation_type: Literal["video"] = "video"

    @property
    def frames(self) -> tuple[Frame | None, Frame | None]:
        """First and last key frame."""
        return (self.keyframes.frame0, self.keyframes.frame1) if self.keyframes is not None else (None, None)


class Refused(Exception):
    """The vendor answers with an error."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def read(payload: Any) -> Body:
    """Read a submit.

    Raises:
        Refused: 422 where the shape is wrong, 400 with the vendor's sentence where the request cannot be served.
    """
    try:
        body = msgspec.convert(payload, Body)
    except msgspec.ValidationError as err:
        raise Refused(422, [{"loc": ["body"], "msg": str(err), "type": "value_error"}]) from err
    _check_model(body)
    _check_prompt(body)
    _check_frames(body)
    if body.callback_url is not None and not body.callback_url.startswith(("http://", "https://")):
        raise Refused(400, "callback_url is not a valid URL")
    return body


def price_usd_micros(body: Body) -> int:
    """Price of the clip."""
    return MODELS[body.model].cents[body.resolution][body.duration] * 10_000


def size_px(body: Body) -> tuple[int, int]:
    """Frame size: the shorter side has the resolution's lines, both are even."""
    wide, high = ASPECTS[body.aspect_ratio]
    lines = LINES[body.resolution]
    longer = round(lines * max(wide, high) / min(wide, high) / 2) * 2
    return (longer, lines) if wide >= high else (lines, longer)


def camera_in_words(body: Body) -> str:
    """Say the concepts as one would in a prompt."""
    return ", ".join(concept.key.replace("_", " ") for concept in body.concepts or [])


def _check_model(body: Body) -> None:
    model = MODELS.get(body.model)
    if model is None:
        raise Refused(400, f"Model {body.model} is not supported")
    prices = model.cents.get(body.resolution)
    if prices is None:
        raise Refused(400, f"Resolution {body.resolution} is not supported for this model")
    if body.duration not in prices:
        raise Refused(400, f"Duration {body.duration} is not supported for this model")
    for concept in body.concepts or []:
        if not model.takes_concepts:
            raise Refused(400, "400: concepts are not supported for this model")
        if concept.key not in CONCEPTS:
            raise Refused(400, f"Concept {concept.key} is not supported")


def _check_prompt(body: Body) -> None:
    prompt = body.prompt or ""
    if not prompt and not any(body.frames):
        raise Refused(400, "Prompt is required")
    if prompt and len(prompt) < MIN_PROMPT_CHARS:
        raise Refused(400, f"Prompt is too short, minimum length is {MIN_PROMPT_CHARS} characters")


def _check_frames(body: Body) -> None:
    first, last = body.frames
    if body.keyframes is not None and first is None and last is None:
        raise Refused(400, "No keyframes provided")
    if body.loop and last is not None:
        raise Refused(400, "Loop is not supported for keyframes" if first else "Loop is not supported for end frame")
    for frame in (first, last):
        if frame is not None and frame.type == "image" and not _is_fetchable(frame.url or ""):
            raise Refused(400, "A keyframe image must be a public https URL")


def _is_fetchable(url: str) -> bool:
    parts = urlsplit(url)
    # A simulator on this machine fetches pictures from this machine, too.
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
