"""What administrators do: keys, budgets and webhook secrets of tenants, and dead letters."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from nats.aio.client import Client
from runtime.budgets import TenantSettings
from runtime.clock import Clock
from runtime.dead_letters import DeadLetter, list_dead_letters, replay
from runtime.errors import NotFound

from gateway.adapters.api_keys import ApiKeys
from gateway.adapters.tenants import Tenants
from gateway.domain.bodies import BudgetBody, RoutingBody
from gateway.domain.keys import KEY_BYTES, SECRET_BYTES, ApiKey, check_tenant, new_key, new_webhook_secret
from gateway.domain.tenants import with_budget, with_new_webhook_secret, with_routing

ROTATION = timedelta(hours=24)
"""Receivers get a day to learn the new secret; deliveries are signed with both meanwhile."""


class NewKey(NamedTuple):
    """A key that was just made; nobody can read it again."""

    key_id: str
    key: str
    created_at: datetime


class Admin:
    """Changes what belongs to tenants."""

    def __init__(self, *, keys: ApiKeys, tenants: Tenants, clock: Clock) -> None:
        self._keys = keys
        self._tenants = tenants
        self._clock = clock

    async def new_key(self, tenant_id: str, *, name: str) -> NewKey:
        """Make an API key, and the tenant's webhook secret with its first one.

        Raises:
            InvalidRequest: The tenant's id cannot be one.
        """
        owner = ApiKey(tenant_id=check_tenant(tenant_id), name=name, created_at=self._clock())
        key = new_key(secrets.token_bytes(KEY_BYTES))
        await self.webhook_secret(tenant_id)
        return NewKey(await self._keys.register(key, owner), key, owner.created_at)

    async def register_key(self, tenant_id: str, key: str, *, name: str) -> None:
        """Register a key that was made elsewhere; doing it again changes nothing.

        Raises:
            InvalidRequest: The tenant's id cannot be one.
        """
        owner = ApiKey(tenant_id=check_tenant(tenant_id), name=name, created_at=self._clock())
        await self.webhook_secret(tenant_id)
        await self._keys.register(key, owner)

    async def withdraw_key(self, tenant_id: str, key_id: str) -> None:
        """Withdraw an API key.

        Raises:
            NotFound: The tenant has no such key.
        """
        await self._keys.withdraw(check_tenant(tenant_id), key_id)

    async def set_budget(self, tenant_id: str, body: BudgetBody) -> TenantSettings:
        """Limit what the tenant may spend; what is spent and held already stays.

        Returns:
            Its limits now.
        """
        settings = await self._tenants.change(check_tenant(tenant_id), lambda settings: with_budget(settings, body))
        return msgspec.convert(settings, TenantSettings)

    async def set_routing(self, tenant_id: str, body: RoutingBody) -> None:
        """Say what the tenant's jobs may use; counts for clips that are ordered from now on."""
        await self._tenants.change(check_tenant(tenant_id), lambda settings: with_routing(settings, body))

    async def webhook_secret(self, tenant_id: str) -> str:
        """Give the secret that the tenant's webhooks are signed with, making the first one where there is none."""
        settings = await self._tenants.change_unless(
            check_tenant(tenant_id),
            lambda settings: bool(settings.get("webhook_secret")),
            lambda settings: with_new_webhook_secret(
                settings, secret=new_webhook_secret(secrets.token_bytes(SECRET_BYTES)), previous_until=self._clock()
            ),
        )
        return str(settings["webhook_secret"])

    async def rotate_webhook_secret(self, tenant_id: str) -> str:
        """Replace the webhook secret; the one before signs as well for a day."""
        secret = new_webhook_secret(secrets.token_bytes(SECRET_BYTES))
        until = self._clock() + ROTATION
        await self._tenants.change(
            check_tenant(tenant_id),
            lambda settings: with_new_webhook_secret(settings, secret=secret, previous_until=until),
        )
        return secret


class DeadLetters:
    """Shows what could not be handled, and hands it back."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection

    async def page(self, *, after: int, limit: int) -> list[DeadLetter]:
        """Read dead letters in order, from the one behind `after`."""
        return await list_dead_letters(self._connection, after=after, limit=limit)

    async def replay(self, sequence: str) -> DeadLetter:
        """Hand one back to the consumer that failed on it.

        Raises:
            NotFound: There is none of this number.
        """
        if not (sequence.isascii() and sequence.isdigit() and len(sequence) < 19):  # noqa: PLR2004 (64 bits)
            raise NotFound("dead_letter.unknown", "There is no such dead letter: list them first.")
        return await replay(self._connection, int(sequence))
