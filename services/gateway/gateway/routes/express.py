"""A lane past the framework's routing for the one route that must be quick: `POST /v1/jobs`.

Matching, dependency solving and exit stacks take more CPU than the whole handler, the publish included (half of all a
request took). The route is registered with FastAPI all the same, for the OpenAPI document and for every other method.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.routes.errors import on_error

Handler = Callable[[Request], Awaitable[Response]]


class Lane(NamedTuple):
    """One route; `path` has no parameters, and stands for the route in spans and metrics."""

    method: str
    path: str
    handler: Handler


class Express:
    """ASGI middleware that serves one lane itself and passes everything else on."""

    def __init__(self, app: ASGIApp, *, lane: Lane) -> None:
        self._app = app
        self._lane = lane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        lane = self._lane
        if scope["type"] != "http" or scope["path"] != lane.path or scope["method"] != lane.method:
            await self._app(scope, receive, send)
            return
        scope["route"] = lane
        request = Request(scope, receive, send)
        try:
            response = await lane.handler(request)
        except Exception as err:  # noqa: BLE001 (the boundary: every error becomes a problem)
            response = await on_error(request, err)
        await response(scope, receive, send)
