from typing import Any

import msgspec
import pytest
from dailies_contracts import (
    ClipRequested,
    ClipSettled,
    FailureKind,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobFailed,
    JobPromoted,
    ReferenceImage,
    ReviewDecided,
    ReviewRequested,
)
from router.domain.state import Drafting, Ended, Finalizing
from testkit.builders import (
    JOB,
    NOW,
    TENANT,
    clip_failed,
    clip_ready,
    clip_scored,
    job_requested,
    prompt_compiled,
)

ABOUT = {"job_id": JOB, "tenant_id": TENANT, "occurred_at": NOW}

STORED = {"uri": "s3://dailies/uploads/acme/a.png", "sha256": "2" * 64, "size_bytes": 9, "media_type": "image/png"}


def names(decision: Any) -> list[str]:
    return [type(event).__name__ for event in decision]


def test_nothing_is_decided_before_the_prompt_is_compiled(job: Any) -> None:
    assert job.when(job_requested()) == ()


def test_a_compiled_premium_job_orders_two_drafts_at_two_vendors(drafting: Any) -> None:
    orders = drafting.orders("draft")
    assert sorted(order.provider for order in orders) == ["kling", "veo"]
    assert all(order.decision.candidates for order in orders)
    assert drafting.decide() == ()


def test_the_first_reference_image_is_the_first_frame_of_every_clip(job: Any) -> None:
    first, second = (ReferenceImage(**STORED | {"uri": f"s3://b/{name}.png"}) for name in "ab")
    orders = job.given(job_requested(reference_images=(first, second)), prompt_compiled()).decide()
    assert [order.first_frame for order in orders] == [first.stored, first.stored]


def test_images_without_a_first_frame_start_no_clip(job: Any) -> None:
    reference = ReferenceImage(**STORED, role="reference")
    orders = job.given(job_requested(reference_images=(reference,)), prompt_compiled()).decide()
    assert [order.first_frame for order in orders] == [None, None]


def test_the_decision_says_why_others_were_passed_over(drafting: Any) -> None:
    order = drafting.orders("draft")[0]
    chosen = [c for c in order.decision.candidates if not c.passed_over]
    assert [(c.provider, c.model) for c in chosen] == [(order.provider, order.model)]
    assert all(c.passed_over for c in order.decision.candidates if c not in chosen)


def test_the_best_draft_is_promoted_with_its_final_in_one_decision(drafting: Any) -> None:
    first, second = drafting.orders("draft")
    assert drafting.succeed(first, aggregate=0.6) == ()
    decision = drafting.succeed(second, aggregate=0.9)
    assert names(decision) == ["JobPromoted", "ClipRequested"]
    promoted, order = decision
    assert promoted.draft_clip_id == second.clip_id
    assert promoted.promotion.draft_scores == {first.clip_id: 0.6, second.clip_id: 0.9}
    assert (order.stage, order.draft_clip_id) == ("final", second.clip_id)
    assert isinstance(drafting.state, Finalizing)


def test_a_good_final_completes_the_job_with_its_cost_and_both_scores(drafting: Any) -> None:
    for order in drafting.orders("draft"):
        drafting.succeed(order, aggregate=0.7)
    (final,) = drafting.orders("final")
    (completed,) = drafting.succeed(final, aggregate=0.9)
    assert isinstance(completed, JobCompleted)
    assert completed.clip_id == final.clip_id
    assert (completed.draft_score, completed.final_score, completed.promotion_class) == (0.7, 0.9, "fresh")
    assert completed.cost_usd_micros == 3 * 200_400
    assert completed.all_premium_usd_micros > completed.estimate_usd_micros > 0
    assert isinstance(drafting.state, Ended)


def test_a_final_far_below_its_draft_is_rendered_once_more_and_then_says_so(drafting: Any) -> None:
    for order in drafting.orders("draft"):
        drafting.succeed(order, aggregate=0.9)
    (again,) = drafting.succeed(drafting.orders("final")[0], aggregate=0.6)
    assert (again.stage, again.decision.cause) == ("final", "retry")
    assert "below its draft" in again.decision.reason
    (completed,) = drafting.succeed(again, aggregate=0.7)
    assert completed.clip_id == again.clip_id
    assert any("below its draft" in reason for reason in completed.reasons)


def test_a_final_a_little_below_its_draft_is_delivered_and_says_so(drafting: Any) -> None:
    for order in drafting.orders("draft"):
        drafting.succeed(order, aggregate=0.84)
    (completed,) = drafting.succeed(drafting.orders("final")[0], aggregate=0.81)
    assert any("below its draft" in reason for reason in completed.reasons)


def test_quality_draft_delivers_the_best_draft_without_a_final(job: Any) -> None:
    job.given(job_requested(quality="draft"), prompt_compiled()).decide()
    first, second = job.orders("draft")
    job.succeed(first, aggregate=0.9)
    (completed,) = job.succeed(second, aggregate=0.6)
    assert isinstance(completed, JobCompleted)
    assert completed.clip_id == first.clip_id
    assert completed.promotion_class is None


def test_drafts_are_skipped_with_a_reason_where_they_do_not_pay(job: Any) -> None:
    decision = job.given(job_requested(provider="kling"), prompt_compiled()).decide()
    assert names(decision) == ["JobPromoted", "ClipRequested"]
    assert "do not pay" in decision[0].promotion.reason
    assert decision[0].draft_clip_id == ""


def test_a_failed_draft_moves_to_the_other_vendor(drafting: Any) -> None:
    kling = next(order for order in drafting.orders("draft") if order.provider == "kling")
    (order,) = drafting.when(clip_failed(kling, kind="auth"))
    assert isinstance(order, ClipRequested)
    assert order.provider == "veo"
    assert order.attempt == 3


@pytest.mark.parametrize(
    ("kind", "n_same_vendor"),
    [("throttled", 2), ("unavailable", 2), ("bad_output", 1), ("refused", 0), ("timed_out", 0), ("outcome_unknown", 0)],
)
def test_the_same_vendor_is_asked_again_only_as_often_as_the_table_says(
    job: Any, kind: FailureKind, n_same_vendor: int
) -> None:
    job.given(job_requested(provider="veo", quality="draft"), prompt_compiled()).decide()
    n_failed = 0
    while pending := [o for o in job.orders("draft") if job.state.clips and job.state.clips[o.clip_id].is_pending]:
        n_failed += 1
        job.when(clip_failed(pending[0], kind=kind))
        if isinstance(job.state, Ended):
            break
    assert isinstance(job.state, Ended)
    retries = len(job.orders("draft")) - 2
    assert retries <= max(0, n_same_vendor)


def test_two_refusing_vendors_end_the_job_as_refused(drafting: Any) -> None:
    first, second = drafting.orders("draft")
    drafting.when(clip_failed(first, kind="refused"))
    orders = [order for order in drafting.orders("draft") if order is not first]
    decision: Any = ()
    for order in orders:
        decision = drafting.when(clip_failed(order, kind="refused"))
    assert second in orders
    (failed,) = decision
    assert isinstance(failed, JobFailed)
    assert failed.code == "job.refused"


def test_drafts_below_the_threshold_are_retried_within_the_attempts_then_the_job_fails(drafting: Any) -> None:
    seen = 0
    while True:
        orders = drafting.orders("draft")[seen:]
        if not orders:
            break
        seen += len(orders)
        for order in orders:
            drafting.succeed(order, aggregate=0.2)
    assert seen == drafting.catalog.policy.max_attempts_per_stage
    failed = drafting.events[-1]
    assert isinstance(failed, JobFailed)
    assert failed.code == "job.quality_not_reached"
    assert failed.cost_usd_micros == seen * 200_400


def test_an_unsafe_final_is_rendered_again_and_then_the_draft_is_delivered(drafting: Any) -> None:
    for order in drafting.orders("draft"):
        drafting.succeed(order)
    seen = 0
    while len(drafting.orders("final")) > seen:
        seen += 1
        drafting.succeed(drafting.orders("final")[-1], passed=False)
    completed = drafting.events[-1]
    assert isinstance(completed, JobCompleted)
    assert completed.clip_id in {order.clip_id for order in drafting.orders("draft")}
    assert seen > 1


def test_a_job_that_the_tenant_cannot_pay_fails_before_anything_is_ordered(job: Any) -> None:
    job.budget_left_usd_micros = 100_000
    (failed,) = job.when(job_requested(), prompt_compiled())
    assert failed.code == "job.budget_exhausted"
    assert "0.10 USD are left" in failed.message


def test_a_small_job_budget_means_fewer_drafts(job: Any) -> None:
    job.given(job_requested(budget_usd_micros=1_750_000), prompt_compiled()).decide()
    assert len(job.orders("draft")) == 1


def test_a_job_budget_of_nothing_is_exhausted(job: Any) -> None:
    (failed,) = job.when(job_requested(budget_usd_micros=0), prompt_compiled())
    assert failed.code == "job.budget_exhausted"


def test_no_suitable_model_fails_with_the_reasons(job: Any) -> None:
    (failed,) = job.when(job_requested(), prompt_compiled(prompts=()))
    assert failed.code == "job.no_candidate"


def test_a_cancel_ends_the_job_and_later_facts_still_count_its_cost(drafting: Any) -> None:
    first, second = drafting.orders("draft")
    drafting.succeed(first)
    (cancelled,) = drafting.when(JobCancelRequested(**ABOUT))
    assert isinstance(cancelled, JobCancelled)
    assert drafting.when(clip_ready(second), clip_scored(second)) == ()
    assert drafting.state.clips[second.clip_id].charged_usd_micros == 200_400
    assert drafting.state.outcome == "cancelled"


def test_a_cancel_before_the_prompt_is_compiled_ends_the_job(job: Any) -> None:
    (cancelled,) = job.when(job_requested(), JobCancelRequested(**ABOUT))
    assert isinstance(cancelled, JobCancelled)
    assert job.when(prompt_compiled()) == ()


def test_the_deadline_delivers_the_best_clip_so_far(drafting: Any) -> None:
    first, _ = drafting.orders("draft")
    drafting.succeed(first)
    (completed,) = drafting.later(3_600).decide()
    assert isinstance(completed, JobCompleted)
    assert completed.clip_id == first.clip_id
    assert "deadline" in completed.reasons[0]


def test_the_deadline_without_a_clip_fails_the_job(job: Any) -> None:
    (failed,) = job.given(job_requested(deadline_s=60)).later(60).decide()
    assert failed.code == "job.deadline_exceeded"


def test_a_person_must_approve_where_the_request_says_so(job: Any) -> None:
    job.given(job_requested(review=True), prompt_compiled()).decide()
    for order in job.orders("draft"):
        job.succeed(order)
    (asked,) = job.succeed(job.orders("final")[0])
    assert isinstance(asked, ReviewRequested)
    assert job.decide() == ()
    decided = ReviewDecided(**ABOUT, clip_id=asked.clip_id, approved=True, reviewer="ana")
    (completed,) = job.when(decided)
    assert isinstance(completed, JobCompleted)
    assert completed.draft_score is not None


def test_a_refused_review_fails_the_job(job: Any) -> None:
    job.given(job_requested(review=True, quality="draft"), prompt_compiled()).decide()
    for order in job.orders("draft"):
        job.succeed(order)
    asked = job.events[-1]
    decided = ReviewDecided(**ABOUT, clip_id=asked.clip_id, approved=False, reviewer="ana")
    (failed,) = job.when(decided)
    assert failed.code == "review.refused"


def test_an_unknown_outcome_keeps_its_hold_until_it_is_settled(drafting: Any) -> None:
    first = drafting.orders("draft")[0]
    drafting.when(clip_failed(first, kind="outcome_unknown", may_still_bill=True))
    clip = drafting.state.clips[first.clip_id]
    assert (clip.status, clip.charged_usd_micros) == ("unknown", 0)
    settled = ClipSettled(
        **ABOUT,
        clip_id=first.clip_id,
        provider=first.provider,
        model=first.model,
        stage="draft",
        charged_usd_micros=210_000,
        reason="It came late.",
    )
    drafting.when(settled)
    clip = drafting.state.clips[first.clip_id]
    assert (clip.status, clip.charged_usd_micros) == ("failed", 210_000)


def test_a_promoted_job_has_left_drafting_for_good(drafting: Any) -> None:
    for order in drafting.orders("draft"):
        drafting.succeed(order)
    promoted = next(event for event in drafting.events if isinstance(event, JobPromoted))
    again = msgspec.structs.replace(promoted, draft_clip_id="clip_other")
    drafting.given(again)
    assert drafting.state.promoted == promoted
    assert not isinstance(drafting.state, Drafting) or isinstance(drafting.state, Finalizing)


def test_a_draft_that_scored_low_is_not_tried_again_beside_a_good_one(drafting: Any) -> None:
    one, other = drafting.orders("draft")
    drafting.succeed(one, aggregate=0.8)
    decision = drafting.succeed(other, aggregate=0.3)
    assert names(decision)[0] == "JobPromoted"
    assert len(drafting.orders("draft")) == 2


def test_a_draft_that_scored_low_is_tried_again_while_none_is_good(drafting: Any) -> None:
    one, other = drafting.orders("draft")
    drafting.succeed(one, aggregate=0.3)
    drafting.succeed(other, aggregate=0.4)
    assert len(drafting.orders("draft")) > 2


@pytest.mark.parametrize(("aggregate", "again"), [(0.62, True), (0.79, False)])
def test_a_final_far_below_the_usual_is_rendered_once_more(drafting: Any, aggregate: float, again: bool) -> None:
    for order in drafting.orders("draft"):
        drafting.succeed(order, aggregate=0.6)
    (final,) = drafting.orders("final")
    decision = drafting.succeed(final, aggregate=aggregate)
    assert names(decision) == (["ClipRequested"] if again else ["JobCompleted"])
    if again:
        assert "once more" in decision[0].decision.reason
        (completed,) = drafting.succeed(decision[0], aggregate=0.55)
        assert (completed.clip_id, completed.final_score) == (final.clip_id, aggregate)  # the better one, and no third
