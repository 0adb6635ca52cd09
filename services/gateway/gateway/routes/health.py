"""`/livez` and `/readyz` on the public port, for balancers that see no other; `/metrics` is on the health port."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response


class HealthRoutes:
    """Routes of health."""

    def __init__(self, *, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready

    def router(self) -> APIRouter:
        """Give the routes."""
        router = APIRouter(tags=["health"])
        router.add_api_route("/livez", self.livez, methods=["GET"])
        router.add_api_route("/readyz", self.readyz, methods=["GET"])
        return router

    async def livez(self) -> Response:
        """Say that the process answers."""
        return PlainTextResponse("ok")

    async def readyz(self) -> Response:
        """Say whether requests are wanted here."""
        return PlainTextResponse("ready") if self._is_ready() else PlainTextResponse("not ready", status_code=503)
