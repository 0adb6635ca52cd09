"""What has become of one clip so far, folded from its job's history."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

import msgspec
from dailies_contracts import (
    AnyEvent,
    ClipEvent,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipSettled,
    ClipWithdrawn,
    JobCancelled,
    JobCompleted,
    JobFailed,
    ProviderSubmitted,
)

from provider_workers.domain.adapter import TaskRef
from provider_workers.domain.turns import Claim

E = TypeVar("E", bound=ClipEvent)


class Phase(StrEnum):
    """What the worker owes the clip."""

    OPEN = "open"  # not known to be submitted
    SUBMITTED = "submitted"  # the vendor works on it
    GIVEN_UP = "given_up"  # failed for the job, but the vendor may still bill
    ENDED = "ended"  # nothing is left to do


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """One clip and every fact about it.

    Attributes:
        request: The router's order.
        last_sequence: Of the history that was read; a fact that ends the clip expects it.
        job_unwanted: The job was cancelled or failed: a clip of it is worth nothing any more.
        job_over: The job has ended in any way: nothing new is submitted.
        is_withdrawn: The job goes on without it: it is not submitted any more.
    """

    request: ClipRequested
    last_sequence: int
    submitted: ProviderSubmitted | None = None
    ready: ClipReady | None = None
    failed: ClipFailed | None = None
    settled: ClipSettled | None = None
    job_unwanted: bool = False
    job_over: bool = False
    is_withdrawn: bool = False

    @property
    def clip_id(self) -> str:
        """Id of the clip."""
        return self.request.clip_id

    @property
    def claim(self) -> Claim:
        """The clip as one that holds a slot, or wants one."""
        request = self.request
        return Claim(
            clip_id=request.clip_id,
            job_id=request.job_id,
            tenant_id=request.tenant_id,
            model=request.model,
            in_batch=request.priority == "batch",
        )

    @property
    def phase(self) -> Phase:
        """What the worker owes the clip now."""
        if self.ready is not None or self.settled is not None:
            return Phase.ENDED
        if self.failed is not None:
            return Phase.GIVEN_UP if self.failed.may_still_bill else Phase.ENDED
        return Phase.OPEN if self.submitted is None else Phase.SUBMITTED

    @property
    def is_not_wanted(self) -> bool:
        """Nothing new is submitted for it."""
        return self.job_over or self.is_withdrawn

    @property
    def has_end(self) -> bool:
        """ClipReady or ClipFailed is written."""
        return self.ready is not None or self.failed is not None

    def task(self, submitted: ProviderSubmitted) -> TaskRef:
        """Name the vendor's task."""
        return self.task_of(submitted.provider_task_id)

    def task_of(self, provider_task_id: str) -> TaskRef:
        """Name a task of the vendor that is, or is said to be, this clip's."""
        return TaskRef(provider_task_id, model=self.request.model, from_image=self.request.first_frame is not None)


def clip_of(events: Iterable[AnyEvent], clip_id: str, *, last_sequence: int) -> Clip | None:
    """Fold a job's history into one of its clips, None where it was never requested."""
    known = tuple(events)
    request = _first(known, ClipRequested, clip_id)
    if request is None:
        return None
    return Clip(
        request=request,
        last_sequence=last_sequence,
        submitted=_first(known, ProviderSubmitted, clip_id),
        ready=_first(known, ClipReady, clip_id),
        failed=_first(known, ClipFailed, clip_id),
        settled=_first(known, ClipSettled, clip_id),
        job_unwanted=any(isinstance(event, JobCancelled | JobFailed) for event in known),
        job_over=any(isinstance(event, JobCancelled | JobFailed | JobCompleted) for event in known),
        is_withdrawn=_first(known, ClipWithdrawn, clip_id) is not None,
    )


def _first(events: tuple[AnyEvent, ...], kind: type[E], clip_id: str) -> E | None:
    return next((event for event in events if isinstance(event, kind) and event.clip_id == clip_id), None)
