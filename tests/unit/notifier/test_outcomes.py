"""What an answer means, and when a failed attempt is repeated."""

from datetime import UTC, datetime, timedelta

import pytest
from notifier.domain.outcomes import MAX_RETRY_AFTER_S, Accepted, Failed, Gone, Outcome, Schedule, outcome_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DELAYS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Accepted("http.200")),
        (204, Accepted("http.204")),
        (410, Gone("http.410")),
        (301, Failed("webhook.redirected")),
        (307, Failed("webhook.redirected")),
        (404, Failed("http.404")),
        (429, Failed("http.429")),
        (500, Failed("http.500")),
    ],
)
def test_only_success_and_gone_are_final(status: int, outcome: Outcome) -> None:
    assert outcome_of(status, None, now=NOW) == outcome


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("999999999999", MAX_RETRY_AFTER_S),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("²", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date_and_capped(header: str, wait_s: float | None) -> None:
    assert outcome_of(503, header, now=NOW) == Failed("http.503", wait_s)


def wait_s(n_failures: int, *, retry_after_s: float | None = None, draw: float = 0.0) -> float | None:
    schedule = Schedule(DELAYS_S, jitter=0.2)
    at = schedule.next_at(n_failures, now=NOW, retry_after_s=retry_after_s, draw=draw)
    return None if at is None else (at - NOW) / timedelta(seconds=1)


def test_waits_follow_the_schedule_and_end() -> None:
    assert [wait_s(n) for n in range(1, 9)] == [*DELAYS_S, None]


def test_jitter_only_lengthens_a_wait_and_by_its_share() -> None:
    assert wait_s(2, draw=0.5) == pytest.approx(330)
    assert wait_s(2, draw=0.999) < 360.0  # type: ignore[operator]


def test_retry_after_lengthens_a_wait_and_never_shortens_it() -> None:
    assert wait_s(1, retry_after_s=60) == 60
    assert wait_s(2, retry_after_s=60) == 300
