"""What goes over MiniMax's wire in API V1: models, prices, body and its checks, codes. Pure.

`minimax.py` serves it. Facts as read in vendor documents and integrators' code on 2026-11-22; some prices are assumed.
"""

from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from simulator.images import decode_base64, size_of

CODES = {
    0: "success",
    1000: "unknown error",
    1001: "request timeout",
    1002: "rate limit",
    1004: "login fail: Please carry the API secret key in the 'Authorization' field of the request header",
    1008: "insufficient balance",
    1024: "internal error",
    1026: "input new_sensitive",
    1027: "output new_sensitive",
    1033: "system error",
    1039: "token limit",
    1041: "conn limit",
    2013: "invalid params",
    2049: "invalid api key",
    2056: "usage limit exceeded",
    2061: "your current token plan not support model",
}
SERVER_ERRORS = {500: 1000, 503: 1033, 504: 1001}
WIDE_PX = {"512P": (910, 512), "768P": (1366, 768), "1080P": (1920, 1080)}
MIN_IMAGE_PX = 300
MAX_IMAGE_RATIO = 2.5


class Model(NamedTuple):
    """What a model takes and costs: micro-dollars by resolution and length."""

    prices: dict[tuple[str, int], int]
    image_only: bool = False
    image_resolutions: tuple[str, ...] = ()
    last_frame: bool = False


FULL = {("768P", 6): 280_000, ("768P", 10): 560_000, ("1080P", 6): 490_000}
MODELS = {
    "MiniMax-Hailuo-2.3": Model(FULL),
    "MiniMax-Hailuo-2.3-Fast": Model(  # all but the first price is assumed
        {("768P", 6): 190_000, ("768P", 10): 320_000, ("1080P", 6): 330_000}, image_only=True
    ),
    "MiniMax-Hailuo-02": Model(  # 512P 10 s is assumed
        {**FULL, ("512P", 6): 100_000, ("512P", 10): 150_000}, image_resolutions=("512P",), last_frame=True
    ),
}

Prompt = Annotated[str, msgspec.Meta(max_length=2000)]


class Submit(msgspec.Struct):
    """Body of `POST /v1/video_generation`."""

    model: str
    prompt: Prompt = ""
    first_frame_image: str | None = None
    last_frame_image: str | None = None
    prompt_optimizer: bool = True
    fast_pretreatment: bool = False
    duration: Literal[6, 10] = 6
    resolution: Literal["512P", "768P", "1080P"] = "768P"
    callback_url: str | None = None
    aigc_watermark: bool = False


class Ask(NamedTuple):
    """A submit, checked."""

    body: Submit
    picture: bytes | None
    last_picture: bytes | None
    ignored_fields: list[str]

    @property
    def price_usd_micros(self) -> int:
        """What the clip costs."""
        return MODELS[self.body.model].prices[self.body.resolution, self.body.duration]

    @property
    def operation(self) -> str:
        """What is asked for."""
        return "text-to-video" if self.body.first_frame_image is None else "image-to-video"

    @property
    def size_px(self) -> tuple[int, int]:
        """Wide from text, as the picture from a picture; even, as codecs want it."""
        width, height = WIDE_PX[self.body.resolution]
        size = size_of(self.picture) if self.picture is not None else None
        if size is None:
            return width, height
        short, ratio = height, size[0] / size[1]
        wide = (round(short * ratio), short) if ratio >= 1 else (short, round(short / ratio))
        return wide[0] // 2 * 2, wide[1] // 2 * 2


class Refused(Exception):
    """The vendor answers with a code of CODES."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def read(payload: Any) -> Ask:
    """Read a submit.

    Raises:
        Refused: 2013 with the reason.
    """
    if not isinstance(payload, dict):
        raise Refused(2013, "the body is not a JSON object")
    try:
        body = msgspec.convert(payload, Submit)
    except msgspec.ValidationError as err:
        raise Refused(2013, str(err)) from err
    _check(body)
    picture = None if body.first_frame_image is None else _picture(body.first_frame_image)
    last_picture = None if body.last_frame_image is None else _picture(body.last_frame_image)
    ignored = [name for name in payload if name not in Submit.__struct_fields__]
    return Ask(body, picture, last_picture, ignored)


def _check(body: Submit) -> None:
    model = MODELS.get(body.model)
    if model is None:
        raise Refused(2013, f"model {body.model} is not supported")
    from_image = body.first_frame_image is not None
    if model.image_only and not from_image:
        raise Refused(2013, f"{body.model} needs first_frame_image")
    if not from_image and not body.prompt.strip():
        raise Refused(2013, "prompt is required")
    if body.resolution in model.image_resolutions and not from_image:
        raise Refused(2013, f"{body.resolution} needs first_frame_image")
    if (body.resolution, body.duration) not in model.prices:
        raise Refused(2013, f"{body.model} does not support {body.duration} s at {body.resolution}")
    if body.last_frame_image is not None and (not model.last_frame or body.resolution == "512P"):
        raise Refused(2013, f"{body.model} does not support last_frame_image at {body.resolution}")


def _picture(text: str) -> bytes | None:
    """Decode a picture given as a data URL; None for one given by URL. Bare base64 is refused."""
    if text.startswith(("http://", "https://")):
        return None
    head, _, encoded = text.partition(";base64,")
    picture = decode_base64(encoded) if head.startswith("data:image/") else None
    size = size_of(picture) if picture is not None else None
    if picture is None or size is None:
        raise Refused(2013, "an image is a public URL or a data URL of an image")
    if min(size) <= MIN_IMAGE_PX or not 1 / MAX_IMAGE_RATIO <= size[0] / size[1] <= MAX_IMAGE_RATIO:
        raise Refused(2013, "the image's short side is more than 300 px and its aspect between 2:5 and 5:2")
    return picture
