"""Webhook endpoints and channels of a tenant: what may be registered, how settings keep it, what is shown of it.

They lie in the tenant's settings, where the notifier reads them. Pure.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from dailies_contracts import CHANNEL_PREFIX, PEOPLE_TYPES, TellingType
from msgspec import UNSET, Meta, UnsetType
from runtime.errors import Conflict, NotFound

from gateway.domain.bodies import Body
from gateway.domain.errors import InvalidField
from gateway.domain.job import Part
from gateway.domain.requests import webhook_fault
from gateway.domain.tenants import Settings, with_new_webhook_secret

MAX_ENDPOINTS = 50
MAX_CHANNELS = 20
"""All of a tenant's settings lie in one record."""
ENDPOINTS, CHANNELS = "endpoints", "channels"
TYPES: tuple[str, ...] = get_args(TellingType)

Url = Annotated[str, Meta(min_length=1, max_length=2_048)]
Events = Annotated[frozenset[TellingType], Meta(max_length=len(TYPES))]
Text = Annotated[str, Meta(max_length=200)]
PerSecond = Annotated[float, Meta(ge=0.01, le=1_000)]

ENDPOINT_RULES = {
    "url": "must be an https:// address of at most 2,048 characters",
    "events": f"must be a list of types: {', '.join(TYPES)}; empty for all",
    "latest_only": "must be true or false",
    "max_per_s": "must be a number from 0.01 to 1000, or null for the usual limit",
    "description": "must be text of at most 200 characters",
    "since": "must be a time with its offset, for example 2026-11-27T00:00:00Z",
    "endpoint_id": "must be the id of one of your endpoints",
}


class EndpointBody(Body, frozen=True, kw_only=True):
    """A webhook endpoint to register.

    Attributes:
        events: Types that it wants; empty: all.
        latest_only: After an outage only the newest notification of each job, not those in between.
        max_per_s: At most so many webhooks a second; null: the usual limit.
    """

    url: Url
    events: Events = frozenset()
    latest_only: bool = False
    max_per_s: PerSecond | None = None
    description: Text = ""


class EndpointChange(Body, frozen=True, kw_only=True):
    """What changes of an endpoint; what is left out stays."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    latest_only: bool | UnsetType = UNSET
    max_per_s: PerSecond | UnsetType | None = UNSET
    description: Text | UnsetType = UNSET


class ChannelBody(Body, frozen=True, kw_only=True):
    """A way to tell people, by its Apprise address, for example `slack://…` or `mailto:ann@example.com`.

    Attributes:
        events: Types that people want to hear of; empty: when jobs are ready, fail or wait for a review, and warnings.
    """

    url: Url
    events: Events = frozenset()
    description: Text = ""


class ReplayBody(Body, frozen=True, kw_only=True):
    """Which failed deliveries to tell again."""

    since: Annotated[datetime, Meta(tz=True)]
    endpoint_id: Text = ""


class StandingView(msgspec.Struct, frozen=True):
    """What the notifier says about an endpoint in bucket `endpoints`."""

    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    reason: str = ""


class EndpointView(Part, frozen=True, kw_only=True):
    """One endpoint.

    Attributes:
        status: `disabled` by its owner, by an answer of 410, or after days of failure; `reason` says which.
        failing_since: The first failure after the last success.
    """

    id: str
    url: str
    events: tuple[str, ...]
    latest_only: bool
    max_per_s: float | None
    description: str
    status: Literal["enabled", "disabled"]
    reason: str
    failing_since: datetime | None
    disabled_at: datetime | None
    created_at: datetime | None


class ChannelView(Part, frozen=True, kw_only=True):
    """One channel; its URL is a secret, only its kind is shown."""

    id: str
    kind: str
    events: tuple[str, ...]
    description: str
    created_at: datetime | None


def check_endpoint_url(url: str, *, http_allowed: bool) -> None:
    """Refuse an address that nothing could be sent to.

    Raises:
        InvalidField: It says what is wrong.
    """
    fault = webhook_fault(url, http_allowed=http_allowed)
    if fault:
        raise InvalidField("request.webhook_url", f"url {fault}.", field="url")


def check_channel(body: ChannelBody, *, schemes: frozenset[str]) -> None:
    """Refuse a channel that nothing could be sent to.

    Raises:
        InvalidField: It says what is wrong.
    """
    try:
        scheme = urlsplit(body.url).scheme
    except ValueError:
        scheme = ""
    if scheme not in schemes:
        known = ", ".join(sorted(schemes))
        raise InvalidField("channel.unknown_kind", f"url must begin with one of these: {known}.", field="url")
    unfit = sorted(body.events - PEOPLE_TYPES)
    if unfit:
        raise InvalidField("channel.unfit_event", f"People cannot be told of {unfit[0]}.", field="events")


def with_endpoint(settings: Settings, body: EndpointBody, *, endpoint_id: str, secret: str, at: datetime) -> Settings:
    """Register an endpoint.

    Raises:
        Conflict: There are too many.
    """
    fields = {"id": endpoint_id, "webhook_secret": secret, "created_at": at.isoformat(), **_stored(body)}
    return _with_one_more(settings, ENDPOINTS, fields, most=MAX_ENDPOINTS)


def with_channel(settings: Settings, body: ChannelBody, *, channel_id: str, at: datetime) -> Settings:
    """Register a channel.

    Raises:
        Conflict: There are too many.
    """
    stored = _stored(body)
    stored["events"] = sorted(body.events or PEOPLE_TYPES)
    fields = {"id": channel_id, "created_at": at.isoformat(), **stored}
    return _with_one_more(settings, CHANNELS, fields, most=MAX_CHANNELS)


def changed(change: EndpointChange) -> Callable[[Settings], Settings]:
    """Give what a change makes of an endpoint."""
    return lambda endpoint: endpoint | _stored(change)


def switched(*, on: bool) -> Callable[[Settings], Settings]:
    """Give what switching makes of an endpoint."""
    return lambda endpoint: endpoint | {"enabled": on}


def rotated(secret: str, *, previous_until: datetime) -> Callable[[Settings], Settings]:
    """Give what a new secret makes of an endpoint; until a time the one before signs as well."""
    return lambda endpoint: with_new_webhook_secret(endpoint, secret=secret, previous_until=previous_until)


def with_changed(settings: Settings, kind: str, found_id: str, change: Callable[[Settings], Settings]) -> Settings:
    """Change one endpoint or channel.

    Raises:
        NotFound: The tenant has none of this id.
    """
    find(settings, kind, found_id)
    return settings | {kind: [change(each) if each["id"] == found_id else each for each in settings[kind]]}


def without(settings: Settings, kind: str, found_id: str) -> Settings:
    """Remove one endpoint or channel.

    Raises:
        NotFound: The tenant has none of this id.
    """
    find(settings, kind, found_id)
    return settings | {kind: [each for each in settings[kind] if each["id"] != found_id]}


def find(settings: Settings, kind: str, found_id: str) -> Settings:
    """Find one endpoint or channel.

    Raises:
        NotFound: The tenant has none of this id.
    """
    for each in settings.get(kind, ()):
        if each["id"] == found_id:
            return dict(each)
    if kind == CHANNELS:
        raise NotFound("channel.unknown", f"You have no channel of this id. Channel ids begin with {CHANNEL_PREFIX}.")
    raise NotFound("endpoint.unknown", "You have no endpoint of this id. Endpoint ids begin with ep_.")


def endpoint_view(endpoint: Settings, standing: StandingView) -> EndpointView:
    """Show one endpoint."""
    is_off = not endpoint.get("enabled", True)
    disabled = is_off or standing.disabled_at is not None
    return EndpointView(
        id=endpoint["id"],
        url=endpoint["url"],
        events=tuple(sorted(endpoint.get("events", ()))),
        latest_only=endpoint.get("latest_only", False),
        max_per_s=endpoint.get("max_per_s"),
        description=endpoint.get("description", ""),
        status="disabled" if disabled else "enabled",
        reason="switched off by you" if is_off else standing.reason,
        failing_since=standing.failing_since,
        disabled_at=standing.disabled_at,
        created_at=_time(endpoint),
    )


def channel_view(channel: Settings) -> ChannelView:
    """Show one channel."""
    return ChannelView(
        id=channel["id"],
        kind=channel["url"].partition(":")[0],
        events=tuple(sorted(channel.get("events", ()))),
        description=channel.get("description", ""),
        created_at=_time(channel),
    )


def _with_one_more(settings: Settings, kind: str, fields: Settings, *, most: int) -> Settings:
    present = settings.get(kind, [])
    if len(present) >= most:
        raise Conflict(f"{kind}.too_many", f"A tenant can have {most} {kind}: delete one first.")
    return settings | {kind: [*present, fields]}


def _stored(body: Body) -> Settings:
    stored: dict[str, Any] = msgspec.to_builtins(body)
    if "events" in stored:
        stored["events"] = sorted(stored["events"])
    return stored


def _time(fields: Settings) -> datetime | None:
    text = fields.get("created_at")
    return None if text is None else datetime.fromisoformat(text)
