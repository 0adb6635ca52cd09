"""What goes over Kling's wire, in both dialects: models, prices, error table, request bodies and their checks. Pure.

`kling.py` serves it. Facts as read in vendor documents on 2026-11-22.
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from simulator.images import decode_base64, size_of

USD_MICROS_PER_MILLIUNIT = 140  # 1 unit = 0.14 USD (kling.ai/dev/pricing, 2026-07-30)
# HTTP status and sentence of each body code.
ERRORS: dict[int, tuple[int, str]] = {
    1000: (401, "Authentication failed"),
    1001: (401, "Authorization is empty"),
    1002: (401, "Authorization is invalid"),
    1003: (401, "Authorization is not yet valid"),
    1004: (401, "Authorization has expired"),
    1100: (429, "Account exception"),
    1101: (429, "Account in arrears (postpaid scenario)"),
    1102: (429, "Resource pack depleted or expired (prepaid scenario)"),
    1103: (403, "The account has no permission for the requested resource"),
    1200: (400, "Invalid request parameters"),
    1201: (400, "Invalid parameters"),
    1202: (404, "The requested method is invalid"),
    1203: (404, "The requested resource does not exist"),
    1300: (400, "Platform policy triggered"),
    1301: (400, "Content security policy of the platform triggered"),
    1302: (429, "Request too fast, exceeding the platform's rate limit"),
    1303: (429, "parallel task over resource pack limit"),
    1304: (403, "The address is not on the allowlist"),
    5000: (500, "Internal server error"),
    5001: (503, "Service unavailable"),
    5002: (504, "Server internal timeout"),
}
SERVER_ERRORS = {500: 5000, 503: 5001, 504: 5002}

Prompt = Annotated[str, msgspec.Meta(min_length=1, max_length=2500)]
Reference = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Aspect = Literal["16:9", "9:16", "1:1"]


class Model(msgspec.Struct, frozen=True):
    """What a model takes and costs: milliunits a second by (resolution, audio)."""

    rates: dict[tuple[str, bool], int]
    durations_s: tuple[int, ...] = (5, 10)
    premium: bool = False
    always_audio: bool = False
    last_frame_needs_1080p: bool = False
    last_frame_is_silent: bool = False


MODELS = {
    "kling-2.5-turbo": Model({("720p", False): 300, ("1080p", False): 500}),
    "kling-2.6": Model(
        {("720p", False): 300, ("1080p", False): 500, ("1080p", True): 1000},
        last_frame_needs_1080p=True,
        last_frame_is_silent=True,
    ),
    "kling-3.0": Model(
        {
            ("720p", False): 600, ("720p", True): 900, ("1080p", False): 800, ("1080p", True): 1200,
            ("4k", False): 3000, ("4k", True): 3000,
        },
        durations_s=tuple(range(3, 16)),
        premium=True,
    ),
    "kling-3.0-turbo": Model(
        {("720p", True): 800, ("1080p", True): 1000}, durations_s=tuple(range(3, 16)), always_audio=True
    ),
}  # fmt: skip
LEGACY_NAMES = {"kling-v2-5-turbo": "kling-2.5-turbo", "kling-v2-6": "kling-2.6", "kling-v3": "kling-3.0"}
LEGACY_PATHS = {"text2video": "text-to-video", "image2video": "image-to-video"}
CAMERA_AXES = ("horizontal", "vertical", "pan", "tilt", "roll", "zoom")
RATIOS = {"16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1.0}
MIN_IMAGE_PX = 300
MAX_IMAGE_RATIO = 2.5


class Watermark(msgspec.Struct):
    """`watermark_info`."""

    enabled: bool = False


class ClipSettings(msgspec.Struct):
    """`settings` of the new dialect."""

    audio: Literal["native", "off"] = "off"
    resolution: Literal["720p", "1080p", "4k"] = "720p"
    aspect_ratio: Aspect = "16:9"
    duration: int = 5
    multi_shot: bool = False


class Options(msgspec.Struct):
    """`options` of the new dialect."""

    callback_url: str | None = None
    external_task_id: Reference | None = None
    watermark_info: Watermark = msgspec.field(default_factory=Watermark)


class Content(msgspec.Struct):
    """One item of `contents` of image-to-video."""

    type: Literal["prompt", "first_frame", "last_frame"]
    text: Prompt | None = None
    url: str | None = None


class TextToVideo(msgspec.Struct):
    """Body of `POST /text-to-video/{model}`."""

    prompt: Prompt
    settings: ClipSettings = msgspec.field(default_factory=ClipSettings)
    options: Options = msgspec.field(default_factory=Options)


class ImageToVideo(msgspec.Struct):
    """Body of `POST /image-to-video/{model}`."""

    contents: list[Content]
    settings: ClipSettings = msgspec.field(default_factory=ClipSettings)
    options: Options = msgspec.field(default_factory=Options)


class Camera(msgspec.Struct):
    """Legacy `camera_control`."""

    type: Literal["simple", "down_back", "forward_up", "right_turn_forward", "left_turn_forward"]
    config: dict[str, Annotated[float, msgspec.Meta(ge=-10, le=10)]] | None = None


class Legacy(msgspec.Struct):
    """Body of `POST /v1/videos/text2video` and `/image2video`."""

    model_name: str = "kling-v1"
    prompt: Annotated[str, msgspec.Meta(max_length=2500)] | None = None
    negative_prompt: Annotated[str, msgspec.Meta(max_length=2500)] | None = None
    cfg_scale: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    mode: Literal["std", "pro"] = "std"
    sound: Literal["on", "off"] = "off"
    aspect_ratio: Aspect = "16:9"
    duration: Literal["5", "10"] = "5"
    image: str | None = None
    image_tail: str | None = None
    camera_control: Camera | None = None
    callback_url: str | None = None
    external_task_id: Reference | None = None
    watermark_info: Watermark = msgspec.field(default_factory=Watermark)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A submit of either dialect, in one shape."""

    operation: str
    model: str
    prompt: str
    clip: ClipSettings
    options: Options
    first_frame: str | None = None
    last_frame: str | None = None
    negative_prompt: str = ""


class Filter(msgspec.Struct):
    """One filter of `POST /tasks`."""

    key: Literal["status", "product_type"]
    values: list[str]


class TaskQuery(msgspec.Struct):
    """Body of `POST /tasks`; times in milliseconds."""

    start_time: int = 0
    end_time: int = 2**62
    cursor: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100
    filters: list[Filter] = msgspec.field(default_factory=list)

    def matches(self, item: dict[str, Any]) -> bool:
        """Whether a listed task is asked for; every product here is a video."""
        facts = {"status": item["status"], "product_type": "video"}
        in_time = self.start_time <= item["create_time"] <= self.end_time
        return in_time and all(facts[wanted.key] in wanted.values for wanted in self.filters)


class Refused(Exception):
    """The vendor answers with an error code of ERRORS."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


T = TypeVar("T", bound=msgspec.Struct)


def parse(payload: Any, kind: type[T]) -> T:
    """Read a body of the given kind, refusing what the vendor would refuse."""
    if not isinstance(payload, dict):
        raise Refused(1200, "the body is not a JSON object")
    try:
        return msgspec.convert(payload, kind)
    except msgspec.ValidationError as err:
        raise Refused(1201, str(err)) from err


def ask_new(payload: Any, *, operation: str, model: str) -> Ask:
    """Read a submit of the new dialect.

    Raises:
        Refused: 1203 for an unknown model, 1200 or 1201 for what is wrong with the body.
    """
    if model not in MODELS:
        raise Refused(1203, f"model {model}")
    if operation == "text-to-video":
        text = parse(payload, TextToVideo)
        ask = Ask(operation=operation, model=model, prompt=text.prompt, clip=text.settings, options=text.options)
    else:
        image = parse(payload, ImageToVideo)
        ask = Ask(
            operation=operation,
            model=model,
            prompt=next((item.text or "" for item in image.contents if item.type == "prompt"), ""),
            clip=image.settings,
            options=image.options,
            first_frame=_only_url(image.contents, "first_frame"),
            last_frame=_only_url(image.contents, "last_frame"),
        )
    return checked(ask)


def ask_legacy(payload: Any, *, operation: str) -> Ask:
    """Read a submit of the legacy dialect.

    Raises:
        Refused: 1203 for an unknown or retired model, 1200 or 1201 for what is wrong with the body.
    """
    body = parse(payload, Legacy)
    model = LEGACY_NAMES.get(body.model_name)
    if model is None:
        raise Refused(1203, f"model {body.model_name}")
    if body.camera_control is not None:
        _check_camera(body.camera_control)
    if body.sound == "on" and body.mode != "pro":
        raise Refused(1201, "sound needs mode pro")
    if operation == "text-to-video" and not body.prompt:
        raise Refused(1201, "prompt is required")
    is_image = operation == "image-to-video"
    return checked(
        Ask(
            operation=operation,
            model=model,
            prompt=body.prompt or "",
            negative_prompt=body.negative_prompt or "",
            clip=ClipSettings(
                audio="native" if body.sound == "on" else "off",
                resolution="1080p" if body.mode == "pro" else "720p",
                aspect_ratio=body.aspect_ratio,
                duration=int(body.duration),
            ),
            options=Options(body.callback_url, body.external_task_id, body.watermark_info),
            first_frame=body.image if is_image else None,
            last_frame=body.image_tail if is_image else None,
        )
    )


def checked(ask: Ask) -> Ask:
    """Return the ask if the model can do it.

    Raises:
        Refused: 1201 with the reason.
    """
    model = MODELS[ask.model]
    if ask.clip.duration not in model.durations_s:
        raise Refused(1201, f"duration {ask.clip.duration} is not supported by {ask.model}")
    if (ask.clip.resolution, has_audio(ask)) not in model.rates:
        raise Refused(1201, f"{ask.clip.resolution} with audio {ask.clip.audio} is not supported by {ask.model}")
    _check_frames(ask, model)
    callback_url = ask.options.callback_url
    if callback_url is not None and not callback_url.startswith(("http://", "https://")):
        raise Refused(1201, "callback_url is not a URL")
    return ask


def _check_frames(ask: Ask, model: Model) -> None:
    if ask.operation == "image-to-video" and ask.first_frame is None:
        raise Refused(1201, "first_frame is required")
    if ask.last_frame is not None and model.last_frame_needs_1080p and ask.clip.resolution != "1080p":
        raise Refused(1201, "last_frame needs 1080p")
    if ask.last_frame is not None and model.last_frame_is_silent and has_audio(ask):
        raise Refused(1201, "last_frame and audio exclude each other")
    for image in (ask.first_frame, ask.last_frame):
        if image is not None:
            _check_image(image)


def has_audio(ask: Ask) -> bool:
    """Whether the clip will have sound."""
    return ask.clip.audio == "native" or MODELS[ask.model].always_audio


def milliunits(ask: Ask) -> int:
    """Price of the clip in thousandths of a resource unit."""
    return MODELS[ask.model].rates[ask.clip.resolution, has_audio(ask)] * ask.clip.duration


def ignored_fields(payload: dict[str, Any], kind: type[msgspec.Struct]) -> list[str]:
    """List the top-level and settings fields that the vendor knows nothing of; it ignores them in silence."""
    known = set(kind.__struct_fields__)
    extra = [name for name in payload if name not in known]
    settings = payload.get("settings")
    if "settings" in known and isinstance(settings, dict):
        extra += [f"settings.{name}" for name in settings if name not in ClipSettings.__struct_fields__]
    return extra


def _only_url(contents: list[Content], kind: str) -> str | None:
    urls = [item.url or "" for item in contents if item.type == kind]
    if len(urls) > 1:
        raise Refused(1201, f"more than one {kind}")
    return urls[0] if urls else None


def _check_camera(camera: Camera) -> None:
    if camera.type != "simple":
        if camera.config is not None:
            raise Refused(1201, f"camera_control {camera.type} takes no config")
        return
    moves = [name for name, amount in (camera.config or {}).items() if amount]
    if len(moves) != 1 or moves[0] not in CAMERA_AXES:
        raise Refused(1201, "camera_control simple needs exactly one non-zero axis")


def image_size(text: str) -> tuple[int, int] | None:
    """Measure an image given as base64; None for a URL or for something else."""
    image = decode_base64(text)
    return size_of(image) if image is not None else None


def _check_image(text: str) -> None:
    if text.startswith(("http://", "https://")):
        return
    size = image_size(text)
    if size is None:
        raise Refused(1201, "an image is a public URL or bare base64 of a JPG or PNG")
    width, height = size
    if min(size) < MIN_IMAGE_PX or not 1 / MAX_IMAGE_RATIO <= width / height <= MAX_IMAGE_RATIO:
        raise Refused(1201, "an image has at least 300 px a side and an aspect between 1:2.5 and 2.5:1")
