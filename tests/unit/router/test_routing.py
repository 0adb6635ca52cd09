from typing import Any

import msgspec
import pytest
from dailies_contracts import (
    AssetRef,
    ClipRequested,
    ClipWithdrawn,
    JobCompleted,
    JobFailed,
    JobPromoted,
    PromptCompiled,
    ReferenceImage,
)
from router.domain.context import Context, TenantRules
from router.domain.market import learn, lessons_of
from router.domain.policy import affordable, rank, spread
from router.domain.state import committed_usd_micros
from testkit.builders import (
    NOW,
    PROMPTS,
    clip_failed,
    clip_ready,
    clip_scored,
    compiled_prompt,
    job_requested,
    prompt_compiled,
)

FRAME = AssetRef(uri="s3://dailies/jobs/j/c/first.jpg", sha256="1" * 64, size_bytes=90_000, media_type="image/jpeg")
STORED = {"uri": "s3://dailies/uploads/acme/a.png", "sha256": "2" * 64, "size_bytes": 9, "media_type": "image/png"}
LAST = AssetRef(**STORED)
SOFTER = tuple(msgspec.structs.replace(prompt, softer_prompt="a soft red ball") for prompt in PROMPTS)


def vendors(job: Any, stage: str = "draft") -> list[str]:
    return sorted(order.provider for order in job.orders(stage))


def reasons(order: ClipRequested) -> dict[str, str]:
    assert order.decision is not None
    return {candidate.model: candidate.passed_over for candidate in order.decision.candidates}


def framed(order: ClipRequested) -> Any:
    return msgspec.structs.replace(clip_ready(order), first_frame=FRAME)


def start(job: Any, compiled: PromptCompiled | None = None, **request: Any) -> Any:
    job.given(job_requested(**request), compiled or prompt_compiled()).decide()
    return job


def teach(job: Any, *facts: Any) -> None:
    for fact in facts:
        for lesson in lessons_of(fact, prompt_class="object.static", learning=job.catalog.policy.learning):
            job.market = learn(job.market, lesson, job.catalog.policy.learning)


def outage(order: ClipRequested, n: int = 5) -> list[Any]:
    return [msgspec.structs.replace(clip_failed(order), clip_id=f"clip_{i}", id="") for i in range(n)]


@pytest.mark.parametrize(
    ("request_fields", "tenant", "told"),
    [
        ({"deny_providers": ("kling",)}, TenantRules(), "the request rules this vendor out"),
        ({"allow_providers": ("veo",)}, TenantRules(), "not among the vendors allowed"),
        ({}, TenantRules(deny_providers=("kling",)), "the tenant rules this vendor out"),
        ({}, TenantRules(allow_providers=("veo",)), "not among the tenant's vendors"),
        ({"provider": "veo"}, TenantRules(), "the request is pinned to veo"),
    ],
)
def test_wishes_of_request_and_tenant_are_hard_limits_and_told(
    job: Any, request_fields: dict[str, Any], tenant: TenantRules, told: str
) -> None:
    job.tenant = tenant
    start(job, **request_fields)
    assert set(vendors(job)) == {"veo"}
    assert reasons(job.orders("draft")[0])["kling-2.5-turbo"] == told


def test_a_vendor_that_is_switched_off_and_a_region_that_does_not_fit_leave_nobody(job: Any) -> None:
    job.tenant = TenantRules(regions=("mars",))
    (failed,) = job.when(job_requested(), prompt_compiled())
    assert isinstance(failed, JobFailed)
    assert (failed.code, failed.reason) == ("job.no_candidate", "limits")
    assert "no known region" in failed.message or "handles what it is sent" in failed.message


def test_the_tenants_plan_bounds_the_tier(job: Any) -> None:
    job.tenant = TenantRules(plan="starter")
    start(job, quality="standard")
    for order in job.orders("draft"):
        job.succeed(order)
    assert {order.model for order in job.orders("final")} == {"kling-2.6"}
    assert "plan does not include" in reasons(job.orders("final")[0])["veo-3.1-generate-001"]


def test_a_use_case_asks_for_a_tier_and_a_lower_one_takes_over_only_where_it_may(job: Any) -> None:
    only_kling = tuple(prompt for prompt in PROMPTS if prompt.model != "veo-3.1-generate-001")
    start(job, prompt_compiled(prompts=only_kling), use_case="advertising")
    (final,) = job.orders("final")
    chosen = next(each for each in final.decision.candidates if not each.passed_over)
    assert (chosen.model, chosen.note) == ("kling-2.6", "another tier than asked for: none of that can be had")


def test_without_leave_no_lower_tier_renders_the_final(job: Any) -> None:
    only_kling = tuple(prompt for prompt in PROMPTS if prompt.model != "veo-3.1-generate-001")
    asked = job_requested(use_case="advertising", allow_lower_tier=False)
    (failed,) = job.when(asked, prompt_compiled(prompts=only_kling))
    assert failed.code == "job.no_candidate"
    assert "advertising asks for premium" in failed.message


def test_a_refusal_is_followed_by_softer_words_or_another_vendor_then_by_a_normalised_end(job: Any) -> None:
    start(job, prompt_compiled(prompts=SOFTER), quality="draft")
    seen: list[ClipRequested] = []
    while pending := [order for order in job.orders("draft") if order not in seen]:
        seen.extend(pending)
        for order in pending:
            job.when(clip_failed(order, kind="refused"))
    rewritten = [order for order in seen if order.rewritten]
    assert rewritten
    assert {order.prompt.prompt for order in rewritten} == {"a soft red ball"}
    assert all(order.decision.cause == "rewrite" for order in rewritten)
    assert len(seen) <= job.catalog.policy.max_attempts_per_stage
    failed = job.events[-1]
    assert isinstance(failed, JobFailed)
    assert (failed.code, failed.reason) == ("job.refused", "content_policy")


def test_a_draft_that_comes_in_softer_words_is_promoted(job: Any) -> None:
    start(job, prompt_compiled(prompts=SOFTER))
    seen = 0
    while pending := job.orders("draft")[seen:]:
        seen += len(pending)
        for order in pending:
            job.succeed(order) if order.rewritten else job.when(clip_failed(order, kind="refused"))
    assert any(isinstance(event, JobPromoted) for event in job.events)


def test_a_final_is_anchored_by_the_drafts_first_frame_and_seed(drafting: Any) -> None:
    first, second = drafting.orders("draft")
    drafting.when(framed(first), clip_scored(first, aggregate=0.7))
    drafting.when(framed(second), clip_scored(second, aggregate=0.9))
    (final,) = drafting.orders("final")
    assert (final.first_frame, final.seed, final.draft_clip_id) == (FRAME, second.seed, second.clip_id)
    promoted = next(event for event in drafting.events if isinstance(event, JobPromoted))
    assert promoted.promotion.promotion_class == "anchored"
    (completed,) = drafting.succeed(final, aggregate=0.92)
    assert completed.promotion_class == "anchored"


def test_a_final_that_is_anchored_keeps_the_last_frame(job: Any) -> None:
    prompts = tuple(msgspec.structs.replace(prompt, last_frame=LAST) for prompt in PROMPTS)
    asked = (ReferenceImage(**STORED), ReferenceImage(**STORED, role="last_frame"))
    start(job, prompt_compiled(prompts=prompts), quality="premium", reference_images=asked)
    for order in job.orders("draft"):
        job.when(framed(order), clip_scored(order, aggregate=0.9))
    (final,) = job.orders("final")
    assert (final.first_frame, final.prompt.last_frame) == (FRAME, LAST)


def test_a_drafts_frame_does_not_take_the_place_of_references(job: Any) -> None:
    finals = {"kling-2.6", "veo-3.1-generate-001"}
    prompts = tuple(
        msgspec.structs.replace(prompt, references=(LAST,)) if prompt.model in finals else prompt for prompt in PROMPTS
    )
    asked = (ReferenceImage(**STORED, role="reference"),)
    start(job, prompt_compiled(prompts=prompts), quality="premium", reference_images=asked)
    for order in job.orders("draft"):
        assert order.decision.plan.promotion_class == "fresh"
        job.when(framed(order), clip_scored(order, aggregate=0.9))
    (final,) = job.orders("final")
    assert (final.first_frame, final.prompt.references) == (None, (LAST,))
    promoted = next(event for event in job.events if isinstance(event, JobPromoted))
    assert promoted.promotion.promotion_class == "fresh"


def test_bad_luck_is_not_carried_over(drafting: Any) -> None:
    first, second = drafting.orders("draft")
    drafting.when(framed(first), clip_scored(first, aggregate=0.51))
    drafting.when(framed(second), clip_scored(second, aggregate=0.52))
    (final,) = drafting.orders("final")
    assert (final.first_frame, final.draft_clip_id) == (None, second.clip_id)
    promoted = next(event for event in drafting.events if isinstance(event, JobPromoted))
    assert promoted.promotion.promotion_class == "fresh"


def test_a_final_is_rendered_without_a_draft_where_vendors_failed_to_deliver_any(job: Any) -> None:
    start(job, prompt_compiled(prompts=(*PROMPTS, compiled_prompt("runway", "gen4.5"))))
    seen = 0
    while len(job.orders("draft")) > seen:
        seen += 1
        job.when(clip_failed(job.orders("draft")[seen - 1], kind="timed_out"))
    (final,) = job.orders("final")
    assert (final.provider, final.draft_clip_id) == ("runway", None)
    (completed,) = job.succeed(final, aggregate=0.8)
    assert isinstance(completed, JobCompleted)


def test_drafts_that_scored_low_are_tried_again_one_by_one_and_not_beside_one_that_is_rendered(drafting: Any) -> None:
    first, second = drafting.orders("draft")
    assert drafting.succeed(first, aggregate=0.3) == ()
    (again,) = drafting.succeed(second, aggregate=0.3)
    assert again.stage == "draft"
    assert drafting.succeed(again, aggregate=0.6)[0].draft_clip_id == again.clip_id


def test_where_the_best_vendor_is_too_dear_for_the_retries_another_one_is_asked(job: Any) -> None:
    dear, cheap = compiled_prompt("runway", "gen4.5"), compiled_prompt("kling", "kling-2.6")
    job.given(job_requested(quality="standard"), prompt_compiled(prompts=(dear, cheap)))
    context = Context(now=job.now, catalog=job.catalog, budget_left_usd_micros=job.budget_left_usd_micros)
    ranked = affordable(rank(job.state, "final", context), 300_000, context)
    told = {each.candidate.model: each.candidate.passed_over for each in ranked}
    assert told == {"gen4.5": "0.30 USD may be spent on this clip", "kling-2.6": ""}
    (chosen,) = spread(ranked, 1, ())
    assert chosen.candidate.model == "kling-2.6"


def test_an_anchor_that_the_vendor_does_not_take_is_left_out_the_next_time(drafting: Any) -> None:
    for order in drafting.orders("draft"):
        drafting.when(framed(order), clip_scored(order))
    (anchored,) = drafting.orders("final")
    drafting.when(clip_failed(anchored, kind="invalid_request"))
    again = drafting.orders("final")[1]
    assert (again.provider, again.first_frame) == (anchored.provider, None)


def test_a_clearly_good_draft_is_promoted_at_once_and_what_has_not_begun_is_withdrawn(job: Any) -> None:
    job.vendors_accept = False
    start(job)
    first, second = job.orders("draft")
    decision = job.succeed(first, aggregate=0.95)
    assert [type(event).__name__ for event in decision] == ["JobPromoted", "ClipRequested", "ClipWithdrawn"]
    assert decision[2].clip_id == second.clip_id
    (final,) = job.orders("final")
    job.when(clip_failed(second))
    (completed,) = job.succeed(final, aggregate=0.9)
    assert isinstance(completed, JobCompleted)


def test_a_good_draft_waits_for_one_that_is_being_rendered(drafting: Any) -> None:
    first, second = drafting.orders("draft")
    assert drafting.succeed(first, aggregate=0.95) == ()
    drafting.succeed(second, aggregate=0.6)
    assert not [event for event in drafting.events if isinstance(event, ClipWithdrawn)]
    assert len(drafting.orders("final")) == 1


def test_a_withdrawal_that_a_crash_cut_off_is_made_up_for(job: Any) -> None:
    job.vendors_accept = False
    start(job)
    first, second = job.orders("draft")
    decision = job.succeed(first, aggregate=0.95)
    job.events = [event for event in job.events if not isinstance(event, ClipWithdrawn)]
    assert isinstance(decision[2], ClipWithdrawn)
    (made_up,) = job.decide()
    assert (type(made_up), made_up.clip_id) == (ClipWithdrawn, second.clip_id)


def test_a_late_draft_gets_another_beside_it_once(job: Any) -> None:
    start(job, quality="draft", provider="kling")
    first, _ = job.orders("draft")
    job.succeed(first, aggregate=0.6)
    assert job.later(200).decide() == ()
    (hedge,) = job.later(200).decide()
    assert hedge.decision.cause == "hedge"
    assert job.later(100).decide() == ()
    (completed,) = job.succeed(hedge, aggregate=0.7)
    assert completed.clip_id == hedge.clip_id


def test_a_deadline_at_risk_makes_a_draft_late_sooner(job: Any) -> None:
    start(job, quality="draft", provider="kling", deadline_s=250)
    assert [order.decision.cause for order in job.later(120).decide()] == ["hedge"]


def test_a_vendor_that_is_down_is_left_alone_and_the_reason_is_told(job: Any) -> None:
    start(job)
    kling = next(order for order in job.orders("draft") if order.provider == "kling")
    other = type(job)(job.catalog)
    teach(other, *outage(kling))
    other.later(61)
    start(other, at=other.now)
    assert set(vendors(other)) == {"veo"}
    assert "left alone after 5 times unavailable" in reasons(other.orders("draft")[0])["kling-2.5-turbo"]


def test_a_job_waits_for_the_only_vendor_it_may_use_and_goes_on_with_one_try(job: Any) -> None:
    start(job, provider="kling", quality="draft")
    waiting = type(job)(job.catalog)
    teach(waiting, *outage(job.orders("draft")[0]))
    waiting.later(61)
    assert waiting.when(job_requested(provider="kling", quality="draft", at=waiting.now), prompt_compiled()) == ()
    (trying,) = waiting.later(600).decide()
    assert trying.provider == "kling"
    chosen = next(each for each in trying.decision.candidates if not each.passed_over)
    assert "tried again" in chosen.note


def test_a_storm_of_retries_stops_them(drafting: Any) -> None:
    drafting.retry_ratio = 0.9
    first, second = drafting.orders("draft")
    drafting.when(clip_failed(first))
    (failed,) = drafting.when(clip_failed(second))
    assert (failed.code, failed.reason) == ("job.retries_exhausted", "storm")


def test_retries_never_cost_more_than_the_plan_again(drafting: Any) -> None:
    plan = drafting.orders("draft")[0].decision.plan
    seen = 0
    while len(drafting.orders("draft")) + len(drafting.orders("final")) > seen:
        pending = (*drafting.orders("draft"), *drafting.orders("final"))[seen:]
        seen += len(pending)
        for order in pending:
            cost = order.quote_usd_micros - drafting.catalog.policy.scoring_cost_usd_micros
            came = clip_ready(order, cost_usd_micros=cost)
            drafting.when(came, clip_scored(order, passed=order.stage == "draft"))
    assert len(drafting.orders("final")) > 1
    assert committed_usd_micros(drafting.state.clips) <= plan.estimate_usd_micros * (
        1 + drafting.catalog.policy.max_retry_cost_ratio
    )
    assert isinstance(drafting.events[-1], JobCompleted)


def test_the_plan_is_made_once_and_explains_itself(drafting: Any) -> None:
    plan, other = (order.decision.plan for order in drafting.orders("draft"))
    assert plan == other
    assert set(plan.options) == {"0", "1", "2"}
    assert plan.n_drafts == 2
    assert plan.good_enough > plan.pass_threshold
    drafting.budget_left_usd_micros = 10_000_000
    assert drafting.state.plan == plan


def test_no_drafts_where_the_deadline_leaves_time_for_the_final_alone(job: Any) -> None:
    start(job, deadline_s=140)
    assert job.orders("draft") == []
    (final,) = job.orders("final")
    assert "s are left" in final.decision.plan.options["2"]


def test_the_same_job_and_market_decide_the_same(job: Any) -> None:
    start(job)
    again = start(type(job)(job.catalog))
    assert again.events == job.events
    assert all(order.decision.seed for order in job.orders("draft"))
    drawn = [each.drawn for each in job.orders("draft")[0].decision.candidates]
    assert all(value is not None for value in drawn)


def test_traffic_leaves_a_vendor_that_gets_worse_within_forty_clips(job: Any) -> None:
    job.budget_left_usd_micros = 10**9
    chosen_after_forty: list[str] = []
    for n in range(60):
        each = type(job)(job.catalog)
        each.market, each.now = job.market, NOW
        compiled = prompt_compiled(f"job_{n}")
        each.given(job_requested(f"job_{n}", quality="draft"), compiled).decide()
        best = max(each.orders("draft")[0].decision.candidates, key=lambda candidate: candidate.utility)
        chosen_after_forty += [best.provider] if n >= 40 else []
        for order in each.orders("draft"):
            value = 0.3 if order.provider == "kling" else 0.75
            teach(job, clip_scored(order, aggregate=value))
    assert set(chosen_after_forty) == {"veo"}
