"""`/v1/batches`: up to a thousand requests at once, watched and stopped together."""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.batches import Batches
from gateway.domain.batch_views import BatchCancelAccepted
from gateway.domain.batches import MAX_BATCH_BYTES
from gateway.domain.bodies import CancelBody
from gateway.domain.requests import Allowed, check_idempotency_key
from gateway.routes.auth import Doorkeeper
from gateway.routes.http import json_response, read_body, read_struct

_cancel = msgspec.json.Decoder(CancelBody)


class BatchRoutes:
    """Routes of batches."""

    def __init__(self, *, batches: Batches, doorkeeper: Doorkeeper, allowed: Allowed) -> None:
        self._batches = batches
        self._doorkeeper = doorkeeper
        self._allowed = allowed

    def router(self) -> APIRouter:
        """Give the routes."""
        router = APIRouter(prefix="/v1/batches", tags=["batches"])
        router.add_api_route("", self.create, methods=["POST"])
        router.add_api_route("/{batch_id}", self.show, methods=["GET"])
        router.add_api_route("/{batch_id}/cancel", self.cancel, methods=["POST"])
        return router

    async def create(self, request: Request) -> Response:
        """Take many requests. Answers when they are checked and kept; each becomes a job when its turn comes."""
        caller = await self._doorkeeper.caller(request)
        key = check_idempotency_key(request.headers.get("idempotency-key"))
        body = await read_body(request, limit_bytes=MAX_BATCH_BYTES)
        answer, replayed = await self._batches.accept(body, tenant_id=caller.tenant_id, key=key, allowed=self._allowed)
        headers = {"Location": answer.links.self} | ({"Idempotent-Replayed": "true"} if replayed else {})
        return json_response(answer, status=202, headers=headers)

    async def show(self, request: Request, batch_id: str) -> Response:
        """Show a batch as far as it has come, with what it cost so far."""
        caller = await self._doorkeeper.caller(request)
        return json_response(await self._batches.view(batch_id, tenant_id=caller.tenant_id))

    async def cancel(self, request: Request, batch_id: str) -> Response:
        """Ask for a batch to stop: what waits never begins, what runs is asked to stop."""
        caller = await self._doorkeeper.caller(request)
        body = await read_struct(request, _cancel, default=CancelBody())
        await self._batches.cancel(batch_id, body, tenant_id=caller.tenant_id)
        return json_response(BatchCancelAccepted(batch_id=batch_id), status=202)
