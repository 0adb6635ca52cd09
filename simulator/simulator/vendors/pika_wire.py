"""What goes over fal's wire for Pika 2.x: endpoints, prices, bodies and their checks, errors. Pure.

`pika.py` serves it. Facts as read in fal's documents, its types and fal-client 1.0.3 on 2026-11-22.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, cast

import msgspec

from simulator.images import decode_base64, size_of

FRAMES_VERSION = "v2.2"
FRAMES_USD_MICROS_PER_S = {"720p": 40_000, "1080p": 60_000}
FRAMES_LEAST_S, FRAMES_MOST_S = 5, 25  # the least that is billed, the longest clip
USD_MICROS_PER_S = {"480p": 30_000, "720p": 40_000, "1080p": 90_000}  # 480p is v2.5's, whose price is not listed
VERSIONS = {"v2.1": ("720p", "1080p"), "v2.2": ("720p", "1080p"), "v2.5": ("480p", "720p", "1080p")}
DEFAULT_NEGATIVE = "ugly, bad, terrible"
BASE_PX = {"480p": 480, "720p": 720, "1080p": 1080}
# Width and height for a base of 720; the vendor names the shapes, not the pixels.
SHAPES = {
    "16:9": (1280, 720),
    "9:16": (720, 1280),
    "1:1": (960, 960),
    "4:5": (768, 960),
    "5:4": (960, 768),
    "3:2": (1080, 720),
    "2:3": (720, 1080),
}
DOCS = "https://docs.fal.ai/errors#"

Prompt = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
Shape = Literal["16:9", "9:16", "1:1", "4:5", "5:4", "3:2", "2:3"]
Duration = Literal[5, 10, "5", "10"]


class TextToVideo(msgspec.Struct):
    """Body of `…/text-to-video`."""

    prompt: Prompt
    aspect_ratio: Shape = "16:9"
    duration: Duration = 5
    resolution: Literal["480p", "720p", "1080p"] = "720p"
    negative_prompt: str = DEFAULT_NEGATIVE
    seed: int | None = None


class ImageToVideo(msgspec.Struct):
    """Body of `…/image-to-video`."""

    image_url: Annotated[str, msgspec.Meta(min_length=1)]
    prompt: Prompt
    duration: Duration = 5
    resolution: Literal["480p", "720p", "1080p"] = "720p"
    negative_prompt: str = ""
    seed: int | None = None


class Transition(msgspec.Struct):
    """One item of `transitions`: how long the way from one picture to the next takes."""

    duration: Annotated[int, msgspec.Meta(ge=1)] = 5
    prompt: str | None = None


class Pikaframes(msgspec.Struct):
    """Body of `…/pikaframes`; without `transitions` each takes 5 s."""

    image_urls: Annotated[list[str], msgspec.Meta(min_length=2, max_length=5)]
    transitions: list[Transition] | None = None
    prompt: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    resolution: Literal["720p", "1080p"] = "720p"
    negative_prompt: str = ""
    seed: int | None = None

    @property
    def duration(self) -> int:
        """Seconds of the whole clip."""
        steps = self.transitions or [Transition()] * (len(self.image_urls) - 1)
        return sum(step.duration for step in steps)


Body = TextToVideo | ImageToVideo | Pikaframes
KINDS: dict[str, type[Body]] = {
    "text-to-video": TextToVideo,
    "image-to-video": ImageToVideo,
    "pikaframes": Pikaframes,
}


class Problem(NamedTuple):
    """An error's answer: a sentence by the queue, or a list by the model.

    Attributes:
        error_type: In the body of the queue's errors and in a header of both.
    """

    status: int
    detail: str | list[dict[str, Any]]
    error_type: str


class Refused(Exception):
    """The vendor answers with an error."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.error_type)
        self.problem = problem


class Ask(NamedTuple):
    """A submit, checked.

    Attributes:
        pictures: In the order of the clip, each as its bytes, or its URL where it was given by one.
    """

    operation: str
    version: str
    body: Body
    size_px: tuple[int, int]
    pictures: tuple[str | bytes, ...]
    ignored_fields: list[str]

    @property
    def duration_s(self) -> int:
        """Length."""
        return int(self.body.duration)

    @property
    def price_usd_micros(self) -> int:
        """What the clip costs."""
        if isinstance(self.body, Pikaframes):
            return FRAMES_USD_MICROS_PER_S[self.body.resolution] * max(FRAMES_LEAST_S, self.duration_s)
        return USD_MICROS_PER_S[self.body.resolution] * self.duration_s


NO_KEY = Problem(401, "Authentication is required to access this application.", "unauthorized")
BAD_KEY = Problem(401, "invalid key credentials", "unauthorized")
LOCKED = Problem(
    403,
    "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.",
    "user_locked",
)
THROTTLED = Problem(429, "Too many requests.", "rate_limited")
NO_REQUEST = Problem(404, "Request not found", "not_found")
IN_PROGRESS = Problem(400, "Request is still in progress", "bad_request")
CANCELLED = Problem(499, "Request was cancelled by the client.", "client_cancelled")
FAILED = Problem(500, "The runner failed to process the request.", "runner_server_error")
SERVER_ERRORS = {
    500: Problem(500, "Internal server error", "internal_error"),
    502: Problem(502, "The runner gave an incomplete response.", "runner_incomplete_response"),
    503: Problem(503, "No runner could be scheduled.", "runner_scheduling_failure"),
    504: Problem(504, "The request timed out.", "request_timeout"),
}


def no_path(path: str) -> Problem:
    """Word the answer to an endpoint that does not exist."""
    return Problem(404, f"Path {path} not found", "not_found")


def refusal(prompt: str) -> Problem:
    """Word a refusal by the content checker."""
    kind, sentence = "content_policy_violation", "The content was flagged by a content checker."
    return Problem(422, [_entry(["body", "prompt"], sentence, kind, prompt)], kind)


def no_image(url: str) -> Problem:
    """Word the failure to fetch a picture."""
    return Problem(
        422,
        [_entry(["body", "image_url"], "Failed to download the file.", "file_download_error", url)],
        "file_download_error",
    )


def is_retryable(problem: Problem) -> bool:
    """Whether the vendor calls the error worth another try."""
    return problem.status == 429 or problem.status >= 500  # noqa: PLR2004 (HTTP's statuses)


def read(payload: Any, *, version: str, operation: str) -> Ask:
    """Read a submit.

    Raises:
        Refused: 404 for an endpoint that does not exist, 422 for what is wrong with the body.
    """
    if version not in VERSIONS or operation not in KINDS or (operation == "pikaframes" and version != FRAMES_VERSION):
        raise Refused(no_path(f"/{version}/{operation}"))
    if not isinstance(payload, dict):
        raise _invalid(["body"], "Input should be a valid dictionary", "model_attributes_type", payload)
    kind = KINDS[operation]
    try:
        body = msgspec.convert(payload, cast("type[TextToVideo]", kind))
    except msgspec.ValidationError as err:
        raise _worded(err, payload) from err
    if body.resolution not in VERSIONS[version]:
        raise _invalid(["body", "resolution"], "Input should be '720p' or '1080p'", "literal_error", body.resolution)
    if isinstance(body, Pikaframes):
        _check_transitions(body)
    pictures = _pictures(body)
    shape = body.aspect_ratio if isinstance(body, TextToVideo) else _shape_of(pictures[0])
    ignored = [name for name in payload if name not in kind.__struct_fields__]
    return Ask(operation, version, body, _size_px(shape, body.resolution), pictures, ignored)


def _pictures(body: Body) -> tuple[str | bytes, ...]:
    match body:
        case Pikaframes(image_urls=urls):
            return tuple(_picture(url, ["body", "image_urls", n]) for n, url in enumerate(urls))
        case ImageToVideo(image_url=url):
            return (_picture(url, ["body", "image_url"]),)
        case _:
            return ()


def _check_transitions(body: Pikaframes) -> None:
    loc: list[str | int] = ["body", "transitions"]
    if body.transitions and len(body.transitions) != len(body.image_urls) - 1:
        raise _invalid(loc, "There must be one transition less than images", "value_error", len(body.transitions))
    if body.duration > FRAMES_MOST_S:
        raise _invalid(loc, f"Transitions must not exceed {FRAMES_MOST_S} s in total", "value_error", body.duration)


def _size_px(shape: str, resolution: str) -> tuple[int, int]:
    width, height = SHAPES[shape]
    base = BASE_PX[resolution]
    return (width * base // 720 // 2 * 2, height * base // 720 // 2 * 2)


def _shape_of(picture: str | bytes) -> str:
    size = size_of(picture) if isinstance(picture, bytes) else None
    if size is None:
        return "16:9"  # given by URL: looked at once it is fetched
    return min(SHAPES, key=lambda shape: abs(SHAPES[shape][0] / SHAPES[shape][1] - size[0] / size[1]))


def _picture(url: str, loc: list[str | int]) -> str | bytes:
    if url.startswith(("http://", "https://")):
        return url
    head, _, encoded = url.partition(";base64,")
    picture = decode_base64(encoded) if head.startswith("data:") else None
    if picture is None or size_of(picture) is None:
        raise _invalid(loc, "Failed to load the image.", "image_load_error", url[:64])
    return picture


def _worded(err: msgspec.ValidationError, payload: dict[str, Any]) -> Refused:
    text = str(err)
    if "missing required field" in text:
        return _invalid(["body", text.split("`")[1]], "Field required", "missing", payload)
    name = text.rpartition("`$.")[2].rstrip("`").partition(".")[0] if "`$." in text else ""
    return _invalid(["body", name] if name else ["body"], text.partition(" - ")[0], "literal_error", payload.get(name))


def _invalid(loc: Sequence[str | int], message: str, kind: str, value: Any) -> Refused:
    return Refused(Problem(422, [_entry(loc, message, kind, value)], kind))


def _entry(loc: Sequence[str | int], message: str, kind: str, value: Any) -> dict[str, Any]:
    return {"loc": list(loc), "msg": message, "type": kind, "url": DOCS + kind, "input": value}
