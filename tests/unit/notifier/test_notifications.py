"""What the owner of a job is told, and in which order."""

from itertools import pairwise

import pytest
from dailies_contracts import AnyEvent
from hypothesis import given
from hypothesis import strategies as st
from notifier.domain.notifications import notifications
from notifier.domain.public_state import TERMINAL_STATES
from testkit.builders import clip_failed, clip_ready, clip_scored, job_requested
from testkit.stories import (
    clip_requested,
    job_cancelled,
    job_completed,
    job_failed,
    promoted_job,
    review_decided,
    review_requested,
)

KLING = clip_requested()
VEO = clip_requested(provider="veo", attempt=2)
REQUESTED = job_requested()


def types_of(*events: AnyEvent) -> list[str]:
    return [each.type for each in notifications(events)]


def test_a_promoted_job_is_told_from_queued_to_ready() -> None:
    assert types_of(*promoted_job()) == [
        "job.queued",
        "job.generating",
        "clip.ready",
        "clip.scored",
        "clip.ready",
        "job.evaluating",
        "clip.scored",
        "job.generating",
        "clip.ready",
        "job.evaluating",
        "clip.scored",
        "job.ready",
    ]


def test_each_notification_says_the_state_at_its_point() -> None:
    states = [each.state for each in notifications(promoted_job())]
    assert states[:4] == ["queued", "generating", "generating", "generating"]
    assert states[-1] == "ready"


@pytest.mark.parametrize(
    ("end", "last"), [(job_failed(REQUESTED), "job.failed"), (job_cancelled(REQUESTED), "job.cancelled")]
)
def test_a_job_that_ends_early_is_told_its_end_last(end: AnyEvent, last: str) -> None:
    assert types_of(REQUESTED, KLING, end, clip_ready(KLING), job_completed(KLING))[-1] == last


def test_a_failed_draft_beside_a_finished_one_leaves_the_job_evaluating() -> None:
    assert types_of(REQUESTED, KLING, VEO, clip_ready(KLING), clip_failed(VEO))[-1] == "job.evaluating"


def test_a_clip_that_failed_alone_leaves_the_job_generating() -> None:
    assert types_of(REQUESTED, KLING, clip_failed(KLING)) == ["job.queued", "job.generating"]


def test_a_review_is_asked_for_and_its_decision_is_told_by_what_follows() -> None:
    drafted = (REQUESTED, KLING, clip_ready(KLING), clip_scored(KLING))
    reviewed = (*drafted, review_requested(KLING), review_decided(KLING))
    assert types_of(*reviewed)[-1] == "job.awaiting_review"
    assert types_of(*reviewed, job_completed(KLING))[-2:] == ["job.awaiting_review", "job.ready"]


def test_nothing_is_told_of_a_job_that_was_never_requested() -> None:
    assert types_of(KLING, clip_ready(KLING)) == []


@given(st.permutations(promoted_job()), st.integers(0, 13))
def test_later_facts_only_append_notifications_in_any_order(events: list[AnyEvent], n_known: int) -> None:
    known, all_ = notifications(events[:n_known]), notifications(events)
    assert all_[: len(known)] == known


@given(st.permutations((*promoted_job(), job_failed(REQUESTED), job_cancelled(REQUESTED))))
def test_at_most_one_terminal_state_is_told_and_it_is_the_last(events: list[AnyEvent]) -> None:
    told = notifications(events)
    ends = [each for each in told if each.type.startswith("job.") and each.state in TERMINAL_STATES]
    assert len(ends) <= 1
    assert ends in ([], [told[-1]])


@given(st.permutations(promoted_job()))
def test_sequences_have_no_gap_and_names_are_unique(events: list[AnyEvent]) -> None:
    told = notifications(events)
    assert [each.sequence for each in told] == list(range(1, len(told) + 1))
    assert len({each.name for each in told}) == len(told)


@given(st.permutations(promoted_job()))
def test_a_job_state_is_never_told_twice_in_a_row(events: list[AnyEvent]) -> None:
    states = [each.type for each in notifications(events) if each.type.startswith("job.")]
    assert all(first != second for first, second in pairwise(states))
