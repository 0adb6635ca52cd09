"""The state in a webhook is the state that the gateway shows: one rule, written down in two services."""

from dailies_contracts import AnyEvent
from gateway.domain.views import job_view
from hypothesis import given
from hypothesis import strategies as st
from notifier.domain.public_state import Progress, evolve, public_state
from testkit.builders import JOB, clip_failed, job_requested
from testkit.stories import (
    clip_requested,
    clip_reused,
    job_cancelled,
    job_failed,
    promoted_job,
    review_decided,
    review_requested,
)

THIRD = clip_requested(attempt=3)
FACTS: tuple[AnyEvent, ...] = (
    *promoted_job(),
    clip_reused(JOB, clip_requested("job_a", stage="final")),
    THIRD,
    clip_failed(THIRD, may_still_bill=True),
    clip_failed(clip_requested()),
    review_requested(THIRD),
    review_decided(THIRD, approved=False),
    job_failed(job_requested()),
    job_cancelled(job_requested()),
)


def state_of(events: list[AnyEvent]) -> str | None:
    progress = Progress()
    for event in events:
        progress = evolve(progress, event)
    return public_state(progress)


@given(st.lists(st.sampled_from(FACTS), unique_by=lambda event: event.id))
def test_notifier_and_gateway_name_the_same_state_for_any_history(events: list[AnyEvent]) -> None:
    view = job_view(events)
    assert state_of(events) == (view.state if view else None)
