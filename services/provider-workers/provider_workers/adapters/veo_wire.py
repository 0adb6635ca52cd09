"""What goes over Google's wire for Veo, in both dialects: error table, wire structs, pure mapping.

`veo.py` does the I/O. Read: 2026-11-22.
"""

import re
from typing import Any

import msgspec
from dailies_contracts import FailureKind

from provider_workers.adapters.http import Reply, Wrong, kind_of_status
from provider_workers.adapters.images import base64_of
from provider_workers.domain.adapter import Failed, Image, Order, Outcome, Output, Running, Succeeded

STATUSES: dict[str, FailureKind] = {
    "INVALID_ARGUMENT": "invalid_request",
    "FAILED_PRECONDITION": "quota",  # billing or region is not set up
    "OUT_OF_RANGE": "invalid_request",
    "UNAUTHENTICATED": "auth",
    "PERMISSION_DENIED": "auth",
    "NOT_FOUND": "invalid_request",  # at submit: a retired model
    "RESOURCE_EXHAUSTED": "throttled",
    "INTERNAL": "unavailable",
    "UNAVAILABLE": "unavailable",
    "DEADLINE_EXCEEDED": "outcome_unknown",  # the vendor's own timeout: it cannot tell either
}
RPC_CODES: dict[int, FailureKind] = {
    3: "invalid_request",
    4: "unavailable",
    5: "invalid_request",
    7: "auth",
    8: "throttled",
    9: "quota",
    13: "unavailable",
    14: "unavailable",
    16: "auth",
}
"""Codes of an operation that failed after it was accepted."""
REASONS: dict[str, FailureKind] = {"API_KEY_INVALID": "auth", "BILLING_DISABLED": "quota"}
"""`ErrorInfo.reason`, which tells more than the status."""
SAFETY_WORDS = ("usage guidelines", "violate our policies", "safety", "support codes", "responsible ai")
"""Moderation has no code of its own: it is an INVALID_ARGUMENT with one of these in its sentence."""
QUOTA_WORDS = ("billing", "per day", "perday", "daily", "spend", "prepaid")
"""A RESOURCE_EXHAUSTED with one of these is about money or the day: no waiting of ours helps."""
SUPPORT_CODES = re.compile(r"support codes?: ([\d, ]+)", re.IGNORECASE)
DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


class RpcError(msgspec.Struct, frozen=True):
    """`google.rpc.Status`; in an error answer `code` is the HTTP status, in an operation the RPC code."""

    code: int = 0
    message: str = ""
    status: str = ""
    details: list[dict[str, Any]] = []


class ErrorBody(msgspec.Struct, frozen=True):
    """Body of an error answer."""

    error: RpcError


class Video(msgspec.Struct, frozen=True, rename="camel"):
    """One clip: `uri` in the Gemini dialect, the bytes themselves in the Vertex dialect."""

    uri: str = ""
    bytes_base64_encoded: bytes = b""


class Sample(msgspec.Struct, frozen=True):
    """One element of `generatedSamples`."""

    video: Video | None = None


class Generated(msgspec.Struct, frozen=True, rename="camel"):
    """`generateVideoResponse`."""

    generated_samples: list[Sample] = []
    rai_media_filtered_count: int | None = 0
    rai_media_filtered_reasons: list[str] = []


class Response(msgspec.Struct, frozen=True, rename="camel"):
    """`response` of a finished operation, in every form seen in the wild."""

    generate_video_response: Generated | None = None
    generated_samples: list[Sample] = []
    generated_videos: list[Sample] = []
    videos: list[Video] = []
    rai_media_filtered_count: int | None = 0
    rai_media_filtered_reasons: list[str] = []


class Operation(msgspec.Struct, frozen=True):
    """A task; `done` is absent while it runs."""

    name: str = ""
    done: bool = False
    error: RpcError | None = None
    response: Response | None = None


def to_request(order: Order, *, is_vertex: bool) -> dict[str, Any]:
    """Turn an order into the body of the submit.

    Args:
        order: The order.
        is_vertex: Vertex takes a seed and an audio switch; the Gemini dialect refuses both.
    """
    instance = {"prompt": order.prompt, **_pictures(order)}
    parameters: dict[str, Any] = {
        "aspectRatio": order.aspect_ratio,
        "durationSeconds": order.duration_s,
        "resolution": order.resolution,
        "sampleCount": order.n_samples,
    }
    if order.negative_prompt:
        parameters["negativePrompt"] = order.negative_prompt
    if is_vertex:
        parameters["generateAudio"] = order.audio
        if order.seed is not None:
            parameters["seed"] = order.seed
    further = dict(order.parameters)
    if not is_vertex:
        further.pop("personGeneration", None)  # refused there but for one value; the negative prompt names people too
    body: dict[str, Any] = {"instances": [instance], "parameters": parameters | further}
    if order.callback_url and not is_vertex:
        body["webhookConfig"] = {"uris": [order.callback_url]}
    return body


def _pictures(order: Order) -> dict[str, Any]:
    pictures: dict[str, Any] = {}
    if order.first_frame is not None:
        pictures["image"] = _inline(order.first_frame)
    if order.last_frame is not None:
        pictures["lastFrame"] = _inline(order.last_frame)
    if order.references:
        pictures["referenceImages"] = [{"image": _inline(x), "referenceType": "asset"} for x in order.references]
    return pictures


def _inline(image: Image) -> dict[str, str]:
    return {"bytesBase64Encoded": base64_of(image), "mimeType": image.media_type}


def from_response(operation: Operation) -> Outcome:
    """Turn an operation into its outcome.

    A moderated clip looks like a success without a clip: `done`, no `error`, and reasons or a count. Without either it
    is an internal failure. Neither is billed. Of several samples some may be there and others not.
    """
    if not operation.done:
        return Running()
    if operation.error is not None:
        return Failed(kind=_kind_of_rpc(operation.error), vendor_code=_vendor_code(operation.error))
    response = operation.response or Response()
    generated = response.generate_video_response or Generated()
    samples = [*generated.generated_samples, *response.generated_samples, *response.generated_videos]
    videos = [*response.videos, *(sample.video for sample in samples if sample.video is not None)]
    outputs = [Output(url=x.uri, content=x.bytes_base64_encoded) for x in videos if x.uri or x.bytes_base64_encoded]
    filtered = _filtered(response, generated)
    if not outputs:
        return filtered or Failed(kind="unavailable", vendor_code="no_samples")
    return Succeeded(output=outputs[0], further=tuple(outputs[1:]), missing=filtered)


def _filtered(response: Response, generated: Generated) -> Failed | None:
    reasons = [*response.rai_media_filtered_reasons, *generated.rai_media_filtered_reasons]
    if not reasons and not response.rai_media_filtered_count and not generated.rai_media_filtered_count:
        return None
    codes = _support_codes(reasons[0]) if reasons else []
    return Failed(kind="refused", vendor_code=":".join(("filtered", *codes)))


def wrong_with(reply: Reply, *, is_submit: bool) -> Wrong | None:
    """Say what is wrong with an answer of either surface, None where nothing is."""
    if reply.is_ok:
        return None
    try:
        error = msgspec.json.decode(reply.body, type=ErrorBody).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        kind, error = kind_of_status(reply.status, is_submit=is_submit), RpcError()
    else:
        kind = _kind_of_error(error, reply.status)
    return Wrong(kind, _vendor_code(error), _retry_delay_s(error))


def _kind_of_error(error: RpcError, http_status: int) -> FailureKind:
    known = next(
        (REASONS[str(detail.get("reason"))] for detail in error.details if detail.get("reason") in REASONS), None
    )
    if known is not None:
        return known
    if http_status == 402:  # noqa: PLR2004 (payment required)
        return "quota"
    kind = STATUSES.get(error.status, "unclassified")
    text = f"{error.message} {error.details}".lower()
    if kind == "invalid_request" and _is_about(text, SAFETY_WORDS):
        return "refused"
    if kind == "throttled" and _is_about(text, QUOTA_WORDS):
        return "quota"
    return kind


def _kind_of_rpc(error: RpcError) -> FailureKind:
    kind = RPC_CODES.get(error.code, "unclassified")
    return "refused" if kind == "invalid_request" and _is_about(error.message.lower(), SAFETY_WORDS) else kind


def _is_about(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)


def _vendor_code(error: RpcError) -> str:
    name = error.status or (str(error.code) if error.code else "")
    return ":".join(part for part in (name, *_support_codes(error.message)) if part)


def _support_codes(message: str) -> list[str]:
    found = SUPPORT_CODES.search(message)
    return [code.strip() for code in found.group(1).split(",") if code.strip()] if found else []


def _retry_delay_s(error: RpcError) -> float | None:
    delays = (DELAY.fullmatch(str(detail.get("retryDelay", ""))) for detail in error.details)
    return next((float(delay.group(1)) for delay in delays if delay), None)
