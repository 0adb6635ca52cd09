"""`/v1/webhook-endpoints` and `/v1/notification-channels`: where a tenant wants to be told, with its own key."""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.domain.endpoints import (
    CHANNELS,
    ENDPOINT_RULES,
    ENDPOINTS,
    ChannelBody,
    ChannelView,
    EndpointBody,
    EndpointChange,
    EndpointView,
)
from gateway.domain.job import Part
from gateway.endpoints import Endpoints
from gateway.routes.auth import Doorkeeper
from gateway.routes.http import json_response, read_struct

NO_STORE = {"Cache-Control": "no-store"}
"""Nobody on the way may keep a secret."""
_endpoint = msgspec.json.Decoder(EndpointBody)
_change = msgspec.json.Decoder(EndpointChange)
_channel = msgspec.json.Decoder(ChannelBody)


class NewEndpoint(EndpointView, frozen=True, kw_only=True):
    """An endpoint that was just registered, with the secret that its webhooks are signed with."""

    webhook_secret: str


class EndpointList(Part, frozen=True, kw_only=True):
    """A tenant's endpoints."""

    endpoints: tuple[EndpointView, ...]


class EndpointSecret(Part, frozen=True, kw_only=True):
    """The secret that an endpoint's webhooks are signed with (Standard Webhooks)."""

    id: str
    webhook_secret: str


class ChannelList(Part, frozen=True, kw_only=True):
    """A tenant's channels."""

    channels: tuple[ChannelView, ...]


class TestSent(Part, frozen=True, kw_only=True):
    """A test event is on its way; what came of it is at `/v1/webhook-deliveries/{delivery_id}`."""

    delivery_id: str


class EndpointRoutes:
    """Routes of endpoints and channels."""

    def __init__(self, *, endpoints: Endpoints, doorkeeper: Doorkeeper) -> None:
        self._endpoints = endpoints
        self._doorkeeper = doorkeeper

    def router(self) -> APIRouter:
        """Give the routes."""
        router = APIRouter(prefix="/v1", tags=["webhooks"])
        router.add_api_route("/webhook-endpoints", self.create, methods=["POST"])
        router.add_api_route("/webhook-endpoints", self.all, methods=["GET"])
        router.add_api_route("/webhook-endpoints/{endpoint_id}", self.show, methods=["GET"])
        router.add_api_route("/webhook-endpoints/{endpoint_id}", self.change, methods=["PATCH"])
        router.add_api_route("/webhook-endpoints/{endpoint_id}", self.delete, methods=["DELETE"])
        router.add_api_route("/webhook-endpoints/{endpoint_id}/enable", self.enable, methods=["POST"])
        router.add_api_route("/webhook-endpoints/{endpoint_id}/disable", self.disable, methods=["POST"])
        router.add_api_route("/webhook-endpoints/{endpoint_id}/secret", self.show_secret, methods=["GET"])
        router.add_api_route("/webhook-endpoints/{endpoint_id}/secret", self.rotate_secret, methods=["POST"])
        router.add_api_route("/webhook-endpoints/{endpoint_id}/test", self.test, methods=["POST"])
        router.add_api_route("/notification-channels", self.create_channel, methods=["POST"])
        router.add_api_route("/notification-channels", self.all_channels, methods=["GET"])
        router.add_api_route("/notification-channels/{channel_id}", self.delete_channel, methods=["DELETE"])
        router.add_api_route("/notification-channels/{channel_id}/test", self.test_channel, methods=["POST"])
        return router

    async def create(self, request: Request) -> Response:
        """Register an endpoint. It is told what happens from now on."""
        caller = await self._doorkeeper.caller(request)
        body = await read_struct(request, _endpoint, rules=ENDPOINT_RULES)
        view, secret = await self._endpoints.register(caller.tenant_id, body)
        content = NewEndpoint(**msgspec.structs.asdict(view), webhook_secret=secret)
        return json_response(content, status=201, headers={"Location": f"/v1/webhook-endpoints/{view.id}", **NO_STORE})

    async def all(self, request: Request) -> Response:
        """List your endpoints."""
        caller = await self._doorkeeper.caller(request)
        return json_response(EndpointList(endpoints=await self._endpoints.all(caller.tenant_id)))

    async def show(self, request: Request, endpoint_id: str) -> Response:
        """Show one endpoint, and whether it works."""
        caller = await self._doorkeeper.caller(request)
        return json_response(await self._endpoints.show(caller.tenant_id, endpoint_id))

    async def change(self, request: Request, endpoint_id: str) -> Response:
        """Change an endpoint; what is left out stays. In force within seconds."""
        caller = await self._doorkeeper.caller(request)
        change = await read_struct(request, _change, rules=ENDPOINT_RULES)
        return json_response(await self._endpoints.change(caller.tenant_id, endpoint_id, change))

    async def delete(self, request: Request, endpoint_id: str) -> Response:
        """Remove an endpoint. It is told nothing more, retries included."""
        caller = await self._doorkeeper.caller(request)
        await self._endpoints.remove(caller.tenant_id, endpoint_id)
        return Response(status_code=204)

    async def enable(self, request: Request, endpoint_id: str) -> Response:
        """Switch an endpoint on, also one that was disabled after failures. What it missed can be replayed."""
        caller = await self._doorkeeper.caller(request)
        return json_response(await self._endpoints.switch(caller.tenant_id, endpoint_id, on=True))

    async def disable(self, request: Request, endpoint_id: str) -> Response:
        """Switch an endpoint off."""
        caller = await self._doorkeeper.caller(request)
        return json_response(await self._endpoints.switch(caller.tenant_id, endpoint_id, on=False))

    async def show_secret(self, request: Request, endpoint_id: str) -> Response:
        """Show the secret that the endpoint's webhooks are signed with."""
        caller = await self._doorkeeper.caller(request)
        secret = await self._endpoints.secret(caller.tenant_id, endpoint_id)
        return json_response(EndpointSecret(id=endpoint_id, webhook_secret=secret), headers=NO_STORE)

    async def rotate_secret(self, request: Request, endpoint_id: str) -> Response:
        """Replace the endpoint's secret; the one before signs as well for a day."""
        caller = await self._doorkeeper.caller(request)
        secret = await self._endpoints.rotate(caller.tenant_id, endpoint_id)
        return json_response(EndpointSecret(id=endpoint_id, webhook_secret=secret), headers=NO_STORE)

    async def test(self, request: Request, endpoint_id: str) -> Response:
        """Send one `endpoint.test` event, also to a disabled endpoint."""
        caller = await self._doorkeeper.caller(request)
        delivery_id = await self._endpoints.send_test(caller.tenant_id, ENDPOINTS, endpoint_id)
        return json_response(TestSent(delivery_id=delivery_id), status=202)

    async def create_channel(self, request: Request) -> Response:
        """Register a channel to people: Slack, mail, Teams and others. Its URL is not shown again."""
        caller = await self._doorkeeper.caller(request)
        body = await read_struct(request, _channel, rules=ENDPOINT_RULES | {"url": "must be the address of a channel"})
        return json_response(await self._endpoints.register_channel(caller.tenant_id, body), status=201)

    async def all_channels(self, request: Request) -> Response:
        """List your channels."""
        caller = await self._doorkeeper.caller(request)
        return json_response(ChannelList(channels=await self._endpoints.channels(caller.tenant_id)))

    async def delete_channel(self, request: Request, channel_id: str) -> Response:
        """Remove a channel."""
        caller = await self._doorkeeper.caller(request)
        await self._endpoints.remove_channel(caller.tenant_id, channel_id)
        return Response(status_code=204)

    async def test_channel(self, request: Request, channel_id: str) -> Response:
        """Send one test message to people."""
        caller = await self._doorkeeper.caller(request)
        delivery_id = await self._endpoints.send_test(caller.tenant_id, CHANNELS, channel_id)
        return json_response(TestSent(delivery_id=delivery_id), status=202)
