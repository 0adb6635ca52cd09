"""Jobs that stand still: what explains it, who is to look at them where nothing does, and what the log lost. Pure.

A job waits for the compiler, a vendor's worker, the evaluator, a person or the router. Each of them either has yet to
come to the fact that it waits on, or has a timer set, or has passed it over: then it is told once more.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from dailies_contracts import (
    TERMINAL_EVENTS,
    AnyEvent,
    ClipEvent,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipScored,
    ClipSettled,
    ClipWithdrawn,
    JobCancelRequested,
    JobRequested,
    PromptCompiled,
    ProviderSubmitted,
    ReviewDecided,
    ReviewRequested,
)

Reason = Literal[
    "log_lost", "not_compiled", "no_deadline", "clip_not_followed", "clip_not_watched", "clip_not_scored", "not_decided"
]
REDELIVER = "redeliver"
"""The timer on which every service takes a message back."""
LONGEST_PATIENCES = 12
"""A job is looked at after growing times, up to so many times the first one: an hour instead of five minutes."""
ROUTED = (PromptCompiled, ClipFailed, ClipScored, ClipSettled, ReviewDecided, JobCancelRequested)
"""What the router decides on."""
CODE, MESSAGE = "provider.outcome_unknown", "It is not known whether the vendor accepted the clip."


class Fact(NamedTuple):
    """One fact about a job.

    Attributes:
        subject: What it was published on.
        sequence: Its place in the stream.
    """

    event: AnyEvent
    subject: str
    sequence: int


class Around(NamedTuple):
    """What explains that a job stands still.

    Attributes:
        handled: By durable consumer, up to where it has acknowledged the stream.
        timers: Subjects of timers about the job or its clips that are set, or went off and are not handled.
    """

    handled: Mapping[str, int]
    timers: Collection[str]


class Nudge(NamedTuple):
    """A timer that makes a service look at a job.

    Attributes:
        service: Whose timer.
        timer: Its name.
        key: What it is about: the job or a clip.
        consumer: Which one passed the event over, where the timer hands it back.
        event: What is handed back.
    """

    reason: Reason
    service: str
    timer: str
    key: str
    consumer: str = ""
    event: AnyEvent | None = None


class _Wait(NamedTuple):
    """Somebody whom the job waits for.

    Attributes:
        nudge: How to tell them once more.
        consumer: Their place in the stream.
        since: The fact that they react to, by its place in the stream.
        timers: Names of timers of theirs that explain the wait.
    """

    nudge: Nudge
    consumer: str
    since: int
    timers: tuple[str, ...]


def nudges(facts: Sequence[Fact], around: Around, *, is_patient: bool) -> tuple[Nudge, ...]:
    """Say who is to look at a job because nobody will by themselves.

    Args:
        facts: Its history.
        around: What may explain that it stands still.
        is_patient: Wait for a consumer that has not come to the job's facts.

    Returns:
        Empty where everything is explained. Of a job that has ended, what vendors may still bill is all that counts.
    """
    requested = next((each for each in facts if isinstance(each.event, JobRequested)), None)
    if requested is None:
        return ()
    waits = (*_of_open_clips(facts), *_of_bills(facts))
    if not _has_ended(facts):
        waits += (*_of_job(facts, requested), *_of_scores(facts), *_of_router(facts, requested.event.job_id))
    return tuple(each.nudge for each in waits if not _is_explained(each, around, is_patient=is_patient))


def next_look(now: datetime, *, stands_since: datetime, patience: timedelta) -> datetime:
    """Say when to look at a job again if it still stands: after twice the time that it has stood."""
    return now + max(patience, min(now - stands_since, LONGEST_PATIENCES * patience))


def is_patient(now: datetime, *, stands_since: datetime, patience: timedelta) -> bool:
    """Tell whether a consumer that has not come to a job may still be waited for: an hour, not for ever."""
    return now - stands_since < LONGEST_PATIENCES * patience


def lost_facts(known: Sequence[Fact], here: Sequence[Fact]) -> list[Fact]:
    """Say what of a running job the log has lost.

    Args:
        known: What it once had, in order.
        here: What it has.

    Returns:
        What is to be written again, in order; empty where the job has ended, or was asked for otherwise since.
    """
    if _has_ended(known) or _has_ended(here):
        return []
    first, now = _request_of(known), _request_of(here)
    if first is None or (now is not None and now.request != first.request):
        return []
    subjects = {each.subject for each in here}
    return [each for each in known if each.subject not in subjects]


def unsure_clips(facts: Sequence[Fact], *, now: datetime, intents_since: datetime | None) -> tuple[ClipFailed, ...]:
    """Tell of clips that may have been sent although neither log nor intent says so: nobody may send them again.

    Args:
        facts: Of a job that the log lost.
        now: The time.
        intents_since: When the record of intents began; None: there is none any more.
    """
    told = {each.event.clip_id for each in facts if isinstance(each.event, ProviderSubmitted | ClipReady | ClipFailed)}
    orders = [each.event for each in facts if isinstance(each.event, ClipRequested)]
    return tuple(
        _unknown(order, now)
        for order in orders
        if order.clip_id not in told and (intents_since is None or order.occurred_at < intents_since)
    )


def _of_job(facts: Sequence[Fact], requested: Fact) -> Iterator[_Wait]:
    yield _handed_back("no_deadline", "router", requested, key=requested.event.job_id, timers=("deadline",))
    if not any(isinstance(each.event, PromptCompiled) for each in facts):
        yield _handed_back("not_compiled", "compiler", requested, key=requested.event.job_id)


def _of_open_clips(facts: Sequence[Fact]) -> Iterator[_Wait]:
    ordered = {each.event.clip_id: each for each in facts if isinstance(each.event, ClipRequested)}
    open_clips = ordered.keys() - _ended_clips(facts)
    for clip_id, fact in ordered.items():
        order = fact.event
        if isinstance(order, ClipRequested) and clip_id in open_clips and order.sample_of not in open_clips:
            yield _at_worker("clip_not_followed", "poll", order, since=fact.sequence, timers=("poll",))


def _of_bills(facts: Sequence[Fact]) -> Iterator[_Wait]:
    """Clips that were given up while a vendor had them: it may still bill them."""
    submitted = {each.event.clip_id for each in facts if isinstance(each.event, ProviderSubmitted)}
    settled = {each.event.clip_id for each in facts if isinstance(each.event, ClipSettled)}
    for fact in facts:
        failed = fact.event
        # A clip of unknown outcome has no task to ask about, and not every vendor can look one up.
        if isinstance(failed, ClipFailed) and failed.may_still_bill and failed.clip_id in submitted - settled:
            yield _at_worker("clip_not_watched", "watch", failed, since=0, timers=("watch", "poll"))


def _of_scores(facts: Sequence[Fact]) -> Iterator[_Wait]:
    scored = {each.event.clip_id for each in facts if isinstance(each.event, ClipScored)}
    for fact in facts:
        if isinstance(fact.event, ClipReady) and fact.event.clip_id not in scored:
            yield _handed_back("clip_not_scored", "evaluator", fact, key=fact.event.clip_id)


def _of_router(facts: Sequence[Fact], job_id: str) -> Iterator[_Wait]:
    routed = [each.sequence for each in facts if isinstance(each.event, ROUTED)]
    cancelling = any(isinstance(each.event, JobCancelRequested) for each in facts)
    if routed and (cancelling or not (_is_rendering(facts) or _is_with_a_person(facts))):
        yield _Wait(Nudge("not_decided", "router", "look", job_id), "router", max(routed), ("look",))


def _is_rendering(facts: Sequence[Fact]) -> bool:
    """Tell whether a clip is to come or to be scored that the job still wants."""
    ordered = {each.event.clip_id for each in facts if isinstance(each.event, ClipRequested)}
    done = {each.event.clip_id for each in facts if isinstance(each.event, ClipScored | ClipFailed | ClipWithdrawn)}
    return bool(ordered - done)


def _is_with_a_person(facts: Sequence[Fact]) -> bool:
    asked = {each.event.clip_id for each in facts if isinstance(each.event, ReviewRequested)}
    return bool(asked - {each.event.clip_id for each in facts if isinstance(each.event, ReviewDecided)})


def _handed_back(reason: Reason, service: str, fact: Fact, *, key: str, timers: tuple[str, ...] = ()) -> _Wait:
    consumer = f"{service}-{fact.event.FACT}"
    return _Wait(
        Nudge(reason, service, REDELIVER, key, consumer, fact.event), consumer, fact.sequence, (*timers, REDELIVER)
    )


def _at_worker(reason: Reason, timer: str, clip: ClipEvent, *, since: int, timers: tuple[str, ...]) -> _Wait:
    service = f"provider-workers-{clip.provider}"
    return _Wait(Nudge(reason, service, timer, clip.clip_id), f"{service}-{ClipRequested.FACT}", since, timers)


def _is_explained(wait: _Wait, around: Around, *, is_patient: bool) -> bool:
    service, key = wait.nudge.service, wait.nudge.key
    if any(f"timers.{when}.{service}.{name}.{key}" in around.timers for name in wait.timers for when in ("at", "due")):
        return True
    return is_patient and around.handled.get(wait.consumer, 0) < wait.since


def _ended_clips(facts: Sequence[Fact]) -> set[str]:
    return {each.event.clip_id for each in facts if isinstance(each.event, ClipReady | ClipFailed)}


def _has_ended(facts: Sequence[Fact]) -> bool:
    return any(isinstance(each.event, TERMINAL_EVENTS) for each in facts)


def _request_of(facts: Sequence[Fact]) -> JobRequested | None:
    return next((each.event for each in facts if isinstance(each.event, JobRequested)), None)


def _unknown(order: ClipRequested, now: datetime) -> ClipFailed:
    return ClipFailed(
        job_id=order.job_id,
        tenant_id=order.tenant_id,
        occurred_at=now,
        clip_id=order.clip_id,
        provider=order.provider,
        model=order.model,
        stage=order.stage,
        kind="outcome_unknown",
        code=CODE,
        message=MESSAGE,
        may_still_bill=True,
        sample_of=order.sample_of,
    )
