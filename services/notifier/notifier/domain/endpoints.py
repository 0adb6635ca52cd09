"""Who is told: the URL in a job's request, and what its tenant registered: endpoints and people's channels."""

import hashlib
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from notifier.domain.notifications import Notification
from notifier.domain.signing import decode_secret

WEB = ("https", "http")


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """The signing secrets of a tenant or an endpoint (`whsec_…`).

    Attributes:
        webhook_secret: Signs; empty: the next level's applies.
        previous_webhook_secret: Signs as well during a rotation.
        previous_webhook_secret_until: End of the rotation; None: as long as it stands here.
    """

    webhook_secret: str = ""
    previous_webhook_secret: str = ""
    previous_webhook_secret_until: datetime | None = None


class Registration(Secrets, frozen=True, kw_only=True):
    """One endpoint that a tenant registered.

    Attributes:
        id: One subject token, unique within the tenant.
        events: Types it wants; empty: all.
        latest_only: After an outage tell only the newest notification of a job, not those in between.
        max_per_s: It wants no more than so many webhooks a second; None: the installation's limit applies.
        enabled: False: its owner switched it off.
        created_at: It is told nothing that happened before; None: everything.
    """

    id: str
    url: str
    events: frozenset[str] = frozenset()
    latest_only: bool = False
    max_per_s: float | None = None
    enabled: bool = True
    created_at: datetime | None = None


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach people, as Apprise names it.

    Attributes:
        id: `ch_…`.
        url: For example `slack://…`; a secret.
        events: Types that people want to hear of.
        enabled: False: switched off.
        created_at: People hear nothing that happened before.
    """

    id: str
    url: str
    events: frozenset[str] = frozenset()
    enabled: bool = True
    created_at: datetime | None = None


class Tenant(Secrets, frozen=True, kw_only=True):
    """What the notifier reads of a tenant's settings; the rest belongs to other services."""

    endpoints: tuple[Registration, ...] = ()
    channels: tuple[Channel, ...] = ()


class Endpoint(NamedTuple):
    """One place to tell.

    Attributes:
        id: Stable, one subject token; another tenant's endpoint of the same URL has another.
        url: Where to send to.
        secrets: In order of precedence.
        events: Types it wants; empty: all.
        latest_only: Skip what a newer notification has overtaken.
        max_per_s: Its owner's own limit.
        registered: False where the URL came with the job.
        enabled: False: its owner switched it off.
        since: It is told nothing that happened before; None: everything.
        forced: Told once, whatever its filter and though it is disabled.
    """

    id: str
    tenant_id: str
    url: str
    secrets: tuple[Secrets, ...]
    events: frozenset[str] = frozenset()
    latest_only: bool = False
    max_per_s: float | None = None
    registered: bool = False
    enabled: bool = True
    since: datetime | None = None
    forced: bool = False

    @property
    def key(self) -> str:
        """Names it among all tenants' endpoints, in buckets."""
        return f"{self.tenant_id}.{self.id}"

    @property
    def lane(self) -> str:
        """What is slow or dead together: a registered endpoint alone; URLs of jobs that differ only in their query."""
        if self.registered:
            return self.key
        parts = urlsplit(self.url)
        return f"{self.tenant_id} {parts.netloc.lower()}{parts.path}"

    @property
    def target(self) -> str:
        """Where to, fit for a log: without what may be secret."""
        parts = urlsplit(self.url)
        if parts.scheme not in WEB:  # of a channel, all but the scheme is secret
            return f"{parts.scheme}:…"
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def wants(self, notification: Notification) -> bool:
        """Tell whether the endpoint asked for this."""
        if self.since is not None and notification.occurred_at < self.since:
            return False
        return not self.events or notification.type in self.events


def endpoints_of(tenant_id: str, tenant: Tenant, webhook_url: str | None) -> tuple[Endpoint, ...]:
    """List every endpoint that is told of a job.

    Args:
        tenant_id: Owner of the job.
        tenant: Its settings.
        webhook_url: As in the job's request; None where it has none, or where it is not about a job.
    """
    registered = tuple(_registered(tenant_id, tenant, registration) for registration in tenant.endpoints)
    if webhook_url is None:
        return registered
    own = Endpoint(_url_id(tenant_id, webhook_url), tenant_id, webhook_url, (tenant,))
    return (own, *registered)


def channels_of(tenant_id: str, tenant: Tenant) -> tuple[Endpoint, ...]:
    """List the channels to a tenant's people."""
    return tuple(
        Endpoint(
            id=each.id,
            tenant_id=tenant_id,
            url=each.url,
            secrets=(),
            events=each.events,
            registered=True,
            enabled=each.enabled,
            since=each.created_at,
        )
        for each in tenant.channels
    )


def signing_keys(secrets: tuple[Secrets, ...], *, now: datetime) -> tuple[bytes, ...]:
    """Choose the keys that sign now: of the first level that has a secret, the current and the outgoing one.

    Args:
        secrets: In order of precedence.
        now: For the end of a rotation.

    Returns:
        Empty where no level has a secret.

    Raises:
        InvalidSecret: A secret is malformed.
    """
    for level in secrets:
        if not level.webhook_secret:
            continue
        until = level.previous_webhook_secret_until
        rotating = level.previous_webhook_secret and (until is None or now < until)
        current = decode_secret(level.webhook_secret)
        return (current, decode_secret(level.previous_webhook_secret)) if rotating else (current,)
    return ()


def _registered(tenant_id: str, tenant: Tenant, registration: Registration) -> Endpoint:
    return Endpoint(
        id=registration.id,
        tenant_id=tenant_id,
        url=registration.url,
        secrets=(registration, tenant),
        events=registration.events,
        latest_only=registration.latest_only,
        max_per_s=registration.max_per_s,
        registered=True,
        enabled=registration.enabled,
        since=registration.created_at,
    )


def _url_id(tenant_id: str, url: str) -> str:
    digest = hashlib.sha256(f"url\x1f{tenant_id}\x1f{url}".encode())
    return f"url_{digest.hexdigest()[:32]}"
