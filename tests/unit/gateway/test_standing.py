"""Which jobs stand still although nothing explains it, whom that is told, and what of a job the log lost."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from dailies_contracts import (
    AnyEvent,
    ClipWithdrawn,
    JobCancelRequested,
    subject_of,
)
from dailies_contracts.events import ReviewRequested
from gateway.domain.standing import Around, Fact, Nudge, lost_facts, next_look, nudges, unsure_clips
from msgspec.structs import replace
from testkit.builders import (
    JOB,
    NOW,
    clip_failed,
    clip_ready,
    clip_scored,
    clip_settled,
    job_requested,
    prompt_compiled,
    provider_submitted,
)
from testkit.stories import (
    clip_requested,
    job_cancelled,
    job_failed,
    promoted_job,
    review_decided,
    review_requested,
)

REQUESTED = job_requested()
COMPILED = prompt_compiled()
DRAFT = clip_requested()
EVERYTHING = {
    "compiler-job_requested": 100,
    "router": 100,
    "router-job_requested": 100,
    "provider-workers-kling-clip_requested": 100,
    "evaluator-clip_ready": 100,
}
DEADLINE = f"timers.at.router.deadline.{JOB}"


def facts(*events: AnyEvent) -> list[Fact]:
    return [Fact(event, subject_of(event), sequence) for sequence, event in enumerate(events, start=1)]


def told(
    *events: AnyEvent,
    handled: dict[str, int] | None = None,
    timers: Iterable[str] = (DEADLINE,),
    is_patient: bool = True,
) -> list[Nudge]:
    around = Around(EVERYTHING if handled is None else handled, frozenset(timers))
    return list(nudges(facts(*events), around, is_patient=is_patient))


def test_a_request_that_the_compiler_passed_over_is_handed_to_it_again() -> None:
    (nudge,) = told(REQUESTED)
    assert nudge == Nudge(
        reason="not_compiled",
        service="compiler",
        timer="redeliver",
        key=JOB,
        consumer="compiler-job_requested",
        event=REQUESTED,
    )


def test_a_lost_deadline_is_set_again() -> None:
    (nudge,) = told(REQUESTED, COMPILED, DRAFT, timers=[f"timers.at.provider-workers-kling.poll.{DRAFT.clip_id}"])
    assert (nudge.reason, nudge.service, nudge.consumer) == ("no_deadline", "router", "router-job_requested")


def test_a_clip_that_nobody_follows_is_looked_at_by_its_vendors_worker() -> None:
    for events in ((REQUESTED, COMPILED, DRAFT), (REQUESTED, COMPILED, DRAFT, provider_submitted(DRAFT))):
        (nudge,) = told(*events)
        assert nudge == Nudge(
            reason="clip_not_followed", service="provider-workers-kling", timer="poll", key=DRAFT.clip_id
        )


@pytest.mark.parametrize("when", ["at", "due"])
def test_a_clip_with_a_poll_to_come_is_explained(when: str) -> None:
    assert (
        told(
            REQUESTED, COMPILED, DRAFT, timers=[DEADLINE, f"timers.{when}.provider-workers-kling.poll.{DRAFT.clip_id}"]
        )
        == []
    )


def test_a_clip_that_shares_a_request_is_followed_by_the_one_that_leads_it() -> None:
    led = replace(clip_requested(attempt=2), sample_of=DRAFT.clip_id, sample=1)
    assert [each.key for each in told(REQUESTED, COMPILED, led, DRAFT)] == [DRAFT.clip_id]
    assert [each.key for each in told(REQUESTED, COMPILED, led, DRAFT, clip_failed(DRAFT))] == [led.clip_id]


def test_a_clip_that_nobody_scored_goes_to_the_evaluator_again() -> None:
    ready = clip_ready(DRAFT)
    (nudge,) = told(REQUESTED, COMPILED, DRAFT, ready)
    assert (nudge.reason, nudge.service, nudge.consumer, nudge.key, nudge.event) == (
        "clip_not_scored",
        "evaluator",
        "evaluator-clip_ready",
        DRAFT.clip_id,
        ready,
    )


@pytest.mark.parametrize(
    "events",
    [
        (REQUESTED, COMPILED),
        (REQUESTED, COMPILED, DRAFT, clip_ready(DRAFT), clip_scored(DRAFT)),
        (REQUESTED, COMPILED, DRAFT, clip_failed(DRAFT)),
        (
            REQUESTED,
            COMPILED,
            DRAFT,
            clip_ready(DRAFT),
            clip_scored(DRAFT),
            review_requested(DRAFT),
            review_decided(DRAFT),
        ),
    ],
)
def test_a_job_that_waits_for_nobody_but_the_router_is_looked_at_by_it(events: tuple[AnyEvent, ...]) -> None:
    assert told(*events) == [Nudge(reason="not_decided", service="router", timer="look", key=JOB)]
    assert told(*events, timers=[DEADLINE, f"timers.at.router.look.{JOB}"]) == [], "it will look by itself"


def test_a_job_that_is_to_be_cancelled_is_looked_at_whatever_is_rendered() -> None:
    asked = JobCancelRequested(job_id=JOB, tenant_id="acme", occurred_at=NOW)
    timers = [DEADLINE, f"timers.at.provider-workers-kling.poll.{DRAFT.clip_id}"]
    assert [each.reason for each in told(REQUESTED, COMPILED, DRAFT, asked, timers=timers)] == ["not_decided"]


def test_a_clip_that_the_job_goes_on_without_does_not_keep_the_router_waiting() -> None:
    about = {name: getattr(DRAFT, name) for name in ("job_id", "tenant_id", "clip_id", "provider", "model", "stage")}
    withdrawn = ClipWithdrawn(**about, occurred_at=NOW)
    assert {each.reason for each in told(REQUESTED, COMPILED, DRAFT, withdrawn)} == {"clip_not_followed", "not_decided"}


def test_a_person_may_take_their_time() -> None:
    reviewing = (REQUESTED, COMPILED, DRAFT, clip_ready(DRAFT), clip_scored(DRAFT), review_requested(DRAFT))
    assert isinstance(reviewing[-1], ReviewRequested)
    assert told(*reviewing) == []


@pytest.mark.parametrize("end", [job_cancelled(REQUESTED), job_failed(REQUESTED)])
def test_of_a_job_that_ended_only_what_may_be_billed_is_followed(end: AnyEvent) -> None:
    submitted, late = provider_submitted(DRAFT), clip_failed(DRAFT, kind="timed_out", may_still_bill=True)
    for events, reason in (
        ((DRAFT,), "clip_not_followed"),
        ((DRAFT, submitted), "clip_not_followed"),
        ((DRAFT, submitted, late), "clip_not_watched"),
    ):
        assert [each.reason for each in told(REQUESTED, COMPILED, *events, end, timers=())] == [reason]
    for events in ((), (DRAFT, clip_ready(DRAFT)), (DRAFT, submitted, late, clip_settled(DRAFT))):
        assert told(REQUESTED, COMPILED, *events, end, timers=()) == []
    assert told(*promoted_job(), timers=()) == []
    assert told(COMPILED) == [], "it was never requested, or its words were erased"


def test_a_clip_that_was_given_up_is_watched_until_its_bill_is_known() -> None:
    given_up = (DRAFT, provider_submitted(DRAFT), clip_failed(DRAFT, kind="timed_out", may_still_bill=True))
    (nudge,) = (each for each in told(REQUESTED, COMPILED, *given_up) if each.service != "router")
    assert nudge == Nudge("clip_not_watched", "provider-workers-kling", "watch", DRAFT.clip_id)
    for timer in ("at.provider-workers-kling.watch", "due.provider-workers-kling.poll"):
        explained = told(REQUESTED, COMPILED, *given_up, timers=[DEADLINE, f"timers.{timer}.{DRAFT.clip_id}"])
        assert [each.service for each in explained] == ["router"]


def test_a_clip_that_no_vendor_is_known_to_have_is_for_a_person_to_settle() -> None:
    unknown = clip_failed(DRAFT, kind="outcome_unknown", may_still_bill=True)
    assert told(REQUESTED, COMPILED, DRAFT, unknown, job_failed(REQUESTED), timers=()) == []


@pytest.mark.parametrize("number", range(1, len(promoted_job())))
def test_what_a_consumer_has_not_come_to_is_explained_but_not_for_ever(number: int) -> None:
    story = promoted_job()[:number]
    assert told(*story, handled={}, timers=()) == []
    assert told(*story, handled={}, timers=(), is_patient=False)


def test_the_longer_a_job_stands_the_rarer_it_is_looked_at() -> None:
    at, patience = NOW, timedelta(minutes=5)
    looks = []
    while len(looks) < 12:
        at = next_look(at, stands_since=NOW, patience=patience)
        looks.append((at - NOW) // timedelta(minutes=1))
    assert looks == [5, 10, 20, 40, 80, 140, 200, 260, 320, 380, 440, 500]


def test_what_the_log_lost_is_what_it_has_not() -> None:
    known = facts(REQUESTED, COMPILED, DRAFT)
    assert lost_facts(known, []) == known
    assert lost_facts(known, known[:1]) == known[1:]
    assert lost_facts(known, facts(REQUESTED, COMPILED, DRAFT, clip_ready(DRAFT))) == []


def test_nothing_is_written_again_of_a_job_that_ended_or_was_asked_for_anew() -> None:
    known = facts(REQUESTED, COMPILED, DRAFT)
    assert lost_facts(known, facts(REQUESTED, job_cancelled(REQUESTED))) == []
    assert lost_facts(known, facts(job_requested(prompt="something else"))) == []
    assert lost_facts(known, facts(job_requested(at=NOW + timedelta(hours=1)))) == known[1:], "the same once more"
    assert lost_facts(facts(REQUESTED, job_failed(REQUESTED)), []) == [], "it had ended"
    assert lost_facts(facts(COMPILED), []) == [], "nobody knows what was asked for"


def test_a_clip_whose_intent_may_be_lost_is_not_sent_again() -> None:
    sent, failed, late = (clip_requested(attempt=number) for number in (2, 3, 4))
    late = replace(late, occurred_at=NOW + timedelta(hours=1))
    led = replace(clip_requested(attempt=5), sample_of=DRAFT.clip_id, sample=1)
    known = facts(REQUESTED, COMPILED, led, DRAFT, sent, provider_submitted(sent), failed, clip_failed(failed), late)
    since = NOW + timedelta(minutes=1)
    unsure = unsure_clips(known, now=since, intents_since=since)
    assert {each.clip_id for each in unsure} == {DRAFT.clip_id, led.clip_id}
    assert {(each.kind, each.may_still_bill, each.charged_usd_micros) for each in unsure} == {
        ("outcome_unknown", True, 0)
    }
    assert {each.sample_of for each in unsure} == {None, DRAFT.clip_id}
    assert unsure_clips(known, now=since, intents_since=NOW - timedelta(days=1)) == ()
    assert len(unsure_clips(known, now=since, intents_since=None)) == 3, "the bucket is gone"
