"""The base of every event, the ids, and the small types that events share.

Every fact about a job is one immutable event on a subject of its own; `subjects` holds the grammar.
"""

import hashlib
from base64 import b32encode
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

Stage = Literal["draft", "final"]
Quality = Literal["draft", "standard", "premium"]
Timestamp = Annotated[datetime, Meta(tz=True)]
"""A moment with its offset from UTC; one without is refused, because it could not be compared with any other."""
ID_PATTERN = "^[A-Za-z0-9_-]{1,80}$"
Token = Annotated[str, Meta(pattern=ID_PATTERN)]
"""An id that may stand in a subject or name a key."""
AspectRatio = Literal["16:9", "9:16", "1:1"]
Resolution = Literal["480p", "720p", "1080p", "4k"]
ReuseMode = Literal["off", "exact", "near"]
"""Whether a request may be answered with an earlier clip: never, of an equal request, or of a nearly equal one too."""
PromotionClass = Literal["exact", "anchored", "fresh"]
FailureKind = Literal[
    "throttled",
    "unavailable",
    "refused",
    "invalid_request",
    "auth",
    "quota",
    "outcome_unknown",
    "timed_out",
    "bad_output",
    "unclassified",
]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """One fact about one job.

    Attributes:
        job_id: The job the fact is about; one subject token.
        tenant_id: The owner of the job; one subject token.
        occurred_at: When it happened, UTC.
        id: Stable id of the fact. Left empty it is derived from the subject, so that the same fact
            published twice carries the same id.
    """

    FACT: ClassVar[str] = ""
    """The fact's token in the subject, for example `clip_ready`."""
    TOKENS: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that follow the fact in the subject."""
    PREFIX: ClassVar[str] = "video.v1"
    """First tokens of the subject."""
    OWNER: ClassVar[str] = "job_id"
    """Name of the field that follows the prefix: whom the fact is about."""

    job_id: Token
    tenant_id: Token
    occurred_at: Timestamp
    id: Annotated[str, Meta(max_length=400)] = ""

    def __post_init__(self) -> None:
        if not self.id:
            tokens = (self.job_id, self.FACT, *(str(getattr(self, name)) for name in self.TOKENS))
            msgspec.structs.force_setattr(self, "id", ".".join(tokens))


class ClipEvent(Event, frozen=True, kw_only=True):
    """A fact about one clip at one vendor."""

    TOKENS: ClassVar[tuple[str, ...]] = ("provider", "clip_id")
    clip_id: Token
    provider: Token
    model: str
    stage: Stage


class TenantEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """One fact about one tenant, beside its jobs.

    Attributes:
        tenant_id: Whom the fact is about; one subject token.
        occurred_at: When it happened, UTC.
        id: Stable id of the fact, as of an event of a job.
    """

    FACT: ClassVar[str] = ""
    TOKENS: ClassVar[tuple[str, ...]] = ()
    PREFIX: ClassVar[str] = "tenant.v1"
    OWNER: ClassVar[str] = "tenant_id"

    tenant_id: Token
    occurred_at: Timestamp
    id: Annotated[str, Meta(max_length=400)] = ""

    def __post_init__(self) -> None:
        if not self.id:
            tokens = (self.tenant_id, self.FACT, *(str(getattr(self, name)) for name in self.TOKENS))
            msgspec.structs.force_setattr(self, "id", ".".join(tokens))


Fact = Event | TenantEvent


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of an event that has no identity of its own."""


class AssetRef(Value, frozen=True, kw_only=True):
    """Where the bytes of one asset lie: a reference, never the bytes.

    Attributes:
        uri: `s3://bucket/key`.
        sha256: Hex digest of the bytes.
        size_bytes: Length, > 0.
        media_type: For example `video/mp4`.
    """

    uri: str
    sha256: str
    size_bytes: int
    media_type: str


def derive_job_id(tenant_id: str, idempotency_key: str) -> str:
    """Name the job of an idempotency key: the same tenant and key always name the same job."""
    return f"job_{_digest('job', tenant_id, idempotency_key)}"


def derive_batch_id(tenant_id: str, idempotency_key: str) -> str:
    """Name the batch of an idempotency key: the same tenant and key always name the same batch."""
    return f"batch_{_digest('batch', tenant_id, idempotency_key)}"


def derive_clip_id(job_id: str, *, stage: Stage, attempt: int) -> str:
    """Name the clip of one attempt (counted from 1 over a job's stage), so that a re-run names the same clip."""
    return f"clip_{_digest('clip', job_id, stage, str(attempt))}"


def _digest(*parts: str) -> str:
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return b32encode(digest[:20])[:26].decode().lower()
