"""What a webhook says: one notification as thin JSON.

References, not contents: the receiver fetches the job where it wants more.
"""

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from dailies_contracts import (
    ClipReady,
    ClipScored,
    JobCompleted,
    JobFailed,
    Notice,
    Origin,
    ReviewRequested,
    Stage,
    derive_webhook_id,
)

from notifier.domain.notifications import Notification, NotificationType, Topic
from notifier.domain.public_state import State

MAX_BODY_BYTES = 20_000
"""What Standard Webhooks advises as the most a receiver should be sent."""


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """How the clip was judged: the aggregate, its parts in [0, 1], and whether it may be delivered."""

    aggregate: float
    passed: bool
    alignment: float | None
    motion: float
    aesthetic: float | None
    safety: float


class Clip(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The clip that a notification is about."""

    clip_id: str
    stage: Stage | None = None
    provider: str | None = None
    model: str | None = None
    scores: Scores | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The earlier clip that answered the job, at no cost; `match` is `exact` or `near`."""

    job_id: str
    clip_id: str
    match: str


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """Why the job failed: our code, and a sentence that we wrote."""

    code: str
    message: str


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """Where to read more."""

    job: str


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The `data` of the payload.

    Attributes:
        sequence: Place among the job's notifications, from 1.
        origin: Where the clip comes from that was not rendered for the job.
        metadata: The client's own labels.
        metadata_omitted: They would have made the payload too large.
    """

    job_id: str
    state: State
    sequence: int
    links: Links
    clip: Clip | None = None
    error: Error | None = None
    origin: Source | None = None
    metadata: dict[str, str] = {}
    metadata_omitted: bool = False


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a webhook.

    Attributes:
        timestamp: When it happened, not when it is sent.
    """

    type: NotificationType
    timestamp: datetime
    data: Content | dict[str, Any]


_encode = msgspec.json.Encoder().encode


def body_of(notification: Notification, topic: Topic, *, public_url: str) -> bytes:
    """Write the body of one webhook: the same bytes at every attempt.

    Args:
        notification: What is told.
        topic: What it belongs to.
        public_url: The gateway's address as clients see it.

    Returns:
        JSON of at most `MAX_BODY_BYTES`.
    """
    return _encode(payload_of(notification, topic, public_url=public_url))


def payload_of(notification: Notification, topic: Topic, *, public_url: str) -> Payload:
    """Say what one webhook says; arguments as `body_of`."""
    kind, at = notification.type, notification.occurred_at
    base = public_url.rstrip("/")
    if isinstance(notification.fact, Notice):
        links = {"events": f"{base}/v1/events"}
        return Payload(type=kind, timestamp=at, data={"sequence": 1, "links": links, **notification.fact.content})
    content = Content(
        job_id=topic.id,
        state=notification.state or "queued",
        sequence=notification.sequence,
        links=Links(job=f"{base}/v1/jobs/{topic.id}"),
        clip=_clip(notification),
        error=_error(notification),
        origin=_origin(notification),
        metadata=topic.requested.request.metadata if topic.requested else {},
    )
    whole = Payload(type=kind, timestamp=at, data=content)
    if len(_encode(whole)) <= MAX_BODY_BYTES:
        return whole
    smaller = msgspec.structs.replace(content, metadata={}, metadata_omitted=True)
    return Payload(type=kind, timestamp=at, data=smaller)


def webhook_id(notification: Notification, topic_id: str, *, endpoint_id: str) -> str:
    """Name one notification to one endpoint: the same at every attempt, and whatever else happened to the job."""
    return derive_webhook_id(topic_id, endpoint_id, notification.name)


def event_id(notification: Notification, topic_id: str) -> str:
    """Name one notification in the feed."""
    digest = hashlib.sha256(f"{topic_id}\x1f{notification.name}".encode())
    return f"evt_{digest.hexdigest()[:32]}"


def _clip(notification: Notification) -> Clip | None:
    match notification.type, notification.fact:
        case "clip.ready", ClipReady() as ready:
            return Clip(clip_id=ready.clip_id, stage=ready.stage, provider=ready.provider, model=ready.model)
        case "clip.scored", ClipScored() as scored:
            return Clip(
                clip_id=scored.clip_id,
                stage=scored.stage,
                provider=scored.provider,
                model=scored.model,
                scores=msgspec.convert(scored.scores, Scores, from_attributes=True),
            )
        case _, JobCompleted() | ReviewRequested() as about:
            return Clip(clip_id=about.clip_id)
        case _:
            return None


def _origin(notification: Notification) -> Source | None:
    match notification.fact:
        case JobCompleted(origin=Origin(job_id=job_id, clip_id=clip_id, match=alike)):
            return Source(job_id=job_id, clip_id=clip_id, match=alike)
        case _:
            return None


def _error(notification: Notification) -> Error | None:
    match notification.fact:
        case JobFailed(code=code, message=message):
            return Error(code=code, message=message[:2_000])
        case _:
            return None
