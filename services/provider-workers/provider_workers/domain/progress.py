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
from msgspec.structs import replace

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
        is_led: Another clip's request orders this one too, and brings it to the vendor.
        followers: The clips that are ordered with this one's request.
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
    is_led: bool = False
    followers: tuple["Clip", ...] = ()

    @property
    def clip_id(self) -> str:
        """Id of the clip."""
        return self.request.clip_id

    @property
    def party(self) -> tuple["Clip", ...]:
        """Everyone whom its request orders, itself last: as long as it has not ended, somebody looks after all."""
        return (*self.followers, self)

    @property
    def reference(self) -> str:
        """Names its request at the vendor: the clip that leads it."""
        return self.request.sample_of if self.is_led and self.request.sample_of else self.request.clip_id

    @property
    def sample(self) -> int:
        """Which of its task's clips it is."""
        return self.request.sample if self.is_led else 0

    @property
    def claim(self) -> Claim:
        """The clip as one that holds a slot, or wants one; vendors count tasks, so a shared request needs one slot."""
        request = self.request
        return Claim(
            clip_id=self.reference,
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
        """Nothing new is submitted for it, nor for those that are ordered with it."""
        return self.job_over or all(each.is_withdrawn for each in self.party)

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


def clip_of(
    events: Iterable[AnyEvent], clip_id: str, *, last_sequence: int, takes_samples: bool = False
) -> Clip | None:
    """Fold a job's history into one of its clips, None where it was never requested.

    Args:
        events: The history.
        clip_id: The clip.
        last_sequence: Of the history.
        takes_samples: Clips that may share a request do.
    """
    known = tuple(events)
    request = _first(known, ClipRequested, clip_id)
    if request is None:
        return None
    clip = _alone(known, request, last_sequence)
    if not takes_samples:
        return clip
    if request.sample_of is not None:
        return replace(clip, is_led=True)
    led = (event for event in known if isinstance(event, ClipRequested) and event.sample_of == clip_id)
    followers = tuple(replace(_alone(known, each, last_sequence), is_led=True) for each in led)
    return replace(clip, followers=followers)


def _alone(known: tuple[AnyEvent, ...], request: ClipRequested, last_sequence: int) -> Clip:
    clip_id = request.clip_id
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
