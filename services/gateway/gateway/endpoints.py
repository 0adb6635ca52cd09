"""What tenants do with their webhook endpoints and their channels to people."""

import secrets
from datetime import timedelta

import msgspec
from dailies_contracts import CHANNEL_PREFIX, NOTICE, Notice, derive_webhook_id, encode_message
from runtime.buckets import Bucket
from runtime.clock import Clock
from runtime.timers import Timers

from gateway.adapters.tenants import Tenants
from gateway.domain.endpoints import (
    CHANNELS,
    ENDPOINTS,
    ChannelBody,
    ChannelView,
    EndpointBody,
    EndpointChange,
    EndpointView,
    StandingView,
    changed,
    channel_view,
    check_channel,
    check_endpoint_url,
    endpoint_view,
    find,
    rotated,
    switched,
    with_changed,
    with_channel,
    with_endpoint,
    without,
)
from gateway.domain.keys import SECRET_BYTES, new_webhook_secret
from gateway.domain.tenants import Settings

ROTATION = timedelta(hours=24)
"""Receivers get a day to learn the new secret; webhooks are signed with both meanwhile."""
ID_BYTES = 12

_standing = msgspec.json.Decoder(StandingView)


class Endpoints:
    """Registers, shows and changes endpoints and channels."""

    def __init__(
        self,
        *,
        tenants: Tenants,
        standings: Bucket,
        notifier: Timers,
        clock: Clock,
        allow_http: bool,
        channel_schemes: frozenset[str],
    ) -> None:
        """Take what endpoints need.

        Args:
            tenants: Where they are kept.
            standings: Bucket `endpoints`, which the notifier writes.
            notifier: The notifier's timers.
            clock: The time.
            allow_http: Take http:// addresses: for one machine only.
            channel_schemes: Kinds of channels.
        """
        self._tenants = tenants
        self._standings = standings
        self._notifier = notifier
        self._clock = clock
        self._allow_http = allow_http
        self._channel_schemes = channel_schemes

    async def register(self, tenant_id: str, body: EndpointBody) -> tuple[EndpointView, str]:
        """Register an endpoint, and give it with its new secret.

        Raises:
            InvalidField: The address cannot be one.
            Conflict: The tenant has too many.
        """
        check_endpoint_url(body.url, http_allowed=self._allow_http)
        endpoint_id, secret, at = f"ep_{secrets.token_hex(ID_BYTES)}", _new_secret(), self._clock()
        settings = await self._tenants.change(
            tenant_id, lambda before: with_endpoint(before, body, endpoint_id=endpoint_id, secret=secret, at=at)
        )
        return await self._shown(tenant_id, find(settings, ENDPOINTS, endpoint_id)), secret

    async def all(self, tenant_id: str) -> tuple[EndpointView, ...]:
        """List a tenant's endpoints, in the order of their registration."""
        settings = await self._tenants.load(tenant_id)
        return tuple([await self._shown(tenant_id, each) for each in settings.get(ENDPOINTS, ())])

    async def show(self, tenant_id: str, endpoint_id: str) -> EndpointView:
        """Show one endpoint.

        Raises:
            NotFound: The tenant has no such endpoint.
        """
        return await self._shown(tenant_id, find(await self._tenants.load(tenant_id), ENDPOINTS, endpoint_id))

    async def change(self, tenant_id: str, endpoint_id: str, change: EndpointChange) -> EndpointView:
        """Change an endpoint; in force within seconds.

        Raises:
            NotFound: The tenant has no such endpoint.
            InvalidField: The address cannot be one.
        """
        if isinstance(change.url, str):
            check_endpoint_url(change.url, http_allowed=self._allow_http)
        settings = await self._tenants.change(
            tenant_id, lambda before: with_changed(before, ENDPOINTS, endpoint_id, changed(change))
        )
        return await self._shown(tenant_id, find(settings, ENDPOINTS, endpoint_id))

    async def switch(self, tenant_id: str, endpoint_id: str, *, on: bool) -> EndpointView:
        """Switch an endpoint on or off; on, it also counts as well again.

        Raises:
            NotFound: The tenant has no such endpoint.
        """
        settings = await self._tenants.change(
            tenant_id, lambda before: with_changed(before, ENDPOINTS, endpoint_id, switched(on=on))
        )
        if on:
            await self._standings.delete(_key(tenant_id, endpoint_id))
        return await self._shown(tenant_id, find(settings, ENDPOINTS, endpoint_id))

    async def remove(self, tenant_id: str, endpoint_id: str) -> None:
        """Remove an endpoint: it is told nothing more, retries included.

        Raises:
            NotFound: The tenant has no such endpoint.
        """
        await self._tenants.change(tenant_id, lambda before: without(before, ENDPOINTS, endpoint_id))
        await self._standings.delete(_key(tenant_id, endpoint_id))

    async def secret(self, tenant_id: str, endpoint_id: str) -> str:
        """Give the secret that an endpoint's webhooks are signed with.

        Raises:
            NotFound: The tenant has no such endpoint.
        """
        return str(find(await self._tenants.load(tenant_id), ENDPOINTS, endpoint_id).get("webhook_secret", ""))

    async def rotate(self, tenant_id: str, endpoint_id: str) -> str:
        """Replace an endpoint's secret; the one before signs as well for a day.

        Raises:
            NotFound: The tenant has no such endpoint.
        """
        secret, until = _new_secret(), self._clock() + ROTATION
        await self._tenants.change(
            tenant_id,
            lambda before: with_changed(before, ENDPOINTS, endpoint_id, rotated(secret, previous_until=until)),
        )
        return secret

    async def register_channel(self, tenant_id: str, body: ChannelBody) -> ChannelView:
        """Register a channel to people.

        Raises:
            InvalidField: Its kind is not one of ours, or people cannot be told of these events.
            Conflict: The tenant has too many.
        """
        check_channel(body, schemes=self._channel_schemes)
        channel_id, at = f"{CHANNEL_PREFIX}{secrets.token_hex(ID_BYTES)}", self._clock()
        settings = await self._tenants.change(
            tenant_id, lambda before: with_channel(before, body, channel_id=channel_id, at=at)
        )
        return channel_view(find(settings, CHANNELS, channel_id))

    async def channels(self, tenant_id: str) -> tuple[ChannelView, ...]:
        """List a tenant's channels."""
        settings = await self._tenants.load(tenant_id)
        return tuple(channel_view(each) for each in settings.get(CHANNELS, ()))

    async def remove_channel(self, tenant_id: str, channel_id: str) -> None:
        """Remove a channel.

        Raises:
            NotFound: The tenant has no such channel.
        """
        await self._tenants.change(tenant_id, lambda before: without(before, CHANNELS, channel_id))
        await self._standings.delete(_key(tenant_id, channel_id))

    async def send_test(self, tenant_id: str, kind: str, found_id: str) -> str:
        """Send a test event to one endpoint or channel, and give its id in the delivery log.

        Raises:
            NotFound: The tenant has none of this id.
        """
        find(await self._tenants.load(tenant_id), kind, found_id)
        notice = Notice(
            id=f"notice_{secrets.token_hex(16)}",
            tenant_id=tenant_id,
            kind="endpoint.test",
            occurred_at=self._clock(),
            content={"message": "This is a test. All is well: webhooks reach you here."},
            only=found_id,
        )
        await self._notifier.fire(NOTICE, notice.id, encode_message(notice))
        return derive_webhook_id(notice.id, found_id, f"{notice.id}/{notice.kind}")

    async def _shown(self, tenant_id: str, endpoint: Settings) -> EndpointView:
        entry = await self._standings.get(_key(tenant_id, endpoint["id"]))
        return endpoint_view(endpoint, StandingView() if entry is None else _standing.decode(entry.value))


def _key(tenant_id: str, endpoint_id: str) -> str:
    return f"{tenant_id}.{endpoint_id}"


def _new_secret() -> str:
    return new_webhook_secret(secrets.token_bytes(SECRET_BYTES))
