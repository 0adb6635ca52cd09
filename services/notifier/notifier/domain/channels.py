"""How people are told: the words of a message, and which Apprise URLs a tenant may name. Pure."""

import re
from collections.abc import Collection
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from dailies_contracts import Notice

from notifier.domain.notifications import Notification, Topic

MAX_CHARS = 1_500
"""The shortest of the services takes about two thousand."""
MAIL = "mailto"
MAIL_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
HOSTS = {"workflows": (".logic.azure.com", ".api.powerplatform.com")}
"""Schemes whose URL names a host: these alone."""

TITLES = {
    "job.awaiting_review": "A clip waits for your review",
    "job.ready": "Your video is ready",
    "job.failed": "A job failed",
    "job.cancelled": "A job was cancelled",
    "budget.threshold": "Budget warning",
    "endpoint.disabled": "A webhook endpoint was disabled",
    "endpoint.test": "Test",
}


class ChannelRefused(Exception):
    """This channel may not be used; the text says why and holds nothing of its URL."""


class Words(NamedTuple):
    """What people read."""

    title: str
    body: str


def apprise_url(url: str, *, schemes: Collection[str], mail_relay: str) -> str:
    """Turn a channel's URL into the one that Apprise is given.

    Options after `?` are dropped: they could lengthen time limits, switch certificates off or name other hosts.

    Args:
        url: As the tenant gave it.
        schemes: Allowed kinds.
        mail_relay: Apprise URL of our mail server; empty: no mail.

    Raises:
        ChannelRefused: It may not be used.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as err:
        raise ChannelRefused("channel.malformed") from err
    if parts.scheme not in schemes:
        raise ChannelRefused("channel.scheme_not_allowed")
    if parts.scheme == MAIL:
        return _mail_url(url, mail_relay)
    suffixes = HOSTS.get(parts.scheme, ())
    if suffixes and not host.endswith(suffixes):
        raise ChannelRefused("channel.host_not_allowed")
    return url.partition("?")[0]


def words_of(notification: Notification, topic: Topic, *, public_url: str) -> Words:
    """Write what people are told about one thing.

    Args:
        notification: What happened.
        topic: What it belongs to.
        public_url: The gateway's address as people see it.
    """
    title = TITLES.get(notification.type, notification.type)
    fact = notification.fact
    if isinstance(fact, Notice):
        lines = [f"{name.replace('_', ' ')}: {_plain(value)}" for name, value in fact.content.items()]
        return Words(title, "\n".join(lines)[:MAX_CHARS] or "All is well: messages reach you here.")
    lines = [f"Job {topic.id}: {notification.state}"]
    if notification.type == "job.failed":
        lines.append(str(getattr(fact, "message", "")))
    labels = topic.requested.request.metadata if topic.requested else {}
    lines += [f"{name}: {value}" for name, value in labels.items()]
    lines.append(f"{public_url.rstrip('/')}/v1/jobs/{topic.id}")
    return Words(title, "\n".join(lines)[:MAX_CHARS])


def _mail_url(url: str, mail_relay: str) -> str:
    address = url.removeprefix("mailto:").removeprefix("//")
    if not MAIL_ADDRESS.fullmatch(address):
        raise ChannelRefused("channel.malformed")
    if not mail_relay:
        raise ChannelRefused("channel.no_mail_relay")
    return f"{mail_relay}{'&' if '?' in mail_relay else '?'}to={quote(address, safe='')}"


def _plain(value: Any) -> str:
    return ", ".join(f"{name} {each}" for name, each in value.items()) if isinstance(value, dict) else str(value)
