"""`/v1/webhook-secret`: what a tenant may see and change of its own settings, with its own key."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin import Admin
from gateway.domain.job import Part
from gateway.routes.auth import Doorkeeper
from gateway.routes.http import json_response


class WebhookSecret(Part, frozen=True, kw_only=True):
    """The secret that the tenant's webhooks are signed with (Standard Webhooks)."""

    tenant_id: str
    webhook_secret: str


class TenantRoutes:
    """Routes of a tenant's own settings."""

    def __init__(self, *, admin: Admin, doorkeeper: Doorkeeper) -> None:
        self._admin = admin
        self._doorkeeper = doorkeeper

    def router(self) -> APIRouter:
        """Give the routes."""
        router = APIRouter(prefix="/v1", tags=["webhooks"])
        router.add_api_route("/webhook-secret", self.show_secret, methods=["GET"])
        router.add_api_route("/webhook-secret", self.rotate_secret, methods=["POST"])
        return router

    async def show_secret(self, request: Request) -> Response:
        """Show the secret that your webhooks are signed with."""
        caller = await self._doorkeeper.caller(request)
        return secret_response(caller.tenant_id, await self._admin.webhook_secret(caller.tenant_id))

    async def rotate_secret(self, request: Request) -> Response:
        """Replace the secret; the one before signs as well for a day."""
        caller = await self._doorkeeper.caller(request)
        return secret_response(caller.tenant_id, await self._admin.rotate_webhook_secret(caller.tenant_id))


def secret_response(tenant_id: str, secret: str) -> Response:
    """Answer with a secret; nobody on the way may keep it."""
    content = WebhookSecret(tenant_id=tenant_id, webhook_secret=secret)
    return json_response(content, headers={"Cache-Control": "no-store"})
