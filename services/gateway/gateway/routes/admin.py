"""`/v1/admin`: keys and webhook secrets of tenants, and dead letters. For the admin key alone."""

from datetime import datetime

import msgspec
from dailies_contracts import ReuseMode
from fastapi import APIRouter, Depends
from runtime.dead_letters import DeadLetter
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin import Admin, DeadLetters
from gateway.domain.bodies import NewKeyBody, RoutingBody
from gateway.domain.errors import InvalidField
from gateway.domain.job import Part
from gateway.routes.auth import Doorkeeper
from gateway.routes.http import json_response, read_struct
from gateway.routes.tenants import secret_response

_routing = msgspec.json.Decoder(RoutingBody)
MAX_LETTERS = 100
_new_key = msgspec.json.Decoder(NewKeyBody)


class DeadLetterView(Part, frozen=True, kw_only=True):
    """One message that a consumer gave up on."""

    sequence: int
    service: str
    consumer: str
    subject: str
    reason: str
    deliveries: int
    body: str


class DeadLetterPage(Part, frozen=True, kw_only=True):
    """Dead letters, oldest first; ask with `after` = the last sequence for more."""

    dead_letters: tuple[DeadLetterView, ...]


class Replayed(Part, frozen=True, kw_only=True):
    """A dead letter that was handed back."""

    sequence: int
    service: str
    subject: str


class NewKeyView(Part, frozen=True, kw_only=True):
    """A key that was just made: `key` is shown this once."""

    id: str
    key: str
    tenant_id: str
    name: str
    created_at: datetime


class RoutingView(Part, frozen=True, kw_only=True):
    """What the tenant's jobs may use."""

    tenant_id: str
    plan: str
    allow_providers: tuple[str, ...]
    deny_providers: tuple[str, ...]
    regions: tuple[str, ...]
    allow_lower_tier: bool
    reuse: ReuseMode | None
    share_clips: bool


class AdminRoutes:
    """Routes of administrators."""

    def __init__(self, *, admin: Admin, letters: DeadLetters, doorkeeper: Doorkeeper) -> None:
        self._admin = admin
        self._letters = letters
        self._doorkeeper = doorkeeper

    def router(self) -> APIRouter:
        """Give the routes."""
        guard = [Depends(self._doorkeeper.check_admin)]
        router = APIRouter(prefix="/v1/admin", tags=["admin"], dependencies=guard)
        router.add_api_route("/tenants/{tenant}/keys", self.create_key, methods=["POST"])
        router.add_api_route("/tenants/{tenant}/keys/{key_id}", self.delete_key, methods=["DELETE"])
        router.add_api_route("/tenants/{tenant}/routing", self.set_routing, methods=["PUT"])
        router.add_api_route("/tenants/{tenant}/webhook-secret", self.show_secret, methods=["GET"])
        router.add_api_route("/tenants/{tenant}/webhook-secret/rotate", self.rotate_secret, methods=["POST"])
        router.add_api_route("/dead-letters", self.dead_letters, methods=["GET"])
        router.add_api_route("/dead-letters/{sequence}/replay", self.replay, methods=["POST"])
        return router

    async def create_key(self, request: Request, tenant: str) -> Response:
        """Make an API key. It is shown this once."""
        body = await read_struct(request, _new_key)
        key = await self._admin.new_key(tenant, name=body.name)
        content = NewKeyView(id=key.key_id, key=key.key, tenant_id=tenant, name=body.name, created_at=key.created_at)
        return json_response(content, status=201, headers={"Cache-Control": "no-store"})

    async def delete_key(self, tenant: str, key_id: str) -> Response:
        """Withdraw an API key; every gateway refuses it within seconds."""
        await self._admin.withdraw_key(tenant, key_id)
        return Response(status_code=204)

    async def set_routing(self, request: Request, tenant: str) -> Response:
        """Say which plan, vendors and regions the tenant's jobs may use."""
        body = await read_struct(request, _routing)
        await self._admin.set_routing(tenant, body)
        return json_response(RoutingView(tenant_id=tenant, **msgspec.structs.asdict(body)))

    async def show_secret(self, tenant: str) -> Response:
        """Show the secret that the tenant's webhooks are signed with."""
        return secret_response(tenant, await self._admin.webhook_secret(tenant))

    async def rotate_secret(self, tenant: str) -> Response:
        """Replace the webhook secret; the one before signs as well for a day."""
        return secret_response(tenant, await self._admin.rotate_webhook_secret(tenant))

    async def dead_letters(self, request: Request) -> Response:
        """List messages that could not be handled."""
        limit = _number(request, "limit", default=20, highest=MAX_LETTERS)
        after = _number(request, "after", default=0, highest=2**63 - 1)
        letters = await self._letters.page(after=after, limit=limit)
        return json_response(DeadLetterPage(dead_letters=tuple(_view(letter) for letter in letters)))

    async def replay(self, sequence: str) -> Response:
        """Hand a message back to the consumer that failed on it."""
        letter = await self._letters.replay(sequence)
        content = Replayed(sequence=letter.sequence, service=letter.service, subject=letter.subject)
        return json_response(content, status=202)


def _view(letter: DeadLetter) -> DeadLetterView:
    return DeadLetterView(
        sequence=letter.sequence,
        service=letter.service,
        consumer=letter.consumer,
        subject=letter.subject,
        reason=letter.reason,
        deliveries=letter.deliveries,
        body=letter.body.decode(errors="replace"),
    )


def _number(request: Request, name: str, *, default: int, highest: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= highest):  # noqa: PLR2004 (64 bits)
        raise InvalidField("request.invalid_field", f"{name} must be a whole number from 0 to {highest}.", field=name)
    return int(text)
