"""The job view: what everybody sees of a job, from its events alone."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from dailies_contracts import (
    EVENT_TYPES,
    AssetDeleted,
    Candidate,
    ClipDecision,
    ClipEvent,
    ClipRequested,
    ClipSettled,
    FeedbackGiven,
    JobCancelRequested,
    PreviewReady,
    ProviderSubmitted,
    Unsuitable,
)
from gateway.domain.job import JobView
from gateway.domain.timeline import SENTENCES
from gateway.domain.views import job_view
from testkit.builders import (
    ASSET,
    JOB,
    NOW,
    TENANT,
    clip_failed,
    clip_ready,
    clip_scored,
    job_requested,
    prompt_compiled,
)
from testkit.stories import (
    answered_job,
    clip_requested,
    clip_reused,
    job_cancelled,
    job_completed,
    job_failed,
    promoted_job,
    review_decided,
    review_requested,
)

DRAFT = clip_requested()


def view(*events: object) -> JobView:
    seen = job_view(events)  # type: ignore[arg-type]
    assert seen is not None
    return seen


def about(order: ClipRequested, kind: type[ClipEvent], **fields: object) -> ClipEvent:
    base = {name: getattr(order, name) for name in ("job_id", "tenant_id", "clip_id", "provider", "model", "stage")}
    return kind(occurred_at=NOW, **base, **fields)  # type: ignore[arg-type]


def test_a_job_that_was_never_requested_has_no_view() -> None:
    assert job_view(()) is None
    assert job_view((DRAFT,)) is None


def test_a_job_is_queued_until_a_clip_is_ordered() -> None:
    assert view(job_requested()).state == "queued"
    assert view(job_requested(), prompt_compiled()).state == "queued"


def test_a_job_is_generating_while_a_clip_is_rendered() -> None:
    other = clip_requested(attempt=2, provider="veo")
    assert view(job_requested(), DRAFT).state == "generating"
    assert view(job_requested(), DRAFT, other, clip_ready(DRAFT)).state == "generating"


def test_a_job_is_evaluating_when_every_clip_came_or_failed() -> None:
    other = clip_requested(attempt=2, provider="veo")
    assert view(job_requested(), DRAFT, other, clip_ready(DRAFT), clip_failed(other)).state == "evaluating"
    assert view(job_requested(), DRAFT, clip_ready(DRAFT), clip_scored(DRAFT)).state == "evaluating"


def test_a_job_whose_clips_all_failed_goes_on_generating() -> None:
    assert view(job_requested(), DRAFT, clip_failed(DRAFT)).state == "generating"


def test_a_job_waits_for_a_person_until_the_person_has_decided() -> None:
    told = (job_requested(), DRAFT, clip_ready(DRAFT), clip_scored(DRAFT), review_requested(DRAFT))
    waiting, decided = view(*told), view(*told, review_decided(DRAFT))
    assert (waiting.state, waiting.reviews[0].approved) == ("awaiting_review", None)
    assert (decided.state, decided.reviews[0].approved, decided.reviews[0].reviewer) == ("evaluating", True, "rosa")


def test_an_ended_job_says_how_and_when() -> None:
    requested = job_requested()
    failed, cancelled = view(requested, job_failed(requested)), view(requested, job_cancelled(requested))
    assert (failed.state, failed.ended_at) == ("failed", NOW + timedelta(minutes=5))
    assert failed.error is not None
    assert failed.error.code == "job.no_clip"
    assert (cancelled.state, cancelled.error) == ("cancelled", None)


def test_a_terminal_state_is_never_left() -> None:
    ended = view(job_requested(), DRAFT, job_completed(DRAFT), clip_requested(attempt=2), job_failed(job_requested()))
    assert ended.state == "ready"


def test_a_wish_to_stop_is_shown_before_it_is_granted() -> None:
    wish = JobCancelRequested(job_id=JOB, tenant_id=TENANT, occurred_at=NOW)
    assert view(job_requested(), DRAFT, wish).cancel_requested
    assert view(job_requested(), DRAFT, wish).state == "generating"


def test_the_whole_story_shows_both_scores_and_why_the_draft_won() -> None:
    seen = view(*promoted_job())
    assert seen.state == "ready"
    assert [clip.stage for clip in seen.clips] == ["draft", "draft", "final"]
    assert seen.promotion is not None
    assert (seen.promotion.promotion_class, seen.promotion.reason) == ("fresh", "It won.")
    assert seen.promotion.final_score == 0.9
    assert seen.delivered_clip_id == seen.promotion.final_clip_id == seen.clips[2].clip_id
    assert [entry.event for entry in seen.timeline][-1] == "JobCompleted"


def test_the_promotion_class_is_called_class_on_the_wire() -> None:
    assert b'"promotion":{"class":"fresh"' in msgspec.json.encode(view(*promoted_job()))


def test_money_is_the_sum_of_settled_clips_and_scoring() -> None:
    failed = clip_requested(attempt=2, provider="veo")
    seen = view(job_requested(), DRAFT, clip_ready(DRAFT), clip_scored(DRAFT), failed, clip_failed(failed, charged=7))
    assert seen.costs.spent_usd_micros == 200_000 + 400 + 7
    assert seen.costs.held_usd_micros == 0


def test_a_clip_that_may_still_bill_stays_held_until_it_is_settled() -> None:
    told = (job_requested(), DRAFT, clip_failed(DRAFT, kind="timed_out", may_still_bill=True))
    settled = about(DRAFT, ClipSettled, charged_usd_micros=150_000, reason="It came late.")
    open_costs, end_costs = view(*told).costs, view(*told, settled).costs
    assert view(*told).clips[0].state == "unknown"
    assert (open_costs.spent_usd_micros, open_costs.held_usd_micros) == (0, DRAFT.quote_usd_micros)
    assert (end_costs.spent_usd_micros, end_costs.held_usd_micros) == (150_000, 0)


def test_an_open_clip_is_held_at_its_quote() -> None:
    assert view(job_requested(), DRAFT).costs.held_usd_micros == DRAFT.quote_usd_micros


def test_a_clip_shows_its_decision_with_every_candidate() -> None:
    chosen = Candidate(provider="kling", model="k", cost_usd_micros=1, quality=0.5, latency_s=1, utility=0.4)
    order = msgspec.structs.replace(DRAFT, decision=ClipDecision(reason="Cheapest.", candidates=(chosen,)))
    why = view(job_requested(), order).clips[0].why
    assert why is not None
    assert why.candidates == (chosen,)


def test_a_clips_states_follow_its_facts() -> None:
    submitted = about(DRAFT, ProviderSubmitted, provider_task_id="t")
    states = [
        view(job_requested(), DRAFT, *facts).clips[0].state
        for facts in (
            (),
            (submitted,),
            (submitted, clip_ready(DRAFT)),
            (submitted, clip_ready(DRAFT), clip_scored(DRAFT)),
            (submitted, clip_failed(DRAFT)),
        )
    ]
    assert states == ["queued", "generating", "evaluating", "scored", "failed"]


def test_a_failed_clip_says_why_in_our_words_only() -> None:
    failed = msgspec.structs.replace(clip_failed(DRAFT, kind="refused"), vendor_code="1301 risk control")
    seen = view(job_requested(), DRAFT, failed)
    assert seen.clips[0].error is not None
    assert (seen.clips[0].error.code, seen.clips[0].error.reason) == ("provider.refused", "refused")
    assert b"1301" not in msgspec.json.encode(seen)


def test_no_address_of_the_store_and_no_vendor_task_is_shown() -> None:
    submitted = about(DRAFT, ProviderSubmitted, provider_task_id="vendor-task-7")
    shown = msgspec.json.encode(view(job_requested(), DRAFT, submitted, clip_ready(DRAFT)))
    assert b"s3://" not in shown
    assert b"vendor-task-7" not in shown


def test_a_deleted_file_is_gone_from_the_view() -> None:
    deleted = about(DRAFT, AssetDeleted, sha256s=(ASSET.sha256,))
    clip = view(job_requested(), DRAFT, clip_ready(DRAFT), deleted).clips[0]
    assert (clip.deleted, clip.file) == (True, None)


def test_previews_and_ratings_belong_to_their_clip() -> None:
    rated = FeedbackGiven(job_id=JOB, tenant_id=TENANT, occurred_at=NOW, clip_id=DRAFT.clip_id, author="rosa", rating=4)
    preview = about(DRAFT, PreviewReady, assets={"poster": ASSET, "gif": ASSET})
    clip = view(job_requested(), DRAFT, clip_ready(DRAFT), preview, rated).clips[0]
    assert clip.previews == ("gif", "poster")
    assert [(each.author, each.rating) for each in clip.feedback] == [("rosa", 4)]


def test_prompts_warnings_and_unfit_models_are_shown() -> None:
    unfit = Unsuitable(provider="luma", model="ray", code="limit.duration", reason="Too long.")
    prompts = view(job_requested(), prompt_compiled(unsuitable=(unfit,), warnings=("Filled in.",))).prompts
    assert prompts is not None
    assert prompts.unsuitable == (unfit,)
    assert view(job_requested(), prompt_compiled(warnings=("Filled in.",))).warnings == ("Filled in.",)


def test_the_request_is_shown_with_the_defaults_that_applied() -> None:
    shown = msgspec.to_builtins(view(job_requested()).request)
    assert (shown["duration_s"], shown["aspect_ratio"], shown["audio"]) == (5, "16:9", False)


def test_every_type_of_event_has_a_sentence() -> None:
    assert set(SENTENCES) == set(EVENT_TYPES)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 123_999, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 123_000, tzinfo=UTC)),
        (datetime(2026, 1, 2, 3, 4, 5), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),  # noqa: DTZ001 (the point)
        (
            datetime(2026, 1, 2, 5, 4, 5, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        ),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), datetime(1, 1, 1, tzinfo=UTC)),
    ],
    ids=["microseconds", "no zone", "another zone", "the first day"],
)
def test_times_are_shown_in_utc_to_the_millisecond(given: datetime, shown: datetime) -> None:
    assert view(job_requested(at=given)).requested_at == shown


def test_a_reused_clip_is_shown_as_the_jobs_own_free_and_with_where_it_comes_from() -> None:
    original = clip_requested("job_a", stage="final")
    seen = view(*answered_job(clip_reused(JOB, original)))
    (clip,) = seen.clips
    assert (seen.state, seen.delivered_clip_id) == ("ready", clip.clip_id)
    assert seen.origin == clip.origin
    assert seen.origin is not None
    assert (seen.origin.job_id, seen.origin.clip_id, seen.origin.shared) == ("job_a", original.clip_id, False)
    assert (seen.costs.spent_usd_micros, seen.costs.held_usd_micros, clip.cost_usd_micros) == (0, 0, 0)
    assert seen.costs.estimate_usd_micros == 1_000_000
    assert (clip.state, clip.attempt, clip.provider, clip.seed) == ("scored", 0, original.provider, 7)
    assert clip.file is not None
    assert clip.file.content_path == f"/v1/jobs/{JOB}/clips/{clip.clip_id}/content"
    assert "earlier job" in seen.timeline[2].message


def test_a_reused_clip_leaves_the_job_queued_until_it_is_ready() -> None:
    assert view(*answered_job(clip_reused(JOB, clip_requested("job_a", stage="final")))[:3]).state == "queued"
