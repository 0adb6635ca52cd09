"""What a webhook says: one notification as thin JSON.

References, not contents: the receiver fetches the job where it wants more.
"""

import hashlib
from datetime import datetime

import msgspec
from dailies_contracts import ClipReady, ClipScored, JobCompleted, JobFailed, JobRequested, ReviewRequested, Stage

from notifier.domain.notifications import Notification, NotificationType
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
        metadata: The client's own labels.
        metadata_omitted: They would have made the payload too large.
    """

    job_id: str
    state: State
    sequence: int
    links: Links
    clip: Clip | None = None
    error: Error | None = None
    metadata: dict[str, str] = {}
    metadata_omitted: bool = False


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a webhook.

    Attributes:
        timestamp: When it happened, not when it is sent.
    """

    type: NotificationType
    timestamp: datetime
    data: Content


_encode = msgspec.json.Encoder().encode


def body_of(notification: Notification, requested: JobRequested, *, public_url: str) -> bytes:
    """Write the body of one webhook: the same bytes at every attempt.

    Args:
        notification: What is told.
        requested: The job's request.
        public_url: The gateway's address as clients see it.

    Returns:
        JSON of at most `MAX_BODY_BYTES`.
    """
    job_id = notification.fact.job_id
    content = Content(
        job_id=job_id,
        state=notification.state,
        sequence=notification.sequence,
        links=Links(job=f"{public_url.rstrip('/')}/v1/jobs/{job_id}"),
        clip=_clip(notification),
        error=_error(notification),
        metadata=requested.request.metadata,
    )
    body = _encode(Payload(type=notification.type, timestamp=notification.occurred_at, data=content))
    if len(body) <= MAX_BODY_BYTES:
        return body
    smaller = msgspec.structs.replace(content, metadata={}, metadata_omitted=True)
    return _encode(Payload(type=notification.type, timestamp=notification.occurred_at, data=smaller))


def webhook_id(notification: Notification, *, endpoint_id: str) -> str:
    """Name one notification to one endpoint: the same at every attempt, and whatever else happened to the job."""
    name = f"{notification.fact.job_id}\x1f{endpoint_id}\x1f{notification.name}"
    return f"msg_{hashlib.sha256(name.encode()).hexdigest()[:32]}"


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


def _error(notification: Notification) -> Error | None:
    match notification.fact:
        case JobFailed(code=code, message=message):
            return Error(code=code, message=message[:2_000])
        case _:
            return None
