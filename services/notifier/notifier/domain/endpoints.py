"""Who is told of a job: the URL in its request, and the endpoints that its tenant registered."""

import hashlib
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from notifier.domain.notifications import Notification
from notifier.domain.signing import decode_secret


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
        events: Types it wants; empty: all.
        latest_only: After an outage tell only the newest notification of a job, not those in between.
    """

    id: str
    url: str
    events: frozenset[str] = frozenset()
    latest_only: bool = False


class Tenant(Secrets, frozen=True, kw_only=True):
    """What the notifier reads of a tenant's settings; the rest belongs to other services."""

    endpoints: tuple[Registration, ...] = ()


class Endpoint(NamedTuple):
    """One place to tell.

    Attributes:
        id: Stable, one subject token; another tenant's endpoint of the same URL has another.
        url: Where to POST to.
        secrets: In order of precedence.
        events: Types it wants; empty: all.
        latest_only: Skip what a newer notification has overtaken.
        registered: False where the URL came with the job.
    """

    id: str
    tenant_id: str
    url: str
    secrets: tuple[Secrets, ...]
    events: frozenset[str] = frozenset()
    latest_only: bool = False
    registered: bool = False

    @property
    def lane(self) -> str:
        """Endpoints that share a lane share a server, so they are slow or dead together."""
        return f"{self.tenant_id} {urlsplit(self.url).netloc.lower()}"

    def wants(self, notification: Notification) -> bool:
        """Tell whether the endpoint asked for this type."""
        return not self.events or notification.type in self.events


def endpoints_of(tenant_id: str, tenant: Tenant, webhook_url: str | None) -> tuple[Endpoint, ...]:
    """List everybody who is told of a job.

    Args:
        tenant_id: Owner of the job.
        tenant: Its settings.
        webhook_url: As in the job's request.
    """
    registered = tuple(_registered(tenant_id, tenant, registration) for registration in tenant.endpoints)
    if webhook_url is None:
        return registered
    own = Endpoint(_id("url", tenant_id, webhook_url), tenant_id, webhook_url, (tenant,))
    return (own, *registered)


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
        id=_id("ep", tenant_id, registration.id),
        tenant_id=tenant_id,
        url=registration.url,
        secrets=(registration, tenant),
        events=registration.events,
        latest_only=registration.latest_only,
        registered=True,
    )


def _id(kind: str, tenant_id: str, name: str) -> str:
    digest = hashlib.sha256(f"{kind}\x1f{tenant_id}\x1f{name}".encode())
    return f"{kind}_{digest.hexdigest()[:32]}"
