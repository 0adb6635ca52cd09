"""`/v1/callbacks`: where vendors call back. Open to the world; the signature in the address is the key."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.callbacks import Callbacks
from gateway.routes.http import read_body
from gateway.routes.tracing import name_job


class CallbackRoutes:
    """Routes of callbacks."""

    def __init__(self, *, callbacks: Callbacks) -> None:
        self._callbacks = callbacks

    def router(self) -> APIRouter:
        """Give the routes."""
        router = APIRouter(prefix="/v1/callbacks", tags=["callbacks"])
        router.add_api_route("/{provider}/{job_id}/{clip_id}", self.receive, methods=["POST"])
        return router

    async def receive(self, request: Request, provider: str, job_id: str, clip_id: str) -> Response:
        """Take a vendor's callback as a hint to look now."""
        name_job(job_id)
        challenge = await self._callbacks.receive(
            provider,
            job_id,
            clip_id,
            signature=request.query_params.get("sig", ""),
            headers=request.headers.items(),
            body=await read_body(request),
        )
        # 200 and nothing else: Luma sends a callback again that is answered with 204 (docs.lumalabs.ai, 2026-11-22).
        return Response(status_code=200) if challenge is None else Response(challenge, media_type="application/json")
