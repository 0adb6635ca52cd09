"""An endpoint that fails for days is disabled; one that works now and then is not."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from notifier.domain.outcomes import Accepted, Failed, Gone, Outcome, Rejected
from notifier.domain.standing import GOOD, UNSENT, Standing, standing_after

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PATIENCE = timedelta(days=5)
FAILED, OK = Failed("http.500"), Accepted("http.204")


def after(*outcomes: tuple[float, Outcome]) -> Standing:
    """Hours from the beginning, and what came."""
    standing = GOOD
    for hours, outcome in outcomes:
        standing = standing_after(standing, outcome, now=NOW + timedelta(hours=hours), patience=PATIENCE)
    return standing


def test_days_of_failure_disable_it_with_the_last_reason() -> None:
    standing = after(*((hours, FAILED) for hours in range(0, 121, 10)))
    assert standing.disabled_at == NOW + timedelta(days=5)
    assert standing.reason == "failing for days, last http.500"


def test_one_success_begins_anew() -> None:
    failures = [(hours, FAILED) for hours in range(0, 200, 10)]
    assert after(*failures[:11], (105, OK), *failures[11:]).disabled_at is None
    assert after((0, FAILED), (1, OK)) == GOOD


def test_failures_with_silence_between_are_not_days_of_failure() -> None:
    assert after((0, FAILED), (24 * 6, FAILED)).disabled_at is None


def test_gone_disables_at_once_and_keeps_its_first_time() -> None:
    standing = after((0, Gone("http.410")), (1, Gone("http.410")))
    assert (standing.disabled_at, standing.reason) == (NOW, "http.410")


def test_what_says_nothing_about_the_endpoint_changes_nothing() -> None:
    failing = after((0, FAILED))
    for outcome in (Failed(UNSENT), Rejected("webhook.address_refused")):
        assert standing_after(failing, outcome, now=NOW + timedelta(days=9), patience=PATIENCE) is failing


@given(st.lists(st.sampled_from([FAILED, OK]), max_size=300))
def test_an_endpoint_is_written_about_a_few_times_a_day_at_most_while_it_only_fails(outcomes: list[Outcome]) -> None:
    standing, n_writes, n_changes, before = GOOD, 0, 0, OK
    for n, outcome in enumerate(outcomes):
        new = standing_after(standing, outcome, now=NOW + timedelta(minutes=10 * n), patience=PATIENCE)
        n_writes += new is not standing
        n_changes += (outcome is FAILED) != (before is FAILED)
        standing, before = new, outcome
    assert n_writes <= n_changes + len(outcomes) / 36 + 1
