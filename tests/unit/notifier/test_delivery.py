"""How far an endpoint has been told, and what comes next."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from notifier.domain.delivery import (
    Delivery,
    Held,
    Idle,
    Rest,
    Rules,
    Stopped,
    Tell,
    Wait,
    Waiting,
    after,
    held,
    next_step,
    pending_of,
    released,
)
from notifier.domain.endpoints import Endpoint
from notifier.domain.notifications import notifications
from notifier.domain.outcomes import Accepted, Failed, Gone, Outcome, Rejected, Schedule
from testkit.stories import promoted_job

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=25)
ALL = notifications(promoted_job())
ENDPOINT = Endpoint("ep_1", "acme", "https://a.example/", ())
RULES = Rules(Schedule((5, 300), jitter=0.0), skip_exhausted=False)
HELD = Held(holder="other", until=LATER)
MINE = Held(holder="me", until=LATER)


def following(outcome: Outcome, delivery: Held = MINE, rules: Rules = RULES) -> Delivery:
    return after(delivery, ALL[delivery.told], outcome, rules=rules, now=NOW, draw=0.0)


def test_a_new_endpoint_is_told_everything_in_order() -> None:
    assert next_step(Idle(), pending_of(Idle(), ALL, ENDPOINT), me="me", now=NOW) == Tell(ALL)


def test_what_was_told_is_not_pending() -> None:
    assert pending_of(Idle(told=10), ALL, ENDPOINT) == ALL[10:]


def test_with_nothing_pending_there_is_nothing_to_do() -> None:
    assert next_step(Idle(told=12), (), me="me", now=NOW) == Rest()
    assert next_step(Waiting(told=12, next_at=LATER, reason="http.500"), (), me="me", now=NOW) == Rest()


def test_latest_only_skips_what_was_overtaken() -> None:
    assert pending_of(Idle(told=2), ALL, ENDPOINT._replace(latest_only=True)) == ALL[-1:]


def test_a_held_record_is_waited_for_even_where_nothing_is_pending_yet() -> None:
    assert next_step(HELD, ALL, me="me", now=NOW) == Wait(LATER)
    assert next_step(HELD, (), me="me", now=NOW) == Wait(LATER)


def test_a_record_whose_holder_died_is_taken_over() -> None:
    assert next_step(HELD, ALL, me="me", now=LATER) == Tell(ALL)


def test_a_record_that_this_process_left_held_is_taken_up_at_once() -> None:
    assert next_step(MINE, ALL, me="me", now=NOW) == Tell(ALL)
    assert next_step(MINE, (), me="me", now=NOW) == Rest()


def test_a_failed_delivery_rests_until_its_next_attempt() -> None:
    waiting = Waiting(next_at=LATER, reason="http.500", n_failures=1)
    assert next_step(waiting, ALL, me="me", now=NOW) == Wait(LATER)
    assert next_step(waiting, ALL, me="me", now=LATER) == Tell(ALL)
    assert held(waiting, holder="me", until=LATER).n_failures == 1


def test_an_accepted_notification_is_told_and_its_failures_forgotten() -> None:
    done = following(Accepted("http.204"), Held(told=3, n_failures=2, holder="me", until=LATER))
    assert isinstance(done, Held)
    assert released(done) == Idle(told=4)


def test_a_failure_waits_and_tells_nothing_further() -> None:
    assert following(Failed("http.500")) == Waiting(
        told=0, n_failures=1, next_at=NOW + timedelta(seconds=5), reason="http.500"
    )


def test_after_the_last_attempt_the_job_is_given_up_with_the_reason() -> None:
    spent = Held(told=3, n_failures=2, holder="me", until=LATER)
    assert following(Failed("http.500"), spent) == Stopped(
        told=3, n_failures=3, at=NOW, reason="exhausted after http.500"
    )


def test_after_the_last_attempt_the_next_notification_follows_where_configured() -> None:
    spent = Held(told=3, n_failures=2, holder="me", until=LATER)
    assert following(Failed("http.500"), spent, RULES._replace(skip_exhausted=True)) == Held(
        told=4, holder="me", until=LATER
    )


def test_gone_and_forbidden_addresses_stop_at_once() -> None:
    for outcome in (Gone("http.410"), Rejected("webhook.address_refused")):
        stopped = following(outcome)
        assert isinstance(stopped, Stopped)
        assert next_step(stopped, ALL, me="me", now=LATER) == Rest()


def test_every_phase_survives_its_record() -> None:
    phases = (Idle(told=1), HELD, Waiting(next_at=NOW, reason="x"), Stopped(at=NOW, reason="y"))
    for phase in phases:
        assert msgspec.json.decode(msgspec.json.encode(phase), type=Delivery) == phase


OUTCOMES = st.sampled_from([Accepted("http.204"), Failed("http.500"), Failed("webhook.timed_out", 60.0)])


@given(st.lists(OUTCOMES, max_size=60), st.booleans())
def test_no_notification_overtakes_an_earlier_one(outcomes: list[Outcome], skip: bool) -> None:
    delivery: Delivery = Idle()
    told: list[int] = []
    for outcome in outcomes:
        pending = pending_of(delivery, ALL, ENDPOINT)
        if not pending or isinstance(delivery, Stopped):
            break
        mine = held(delivery, holder="me", until=LATER)
        delivery = after(mine, pending[0], outcome, rules=RULES._replace(skip_exhausted=skip), now=NOW, draw=0.0)
        if isinstance(outcome, Accepted):
            told.append(pending[0].sequence)
    assert told == sorted(set(told))
    assert skip or told == list(range(1, len(told) + 1))
