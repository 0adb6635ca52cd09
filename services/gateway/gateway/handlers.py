"""What a request about a job does. Routes map HTTP to these calls and back.

Nothing here waits for generation: a request appends one fact to the log, and the other services go on from there.
"""

import asyncio
import secrets
from typing import NamedTuple

import msgspec
from dailies_contracts import (
    TERMINAL_EVENTS,
    AssetDeleted,
    AssetRef,
    ClipRequested,
    ClipReused,
    CostEstimate,
    FeedbackGiven,
    JobCancelRequested,
    JobRequested,
    ReviewDecided,
    ReviewRequested,
    VideoRequest,
    derive_job_id,
)
from runtime.clock import Clock
from runtime.errors import Conflict, NotFound, Permanent
from runtime.log import EventLog, History
from runtime.objects import ObjectStore

from gateway.domain.assets import content_of, files_of
from gateway.domain.bodies import CancelBody, FeedbackBody, ReviewBody
from gateway.domain.errors import Gone, Unavailable
from gateway.domain.job import ClipView, JobView
from gateway.domain.requests import request_digest
from gateway.domain.views import TERMINAL_STATE, job_view


class Accepted(NamedTuple):
    """A job that is in the log.

    Attributes:
        replayed: It already was, for the same key and the same request.
    """

    job_id: str
    replayed: bool


class Jobs:
    """Takes, shows and changes jobs."""

    def __init__(self, *, log: EventLog, objects: ObjectStore, clock: Clock, signed_url_ttl_s: int) -> None:
        self._log = log
        self._objects = objects
        self._clock = clock
        self._signed_url_ttl_s = signed_url_ttl_s

    async def accept(
        self, request: VideoRequest, *, tenant_id: str, key: str | None, estimate: CostEstimate | None = None
    ) -> Accepted:
        """Write a job into the log, once per idempotency key.

        Emits: JobRequested.
        Idempotent by: the job id, which the tenant and the key name.

        Raises:
            Conflict: The key named another request before.
            DependencyUnavailable: The log does not answer; the job may or may not be in it.
        """
        job_id = derive_job_id(tenant_id, key or secrets.token_hex(16))
        digest = request_digest(request)
        event = JobRequested(
            job_id=job_id,
            tenant_id=tenant_id,
            occurred_at=self._clock(),
            request=request,
            request_sha256=digest,
            source="http",
            estimate=estimate,
        )
        if await self._log.append_fact(event):
            return Accepted(job_id, replayed=False)
        await self._check_same(job_id, tenant_id, digest)
        return Accepted(job_id, replayed=True)

    async def view(self, job_id: str, *, tenant_id: str) -> JobView:
        """Show a job as the log has it now, its files with signed addresses.

        Raises:
            NotFound: The tenant has no such job.
        """
        history = await self._history(job_id, tenant_id)
        view = job_view(history.events, trace_id=history.trace_id)
        if view is None:
            raise _unknown_job()
        contents = {clip.clip_id: content_of(files_of(history.events, clip.clip_id)) for clip in view.clips}
        clips = await asyncio.gather(*(self._signed(clip, contents[clip.clip_id]) for clip in view.clips))
        return msgspec.structs.replace(view, clips=tuple(clips))

    async def cancel(self, job_id: str, body: CancelBody, *, tenant_id: str) -> None:
        """Ask for a job to stop.

        Emits: JobCancelRequested.
        Idempotent by: its write-once subject.

        Raises:
            NotFound: The tenant has no such job.
            Conflict: It has already ended.
        """
        history = await self._history(job_id, tenant_id)
        ended = next((event for event in history.events if isinstance(event, TERMINAL_EVENTS)), None)
        if ended is not None:
            raise Conflict("job.already_ended", f"The job is already {TERMINAL_STATE[type(ended)]}: nothing to stop.")
        now = self._clock()
        await self._log.append_fact(
            JobCancelRequested(job_id=job_id, tenant_id=tenant_id, occurred_at=now, reason=body.reason)
        )

    async def review(self, job_id: str, body: ReviewBody, *, tenant_id: str) -> None:
        """Take a person's decision on a clip.

        Emits: ReviewDecided.
        Idempotent by: its write-once subject.

        Raises:
            NotFound: The tenant has no such job.
            Conflict: Nobody asked about this clip, or somebody decided otherwise before.
        """
        history = await self._history(job_id, tenant_id)
        if all(asked.clip_id != body.clip_id for asked in history.all(ReviewRequested)):
            raise Conflict("review.not_requested", "No review of this clip was asked for: see reviews in the job.")
        decided = ReviewDecided(
            job_id=job_id, tenant_id=tenant_id, occurred_at=self._clock(), **msgspec.structs.asdict(body)
        )
        if await self._happens(decided, history):
            return
        before = await self._log.find(ReviewDecided, job_id, body.clip_id)
        if before is None or before.approved != body.approved:
            raise Conflict("review.already_decided", "This clip was already decided on, the other way.")

    async def feedback(self, job_id: str, body: FeedbackBody, *, tenant_id: str) -> None:
        """Take a person's rating of a clip.

        Emits: FeedbackGiven.
        Idempotent by: its write-once subject, one per clip and author.

        Raises:
            NotFound: The tenant has no such job, or the job no such clip.
            Conflict: The author rated it otherwise before.
        """
        history = await self._history(job_id, tenant_id)
        if all(clip.clip_id != body.clip_id for clip in (*history.all(ClipRequested), *history.all(ClipReused))):
            raise _unknown_clip()
        given = FeedbackGiven(
            job_id=job_id, tenant_id=tenant_id, occurred_at=self._clock(), **msgspec.structs.asdict(body)
        )
        if await self._happens(given, history):
            return
        before = await self._log.find(FeedbackGiven, job_id, body.clip_id, body.author)
        if before is None or before.rating != body.rating:
            raise Conflict("feedback.already_given", "This author already rated this clip, with another rating.")

    async def content_url(self, job_id: str, clip_id: str, *, tenant_id: str) -> str:
        """Sign an address of a clip's file: of the signed final once there is one, of the vendor's file before.

        Raises:
            NotFound: The tenant has no such job, the job no such clip, or its file has not come.
            Gone: It was deleted.
        """
        history = await self._history(job_id, tenant_id)
        if any(deleted.clip_id == clip_id for deleted in history.all(AssetDeleted)):
            raise Gone("clip.deleted", "The file of this clip was deleted on request.")
        content = content_of(files_of(history.events, clip_id))
        if content is None:
            raise _unknown_clip()
        return await self._objects.presign(content, expires_s=self._signed_url_ttl_s)

    async def _happens(self, event: ReviewDecided | FeedbackGiven, history: History) -> bool:
        """Write a fact; False where it had happened, also where the stream has forgotten it."""
        return not history.has(event) and await self._log.append_fact(event)

    async def _history(self, job_id: str, tenant_id: str) -> History:
        history = await self._log.history(job_id)
        requested = history.first(JobRequested)
        if requested is None or requested.tenant_id != tenant_id:
            raise _unknown_job()
        return history

    async def _check_same(self, job_id: str, tenant_id: str, digest: str) -> None:
        before = await self._log.find(JobRequested, job_id)
        if before is None:
            raise Unavailable("log.behind", "The job is being written right now. Send the same request again.")
        is_same = (before.request_sha256 or request_digest(before.request)) == digest
        if not is_same or before.tenant_id != tenant_id:
            raise Conflict(
                "idempotency.key_reused",
                "This Idempotency-Key already named another request. Use a fresh key for a new job.",
            )

    async def _signed(self, clip: ClipView, asset: AssetRef | None) -> ClipView:
        if clip.file is None or asset is None:
            return clip
        try:
            url = await self._objects.presign(asset, expires_s=self._signed_url_ttl_s)
        except Permanent:  # published by somebody with another bucket: the rest of the job is still worth showing
            return clip
        return msgspec.structs.replace(clip, url=url)


def _unknown_job() -> NotFound:
    return NotFound("job.unknown", "You have no job of this id. Job ids begin with job_ and never change.")


def _unknown_clip() -> NotFound:
    return NotFound("clip.unknown", "The job has no such clip, or its file has not come yet: see clips in the job.")
