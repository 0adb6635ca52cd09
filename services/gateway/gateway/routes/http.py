"""Between bytes and handlers: bodies in, JSON out."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.domain.bodies import BODY_RULES
from gateway.domain.errors import MalformedRequest, TooLarge
from gateway.domain.requests import MAX_BODY_BYTES, read_strictly

T = TypeVar("T")
_encoder = msgspec.json.Encoder()


def json_response(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a struct, or with anything else that msgspec encodes."""
    return Response(_encoder.encode(content), status, headers, "application/json")


async def read_body(request: Request, *, limit_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Read a body whole, refusing it as soon as it is known to be too long.

    Raises:
        TooLarge: Its declared or actual length is above the limit.
        MalformedRequest: The client went away before its end.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise _too_large(limit_bytes)
    chunks: list[bytes] = []
    n_bytes = 0
    try:
        async for chunk in request.stream():
            n_bytes += len(chunk)
            if n_bytes > limit_bytes:
                raise _too_large(limit_bytes)
            chunks.append(chunk)
    except ClientDisconnect as err:
        raise MalformedRequest("request.incomplete", "The body ended too early: send it whole.") from err
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def read_struct(
    request: Request,
    decoder: msgspec.json.Decoder[T],
    *,
    default: T | None = None,
    rules: dict[str, str] = BODY_RULES,
) -> T:
    """Read a body as a struct.

    Args:
        request: The request.
        decoder: Of a strict struct.
        default: What an empty body means; None: it is an error.
        rules: Field name to "must be …".

    Raises:
        InvalidRequest: It does not fit.
    """
    body = await read_body(request)
    if default is not None and not body.strip():
        return default
    return read_strictly(decoder, body, rules=rules)


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge("request.too_large", f"The body is longer than {limit_bytes} bytes: send references, not contents.")
