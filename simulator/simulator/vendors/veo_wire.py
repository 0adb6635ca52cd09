"""What goes over Veo's wire: models, prices, error envelope, request bodies of both dialects and their checks. Pure.

`veo.py` serves it. Facts as read in vendor documents and google-genai 2.9.0 and 3.4.0 on 2026-11-22.
"""

from typing import Annotated, Any, Literal

import msgspec

from simulator.images import decode_base64, size_of

MAX_TOKENS = 1024
CHARACTERS_PER_TOKEN = 4  # the vendor counts tokens; this is the usual estimate for English
FULL_DURATION_S = 8  # 1080p, 4k, last frames and references exist only in this length
MAX_REFERENCES = 3


class Model(msgspec.Struct, frozen=True):
    """What a model costs, in micro-dollars a second by (resolution, audio), and what it takes."""

    rates: dict[tuple[str, bool], int]
    premium: bool = False
    takes_references: bool = False


def _rates(audio: tuple[int, ...], silent: tuple[int, ...]) -> dict[tuple[str, bool], int]:
    sizes = ("720p", "1080p", "4k")
    return {(size, True): rate for size, rate in zip(sizes, audio, strict=False)} | {
        (size, False): rate for size, rate in zip(sizes, silent, strict=False)
    }


MODELS = {
    "veo-3.1": Model(
        _rates((400_000, 400_000, 600_000), (200_000, 200_000, 400_000)), premium=True, takes_references=True
    ),
    "veo-3.1-fast": Model(_rates((100_000, 120_000, 300_000), (80_000, 100_000, 250_000))),
    "veo-3.1-lite": Model(_rates((50_000, 80_000), (30_000, 50_000))),
}
GEMINI_MODELS = {
    "veo-3.1-generate-preview": "veo-3.1",
    "veo-3.1-fast-generate-preview": "veo-3.1-fast",
    "veo-3.1-lite-generate-preview": "veo-3.1-lite",
}
VERTEX_MODELS = {
    "veo-3.1-generate-001": "veo-3.1",
    "veo-3.1-fast-generate-001": "veo-3.1-fast",
    "veo-3.1-lite-generate-001": "veo-3.1-lite",
}
VERTEX_ONLY = (
    "seed", "generateAudio", "storageUri", "fps", "compressionQuality", "resizeMode", "labels", "pubsubTopic",
)  # fmt: skip


class Problem(msgspec.Struct, frozen=True):
    """One of Google's error answers."""

    code: int
    status: str
    message: str
    details: tuple[dict[str, Any], ...] = ()

    def body(self) -> dict[str, Any]:
        """Word the envelope; details are left out when there are none."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.status}
        return {"error": error | ({"details": self.details} if self.details else {})}


class Refused(Exception):
    """The vendor answers with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _reason(reason: str, service: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com", "metadata": {"service": service}}


GEMINI_SERVICE, VERTEX_SERVICE = "generativelanguage.googleapis.com", "aiplatform.googleapis.com"
# A wrong API key is a 400 at Google, told apart by the reason in the details.
BAD_KEY = Problem(
    400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
    (_reason("API_KEY_INVALID", GEMINI_SERVICE),),
)  # fmt: skip
NO_KEY = Problem(403, "PERMISSION_DENIED", "The caller has no established identity; use an API key.")
BAD_TOKEN = Problem(
    401, "UNAUTHENTICATED", "Request had invalid authentication credentials.",
    (_reason("ACCESS_TOKEN_TYPE_UNSUPPORTED", VERTEX_SERVICE),),
)  # fmt: skip
NO_TOKEN = Problem(
    401, "UNAUTHENTICATED", "Request is missing required authentication credential.",
    (_reason("CREDENTIALS_MISSING", VERTEX_SERVICE),),
)  # fmt: skip
SPENT = Problem(
    429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."
)
PREPAID_SPENT = Problem(402, "FAILED_PRECONDITION", "Your prepaid balance is used up. Add credit to go on.")
NO_BILLING = Problem(
    403, "PERMISSION_DENIED", "This API method requires billing to be enabled on the project.",
    (_reason("BILLING_DISABLED", VERTEX_SERVICE),),
)  # fmt: skip
SERVER_STATUS = {500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}


def invalid(message: str) -> Problem:
    """Say what is wrong with a request."""
    return Problem(400, "INVALID_ARGUMENT", message)


def server_error(code: int) -> Problem:
    """Say that the vendor failed."""
    return Problem(code, SERVER_STATUS.get(code, "UNKNOWN"), "The service is currently unable to serve the request.")


def throttled(retry_after_s: float | None) -> Problem:
    """Say that there were too many requests; the delay stands in the details, as Google does it."""
    delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_after_s or 0:g}s"}
    message = "Resource has been exhausted (e.g. check quota)."
    return Problem(429, "RESOURCE_EXHAUSTED", message, () if retry_after_s is None else (delay,))


def no_model(resource: str) -> Problem:
    """Say that a model is unknown or retired."""
    return Problem(404, "NOT_FOUND", f"{resource} is not found or is no longer available.")


def no_operation(name: str) -> Problem:
    """Say that an operation is unknown."""
    return Problem(404, "NOT_FOUND", f"Operation {name} was not found.")


def unsafe_prompt(support_code: int) -> Problem:
    """Refuse a prompt."""
    return invalid(
        "The prompt couldn't be submitted. This prompt contains words that might violate our policies. "
        f"Try rephrasing the prompt. Support codes: {support_code}"
    )


class Media(msgspec.Struct):
    """An image or a video; Google's samples use several shapes for the same thing."""

    bytesBase64Encoded: str | None = None  # noqa: N815 - the vendor's name
    mimeType: str | None = None  # noqa: N815
    gcsUri: str | None = None  # noqa: N815
    uri: str | None = None
    encodedVideo: str | None = None  # noqa: N815
    inlineData: dict[str, str] | None = None  # noqa: N815


class Reference(msgspec.Struct):
    """One of `referenceImages`."""

    image: Media
    referenceType: str = "asset"  # noqa: N815


class Instance(msgspec.Struct):
    """`instances[0]`."""

    prompt: str = ""
    image: Media | None = None
    lastFrame: Media | None = None  # noqa: N815
    referenceImages: list[Reference] = msgspec.field(default_factory=list)  # noqa: N815
    video: Media | None = None


class Parameters(msgspec.Struct):
    """`parameters`; the last eight are Vertex's alone. The SDK writes some words in capitals."""

    aspectRatio: Literal["16:9", "9:16"] = "16:9"  # noqa: N815
    durationSeconds: Literal[4, 6, 8] = 8  # noqa: N815
    resolution: Literal["720p", "1080p", "4k"] = "720p"
    negativePrompt: str = ""  # noqa: N815
    personGeneration: Literal["allow_all", "allow_adult", "dont_allow"] | None = None  # noqa: N815
    sampleCount: Annotated[int, msgspec.Meta(ge=1, le=4)] = 1  # noqa: N815
    enhancePrompt: bool = True  # noqa: N815
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] | None = None
    generateAudio: bool = True  # noqa: N815
    storageUri: str | None = None  # noqa: N815
    fps: int | None = None
    compressionQuality: Literal["optimized", "lossless", "OPTIMIZED", "LOSSLESS"] | None = None  # noqa: N815
    resizeMode: Literal["crop", "pad", "CROP", "PAD"] | None = None  # noqa: N815
    labels: dict[str, str] | None = None
    pubsubTopic: str | None = None  # noqa: N815


class Webhook(msgspec.Struct):
    """`webhookConfig` of the Gemini dialect."""

    uris: list[str] = msgspec.field(default_factory=list)
    userMetadata: Any = None  # noqa: N815


class Body(msgspec.Struct):
    """A submit."""

    instances: Annotated[list[Instance], msgspec.Meta(min_length=1, max_length=1)]
    parameters: Parameters = msgspec.field(default_factory=Parameters)
    webhookConfig: Webhook = msgspec.field(default_factory=Webhook)  # noqa: N815


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A submit of either dialect that the model can do."""

    operation: str
    prompt: str
    aspect: str
    duration_s: int
    resolution: str
    audio: bool
    n_clips: int
    seed: int | None
    negative_prompt: str
    first_frame: Media | None
    last_frame: Media | None
    references: tuple[Media, ...]
    storage_uri: str | None
    webhook_uris: tuple[str, ...]
    user_metadata: Any
    ignored_fields: list[str]


def read(payload: Any, model: Model, *, is_vertex: bool) -> Ask:
    """Read and check a submit.

    Raises:
        Refused: INVALID_ARGUMENT with the reason.
    """
    raw = payload.get("parameters") if isinstance(payload, dict) else None
    given = raw if isinstance(raw, dict) else {}
    for name in () if is_vertex else VERTEX_ONLY:
        if name in given:
            raise Refused(invalid(f"`{name}` isn't supported by this model."))
    try:
        body = msgspec.convert(payload, Body)
    except msgspec.ValidationError as err:
        raise Refused(invalid(f"Invalid JSON payload received. {err}")) from err
    instance, parameters = body.instances[0], body.parameters
    _check_prompt(instance)
    _check_images(instance, model)
    _check_clip(instance, parameters, model, is_vertex=is_vertex)
    return Ask(
        operation="text-to-video" if instance.image is None else "image-to-video",
        prompt=instance.prompt,
        aspect=parameters.aspectRatio,
        duration_s=parameters.durationSeconds,
        resolution=parameters.resolution,
        audio=parameters.generateAudio,
        n_clips=parameters.sampleCount,
        seed=parameters.seed,
        negative_prompt=parameters.negativePrompt,
        first_frame=instance.image,
        last_frame=instance.lastFrame,
        references=tuple(reference.image for reference in instance.referenceImages),
        storage_uri=parameters.storageUri,
        webhook_uris=tuple(body.webhookConfig.uris),
        user_metadata=body.webhookConfig.userMetadata,
        ignored_fields=[name for name in given if name not in Parameters.__struct_fields__],
    )


def price_usd_micros(ask: Ask, model: Model) -> int:
    """Price the whole request."""
    return model.rates[ask.resolution, ask.audio] * ask.duration_s * ask.n_clips


def _check_prompt(instance: Instance) -> None:
    if not instance.prompt and instance.image is None:
        raise Refused(invalid("Text prompt is required."))
    if len(instance.prompt) > MAX_TOKENS * CHARACTERS_PER_TOKEN:
        raise Refused(invalid(f"The prompt is longer than {MAX_TOKENS} tokens."))


def _check_images(instance: Instance, model: Model) -> None:
    if instance.lastFrame is not None and instance.image is None:
        raise Refused(invalid("`lastFrame` needs `image`."))
    if instance.referenceImages and instance.image is not None:
        raise Refused(invalid("`image` and `referenceImages` cannot both be set."))
    if instance.referenceImages and not model.takes_references:
        raise Refused(invalid("`referenceImages` isn't supported by this model."))
    if len(instance.referenceImages) > MAX_REFERENCES:
        raise Refused(invalid(f"`referenceImages` takes at most {MAX_REFERENCES} images."))
    references = [reference.image for reference in instance.referenceImages]
    for image in (instance.image, instance.lastFrame, *references):
        if image is not None:
            _check_image(image)


def image_bytes(image: Media) -> bytes | None:
    """Decode an image that came inline; None for one in a bucket."""
    text = image.bytesBase64Encoded or (image.inlineData or {}).get("data")
    return None if text is None else decode_base64(text)


def _check_image(image: Media) -> None:
    if image.gcsUri is not None:
        return
    content = image_bytes(image)
    if content is None or size_of(content) is None:
        raise Refused(invalid("Unable to process input image. Please provide a PNG or JPEG image."))


def _check_clip(instance: Instance, parameters: Parameters, model: Model, *, is_vertex: bool) -> None:
    if (parameters.resolution, True) not in model.rates:
        raise Refused(invalid(f"`resolution` {parameters.resolution} isn't supported by this model."))
    needs_full = (
        parameters.resolution != "720p" or instance.lastFrame is not None or instance.referenceImages or instance.video
    )
    if needs_full and parameters.durationSeconds != FULL_DURATION_S:
        raise Refused(invalid(f"`durationSeconds` must be {FULL_DURATION_S} for this request."))
    if not is_vertex and parameters.sampleCount != 1:
        raise Refused(invalid("`sampleCount` must be 1."))
    if not is_vertex and parameters.personGeneration is not None:
        expected = "allow_all" if instance.image is None else "allow_adult"
        if parameters.personGeneration != expected:
            raise Refused(invalid(f"`personGeneration` {parameters.personGeneration} isn't supported here."))
    if parameters.storageUri is not None and not parameters.storageUri.startswith("gs://"):
        raise Refused(invalid("`storageUri` is a gs:// URI."))
