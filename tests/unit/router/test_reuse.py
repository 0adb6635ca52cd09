from datetime import timedelta
from typing import Any

import msgspec
import pytest
from dailies_contracts import (
    AssetDeleted,
    AssetRef,
    ClipReused,
    JobCompleted,
    JobFailed,
    ReviewDecided,
    ReviewRequested,
)
from router.domain.books import Books, enter
from router.domain.context import Context, TenantRules
from router.domain.market import Teacher
from router.domain.reuse import Found, is_fit, may_answer, mode_of, original_of, reused
from router.domain.state import Drafting, cost_usd_micros, fold
from testkit.builders import ASSET, NOW, job_requested, prompt_compiled
from testkit.stories import feedback_given

COPY = AssetRef(uri="s3://dailies/jobs/job_b/c/source.mp4", sha256="0" * 64, size_bytes=1_000, media_type="video/mp4")


@pytest.fixture
def finished(drafting: Any) -> Any:
    """A premium job that was rendered and is ready."""
    for order in drafting.orders("draft"):
        drafting.succeed(order)
    (final,) = drafting.orders("final")
    (completed,) = drafting.succeed(final, aggregate=0.9)
    assert isinstance(completed, JobCompleted)
    return drafting


def asked(**request: Any) -> Drafting:
    """A second job, its prompts compiled."""
    state = fold([job_requested("job_b", **request), prompt_compiled("job_b")])
    assert isinstance(state, Drafting)
    return state


def context(job: Any, **changes: Any) -> Context:
    return Context(**({"now": NOW, "catalog": job.catalog, "budget_left_usd_micros": 10**8} | changes))


def with_earlier(job: Any, state: Drafting) -> Context:
    original = original_of(tuple(job.events))
    assert original is not None
    return context(job, reusable=reused(state, Found(original=original, is_exact=True), COPY, NOW))


def test_an_earlier_clip_answers_the_job_at_once_without_money(finished: Any) -> None:
    state = asked()
    told, completed = finished.asked(state, with_earlier(finished, state))
    assert isinstance(told, ClipReused)
    assert isinstance(completed, JobCompleted)
    assert (completed.cost_usd_micros, completed.asset, completed.clip_id) == (0, COPY, told.clip_id)
    assert completed.estimate_usd_micros > 0
    assert completed.origin == told.origin
    assert completed.final_score == 0.9
    assert "prompt cache" in completed.reasons[0]
    original = finished.orders("final")[0]
    assert (told.origin.job_id, told.origin.clip_id) == (original.job_id, original.clip_id)
    assert (told.provider, told.model, told.seed) == (original.provider, original.model, original.seed)
    assert told.origin.cost_usd_micros == cost_usd_micros(finished.state.clips)


def test_a_tenant_whose_budget_is_used_up_is_answered_too(finished: Any) -> None:
    state = asked()
    without_money = msgspec.structs.replace(with_earlier(finished, state), budget_left_usd_micros=0)
    assert isinstance(finished.asked(state, without_money)[-1], JobCompleted)
    (failed,) = finished.asked(state, context(finished, budget_left_usd_micros=0))
    assert isinstance(failed, JobFailed)


def test_a_decision_cut_short_after_the_clip_goes_on_with_it(finished: Any) -> None:
    state = asked()
    told, completed = finished.asked(state, with_earlier(finished, state))
    again = fold([job_requested("job_b"), prompt_compiled("job_b"), told])
    assert finished.asked(again, context(finished)) == (completed,)


def test_a_job_that_has_ordered_clips_is_not_answered_any_more(finished: Any) -> None:
    state = asked()
    reusable = with_earlier(finished, state).reusable
    ordered = finished.asked(state, context(finished))
    after = fold([job_requested("job_b"), prompt_compiled("job_b"), *ordered])
    assert finished.asked(after, context(finished, reusable=reusable)) == ()


def test_a_person_still_approves_where_the_request_asks_for_it(finished: Any) -> None:
    state = asked(review=True)
    told, review = finished.asked(state, with_earlier(finished, state))
    assert isinstance(review, ReviewRequested)
    log = [job_requested("job_b", review=True), prompt_compiled("job_b"), told, review]
    about = {"job_id": "job_b", "tenant_id": told.tenant_id, "occurred_at": NOW, "clip_id": told.clip_id}
    yes, no = (ReviewDecided(**about, approved=approved, reviewer="ana") for approved in (True, False))
    (completed,) = finished.asked(fold([*log, yes]), context(finished))
    assert isinstance(completed, JobCompleted)
    assert completed.origin == told.origin
    (failed,) = finished.asked(fold([*log, no]), context(finished))
    assert isinstance(failed, JobFailed)
    assert (failed.code, failed.cost_usd_micros) == ("review.refused", 0)


def test_a_reused_clip_stands_in_no_books_and_teaches_nothing(finished: Any) -> None:
    state = asked()
    decision = finished.asked(state, with_earlier(finished, state))
    books = Books({}, {})
    enter(books, "job_b", fold([job_requested("job_b"), prompt_compiled("job_b"), *decision]))
    assert books.clips == {}
    assert not any(isinstance(event, Teacher) for event in decision)


def test_a_job_that_was_answered_from_the_cache_is_no_original(finished: Any) -> None:
    state = asked()
    decision = finished.asked(state, with_earlier(finished, state))
    assert original_of((job_requested("job_b"), prompt_compiled("job_b"), *decision)) is None


@pytest.mark.parametrize("rating", [1, 2])
def test_a_clip_that_somebody_disliked_answers_nobody(finished: Any, rating: Any) -> None:
    final = finished.orders("final")[0]
    assert original_of((*finished.events, feedback_given(final, rating=3))) is not None
    assert original_of((*finished.events, feedback_given(final, rating=rating))) is None
    draft = finished.orders("draft")[0]
    assert original_of((*finished.events, feedback_given(draft, rating=rating))) is not None


def test_a_deleted_clip_answers_nobody(finished: Any) -> None:
    final = finished.orders("final")[0]
    about = {name: getattr(final, name) for name in ("job_id", "tenant_id", "clip_id", "provider", "model", "stage")}
    assert original_of((*finished.events, AssetDeleted(**about, occurred_at=NOW, sha256s=()))) is None


def test_a_job_without_a_clip_is_no_original(drafting: Any) -> None:
    assert original_of(tuple(drafting.events)) is None


def test_a_low_score_or_one_below_its_draft_is_rendered_anew(finished: Any) -> None:
    policy = finished.catalog.policy
    original = original_of(tuple(finished.events))
    assert original is not None
    assert is_fit(original, policy)

    def scored(aggregate: float, draft_score: float | None = None) -> Any:
        scores = msgspec.structs.replace(original.scored.scores, aggregate=aggregate)
        return msgspec.structs.replace(
            original,
            scored=msgspec.structs.replace(original.scored, scores=scores),
            completed=msgspec.structs.replace(original.completed, draft_score=draft_score),
        )

    assert not is_fit(scored(policy.reuse.min_score - 0.01), policy)
    assert not is_fit(scored(0.7, draft_score=0.9), policy)
    assert is_fit(scored(0.7, draft_score=0.7), policy)


def test_a_draft_that_was_delivered_in_place_of_a_final_is_rendered_anew(finished: Any) -> None:
    original = original_of(tuple(finished.events))
    assert original is not None
    draft = msgspec.structs.replace(original, ready=msgspec.structs.replace(original.ready, stage="draft"))
    assert not is_fit(draft, finished.catalog.policy)
    request = msgspec.structs.replace(draft.requested.request, quality="draft")
    wanted = msgspec.structs.replace(draft, requested=msgspec.structs.replace(draft.requested, request=request))
    assert is_fit(wanted, finished.catalog.policy)


def test_the_tenant_decides_whose_clips_it_takes(finished: Any) -> None:
    original = original_of(tuple(finished.events))
    assert original is not None
    maker = original.ready.provider
    here = context(finished)
    assert may_answer(original, asked(), here)
    assert not may_answer(original, asked(deny_providers=(maker,)), here)
    for rules in (TenantRules(deny_providers=(maker,)), TenantRules(plan="starter")):
        assert not may_answer(original, asked(), context(finished, tenant=rules))


def test_a_clip_of_a_model_that_the_catalogue_lost_is_rendered_anew(finished: Any) -> None:
    original = original_of(tuple(finished.events))
    assert original is not None
    lost = msgspec.structs.replace(finished.catalog, provider=finished.catalog.provider[2:])
    assert not may_answer(original, asked(), context(finished, catalog=lost))


def test_the_request_goes_before_the_tenant_and_the_tenant_before_the_catalogue(catalog: Any) -> None:
    policy = catalog.policy
    wish = lambda reuse: job_requested(reuse=reuse).request  # noqa: E731
    assert mode_of(wish(None), TenantRules(), policy) == policy.reuse.default == "near"
    assert mode_of(wish(None), TenantRules(reuse="exact"), policy) == "exact"
    assert mode_of(wish("off"), TenantRules(reuse="exact"), policy) == "off"


def test_the_deadline_does_not_matter_to_a_clip_that_is_there(finished: Any) -> None:
    state = asked()
    told, _ = finished.asked(state, with_earlier(finished, state))
    late = fold([job_requested("job_b"), prompt_compiled("job_b"), told])
    (completed,) = finished.asked(late, context(finished, now=NOW + timedelta(days=1)))
    assert isinstance(completed, JobCompleted)
    assert completed.asset != ASSET
