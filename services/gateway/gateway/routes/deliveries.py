"""`/v1/webhook-deliveries`: what was told to whom and what came of it. `/v1/events`: the same for those who ask."""

from datetime import datetime

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.deliveries import Deliveries
from gateway.domain.deliveries import parse_delivery_query
from gateway.domain.endpoints import ENDPOINT_RULES, ReplayBody
from gateway.domain.feed import feed_query
from gateway.domain.job import Part
from gateway.feed import Feed
from gateway.routes.auth import Doorkeeper
from gateway.routes.http import json_response, read_struct

_replay = msgspec.json.Decoder(ReplayBody)


class ReplayAccepted(Part, frozen=True, kw_only=True):
    """The notifier will tell it again, under the same `webhook-id`."""

    delivery_id: str


class ReplaysAccepted(Part, frozen=True, kw_only=True):
    """The notifier will tell these again.

    Attributes:
        n_replayed: How many.
        next_since: There are more: send it as `since`; null where these were all.
    """

    n_replayed: int
    next_since: datetime | None


class DeliveryRoutes:
    """Routes of the delivery log and the feed."""

    def __init__(self, *, deliveries: Deliveries, feed: Feed, doorkeeper: Doorkeeper) -> None:
        self._deliveries = deliveries
        self._feed = feed
        self._doorkeeper = doorkeeper

    def router(self) -> APIRouter:
        """Give the routes."""
        router = APIRouter(prefix="/v1", tags=["webhooks"])
        router.add_api_route("/webhook-deliveries", self.newest, methods=["GET"])
        router.add_api_route("/webhook-deliveries/replay", self.replay_failed, methods=["POST"])
        router.add_api_route("/webhook-deliveries/{delivery_id}", self.show, methods=["GET"])
        router.add_api_route("/webhook-deliveries/{delivery_id}/replay", self.replay, methods=["POST"])
        router.add_api_route("/events", self.events, methods=["GET"])
        return router

    async def newest(self, request: Request) -> Response:
        """List deliveries, the latest attempt first."""
        caller = await self._doorkeeper.caller(request)
        query = parse_delivery_query(caller.tenant_id, request.query_params)
        return json_response(await self._deliveries.page(query))

    async def show(self, request: Request, delivery_id: str) -> Response:
        """Show one delivery with every attempt."""
        caller = await self._doorkeeper.caller(request)
        return json_response(await self._deliveries.view(caller.tenant_id, delivery_id))

    async def replay(self, request: Request, delivery_id: str) -> Response:
        """Tell one message again; one that was given up goes on with everything behind it."""
        caller = await self._doorkeeper.caller(request)
        await self._deliveries.replay(caller.tenant_id, delivery_id)
        return json_response(ReplayAccepted(delivery_id=delivery_id), status=202)

    async def replay_failed(self, request: Request) -> Response:
        """Tell again all that was given up since a time."""
        caller = await self._doorkeeper.caller(request)
        body = await read_struct(request, _replay, rules=ENDPOINT_RULES)
        found = await self._deliveries.replay_failed(caller.tenant_id, since=body.since, endpoint_id=body.endpoint_id)
        return json_response(ReplaysAccepted(n_replayed=found.n, next_since=found.until), status=202)

    async def events(self, request: Request) -> Response:
        """Read what happened, oldest first; for clients without an endpoint."""
        caller = await self._doorkeeper.caller(request)
        query = feed_query(request.query_params)
        return json_response(await self._feed.page(caller.tenant_id, query), headers={"Cache-Control": "no-store"})
