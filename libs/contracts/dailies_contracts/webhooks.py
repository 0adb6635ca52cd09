"""What clients are told, as messages: the log of webhook attempts, the feed of events, and orders to the notifier.

The notifier writes attempts and feed, the gateway and its projector read them; the gateway orders replays and test
events by firing the notifier's timers. None of this changes a job.
"""

import hashlib
from datetime import datetime
from typing import Any, Literal

import msgspec

from dailies_contracts.base import Token, Value
from dailies_contracts.subjects import check_token

WEBHOOKS = "WEBHOOKS"
"""The stream of attempts: one message an attempt, one subject a tenant."""
FEED = "FEED"
"""The stream of everything that tenants are told: one subject a job, in the order in which it was told."""
LONGEST_RETRY_S = 48 * 3600
"""All waits between the tries of one webhook together, jitter included; facts stay in the stream for longer."""
WEBHOOKS_MAX_AGE_S = 30 * 24 * 3600
"""The log of deliveries and the feed go back a month; so long may MongoDB be away before it misses one."""
FEED_SEQUENCE = "Dailies-Sequence"
"""Header of a feed message: its place among those of its job."""

TellingType = Literal[
    "job.queued",
    "job.generating",
    "job.evaluating",
    "job.awaiting_review",
    "job.ready",
    "job.failed",
    "job.cancelled",
    "clip.ready",
    "clip.scored",
    "budget.threshold",
    "endpoint.disabled",
]
"""What an endpoint can ask for."""
NoticeType = Literal["budget.threshold", "endpoint.disabled", "endpoint.test"]
AttemptState = Literal["delivered", "retrying", "failed"]
"""Of a message to an endpoint after an attempt: taken, tried again, or given up."""

PEOPLE_TYPES: frozenset[TellingType] = frozenset(
    {"job.awaiting_review", "job.ready", "job.failed", "job.cancelled", "budget.threshold", "endpoint.disabled"}
)
"""What people can be told; the rest is for programs."""
CHANNEL_PREFIX = "ch_"
CHANNEL_SCHEMES = frozenset(
    {"slack", "discord", "msteams", "workflows", "tgram", "gchat", "pagerduty", "opsgenie", "mailto"}
)
"""Kinds of channels to people, by Apprise's names: those that lead to one known host. `mailto:ann@example.com` goes
through the installation's own mail server."""

REPLAY = "replay"
"""The notifier's timer that tells something again; its payload is a `Replay`."""
NOTICE = "notice"
"""The notifier's timer that tells a tenant something that belongs to no job; its payload is a `Notice`."""


class WebhookAttempt(Value, frozen=True, kw_only=True):
    """One attempt to tell an endpoint one thing.

    Attributes:
        id: Of the attempt.
        webhook_id: The message, the same at every attempt.
        tenant_id: Whose endpoint.
        endpoint_id: Which; `url_…` for a URL that came with a job, `ch_…` for a channel of Apprise.
        target: Where to, without query, credentials or tokens.
        topic_id: The job, or the notice.
        kind: What is told.
        sequence: Place among the topic's notifications.
        number: Of the attempt, from 1; a replay counts on its own.
        at: When it began.
        duration_ms: How long it took.
        outcome: Our code, for example `http.500` or `webhook.timed_out`.
        state: Of the message now.
        next_at: Time of the next attempt, where there is one.
        response: What the endpoint answered, its beginning.
        replayed: Somebody asked for it again.
    """

    id: str
    webhook_id: str
    tenant_id: Token
    endpoint_id: str
    topic_id: str
    kind: str
    sequence: int
    number: int
    at: datetime
    outcome: str
    state: AttemptState
    target: str = ""
    duration_ms: int = 0
    next_at: datetime | None = None
    response: str = ""
    replayed: bool = False


class Notice(Value, frozen=True, kw_only=True):
    """Something that a tenant is told and that belongs to no single state of a job.

    Attributes:
        id: `notice_…`; the same id is told once.
        kind: What it is.
        content: The `data` of the webhook.
        only: Tell this endpoint alone; empty: everybody who wants to know.
    """

    id: Token
    tenant_id: Token
    kind: NoticeType
    occurred_at: datetime
    content: dict[str, Any] = {}
    only: str = ""


class Replay(Value, frozen=True, kw_only=True):
    """An order to tell an endpoint something again.

    Attributes:
        topic_id: The job or notice.
        sequence: Which of its notifications.
        n_failures: Attempts of this replay that failed so far.
        has_turn: It was put off to its turn, which is now.
    """

    topic_id: str
    endpoint_id: str
    sequence: int
    n_failures: int = 0
    has_turn: bool = False


def derive_webhook_id(topic_id: str, endpoint_id: str, name: str) -> str:
    """Name a message to an endpoint: what is told, by the id of its fact or notice and its type."""
    digest = hashlib.sha256(f"{topic_id}\x1f{endpoint_id}\x1f{name}".encode())
    return f"msg_{digest.hexdigest()[:32]}"


def attempts_subject(tenant_id: str) -> str:
    """Name the subject of a tenant's attempts."""
    return f"webhooks.v1.{check_token(tenant_id)}.attempt"


def feed_subject(tenant_id: str, topic_id: str) -> str:
    """Name the subject of what is told of one job or notice."""
    return f"feed.v1.{check_token(tenant_id)}.{check_token(topic_id)}"


def feed_filter(tenant_id: str) -> str:
    """Build the filter for everything that a tenant is told."""
    return f"feed.v1.{check_token(tenant_id)}.>"


def encode_message(value: Value) -> bytes:
    """Write an attempt, a notice or an order."""
    return msgspec.json.encode(value)
