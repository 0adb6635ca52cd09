"""HTTP pieces below the vendors: dropping a connection, and serving bytes with ranges."""

import asyncio
import re
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "dailies.simulator"
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
encode = msgspec.json.Encoder().encode


class ConnectionDropped(ConnectionError):
    """The client gets no answer: the connection ends here.

    Args:
        reset: End it with a TCP reset instead of an orderly close.
    """

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__("connection dropped on purpose")
        self.reset = reset


class DroppableProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol, with the transport within reach of the application."""

    def on_message_begin(self) -> None:
        """Put a way to end the connection into the request's scope."""
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"drop": self._drop}}

    def _drop(self, *, reset: bool) -> None:
        sock = self.transport.get_extra_info("socket")
        if reset and sock is not None:
            # Lingering for zero seconds turns the close into a reset.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class ByPrefix:
    """Hand a request to the application of its path's first segment: one look-up instead of a walk over all routes."""

    def __init__(self, apps: Mapping[str, ASGIApp], *, otherwise: ASGIApp) -> None:
        self._apps = apps
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope["path"]
        await self._apps.get(path.split("/", 2)[1], self._otherwise)(scope, receive, send)


class DropConnections:
    """Turn ConnectionDropped into a connection that ends without an answer.

    Without a real socket (an in-process transport) the exception reaches the client, which is as good.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            await self._app(scope, receive, send)
        except ConnectionDropped as dropped:
            drop: Callable[..., None] | None = scope.get("extensions", {}).get(EXTENSION, {}).get("drop")
            if drop is None:
                raise
            drop(reset=dropped.reset)
            # The server would answer 500 if we returned before it knows that the connection is gone.
            while (await receive())["type"] != "http.disconnect":
                pass


class BrokenOff(Response):
    """A response that promises all of its body and ends in the middle."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's shape
        """Send the head and less than half of the body, then drop the connection."""
        body = bytes(self.body)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) * 2 // 5], "more_body": True})
        # One turn of the loop, so that what was written leaves before the connection does.
        await asyncio.sleep(0.05)
        raise ConnectionDropped


def json_reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON."""
    return Response(encode(body), status_code=status, headers=headers, media_type="application/json")


def file_reply(request: Request, content: bytes, *, media_type: str = "video/mp4") -> Response:
    """Answer GET and HEAD with a file, whole or the one range that was asked for."""
    headers = {"accept-ranges": "bytes", "content-type": media_type}
    wanted = RANGE.fullmatch(request.headers.get("range", ""))
    if wanted is None or wanted.group(0) == "bytes=-":
        return _sized(request, content, 200, headers)
    first, last = _bounds(wanted.group(1), wanted.group(2), len(content))
    if first > last:
        return _sized(request, b"", 416, headers | {"content-range": f"bytes */{len(content)}"})
    headers |= {"content-range": f"bytes {first}-{last}/{len(content)}"}
    return _sized(request, content[first : last + 1], 206, headers)


def _bounds(first: str, last: str, n_bytes: int) -> tuple[int, int]:
    if not first:
        return max(0, n_bytes - int(last)), n_bytes - 1
    return int(first), min(int(last), n_bytes - 1) if last else n_bytes - 1


def _sized(request: Request, content: bytes, status: int, headers: dict[str, str]) -> Response:
    head = request.method == "HEAD"
    return Response(
        b"" if head else content, status_code=status, headers=headers | {"content-length": str(len(content))}
    )
