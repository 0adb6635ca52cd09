from typing import Any

import msgspec
import pytest
from dailies_contracts import ClipRequested
from router.domain.market import NOTHING_KNOWN, learn, lessons_of
from router.domain.money import holds_of
from router.domain.samples import shared, steps_of
from runtime.catalog import Catalog
from testkit.builders import clip_failed, job_requested, prompt_compiled

VEO = "veo-3.1-fast-generate-001"


def start(job: Any, **request: Any) -> list[ClipRequested]:
    job.given(job_requested(**request), prompt_compiled()).decide()
    return job.orders("draft")


def with_policy(catalog: Catalog, **policy: Any) -> Catalog:
    return msgspec.structs.replace(catalog, policy=msgspec.structs.replace(catalog.policy, **policy))


def with_samples(catalog: Catalog, samples: int) -> Catalog:
    providers = tuple(
        msgspec.structs.replace(
            provider, model=tuple(msgspec.structs.replace(model, samples=samples) for model in provider.model)
        )
        for provider in catalog.provider
    )
    return msgspec.structs.replace(catalog, provider=providers)


def parties(orders: list[ClipRequested]) -> list[tuple[int, str, int]]:
    """Attempt, what it follows ("" for nobody) by attempt, and its place."""
    attempts = {order.clip_id: str(order.attempt) for order in orders}
    return [(each.attempt, attempts.get(each.sample_of or "", ""), each.sample) for each in orders]


def test_two_drafts_at_a_model_that_takes_samples_share_a_request_which_the_last_one_leads(job: Any) -> None:
    orders = start(job, provider="veo")
    assert parties(orders) == [(1, "2", 1), (2, "", 0)]
    follower, leader = orders
    assert (follower.model, follower.prompt, follower.deadline_at) == (leader.model, leader.prompt, leader.deadline_at)
    assert (follower.seed, leader.seed is not None) == (None, True)
    assert all(order.decision.reason.endswith("One request orders 2 clips of it.") for order in orders)


def test_each_clip_of_a_shared_request_has_its_own_hold(job: Any) -> None:
    orders = start(job, provider="veo")
    price = orders[0].quote_usd_micros
    assert [each.held_usd_micros for each in holds_of(orders).values()] == [price, price]


@pytest.mark.parametrize(
    "request_fields", [{}, {"provider": "kling", "quality": "draft"}, {"provider": "veo", "seed": 7}]
)
def test_drafts_elsewhere_or_with_seeds_of_their_own_share_nothing(job: Any, request_fields: dict[str, Any]) -> None:
    orders = start(job, **request_fields)
    assert len(orders) == 2
    assert all((order.sample_of, order.sample) == (None, 0) for order in orders)


def test_a_request_orders_no_more_clips_than_the_model_takes(job: Any) -> None:
    job.catalog = with_policy(with_samples(job.catalog, 2), draft_count=3, draft_cost_weight_per_usd=0.0)
    assert parties(start(job, provider="veo")) == [(1, "2", 1), (2, "", 0), (3, "", 0)]


def test_clips_of_one_model_come_beside_each_other_whatever_lies_between_in_the_ranking(job: Any) -> None:
    job.catalog = with_policy(job.catalog, draft_count=4, draft_cost_weight_per_usd=0.0)
    orders = start(job)
    assert [order.attempt for order in orders] == [1, 2, 3, 4], "a decision that is cut off leaves no gap"
    at_veo = [order for order in orders if order.model == VEO]
    assert [each.sample_of for each in at_veo] == [at_veo[-1].clip_id, None]


def test_a_shared_request_is_appended_all_or_none_and_everything_else_one_by_one(job: Any) -> None:
    job.catalog = with_policy(job.catalog, draft_count=4, draft_cost_weight_per_usd=0.0)
    steps = list(steps_of(start(job)))
    assert sorted(len(step) for step in steps) == [1, 1, 2]
    assert all(step[-1].sample_of is None for step in steps)


def test_a_request_that_failed_is_made_once_more_for_all_its_clips(job: Any) -> None:
    job.vendors_accept = False
    orders = start(job, provider="veo")
    again = job.when(*(clip_failed(order, kind="unavailable") for order in orders))
    assert parties(list(again)) == [(3, "4", 1), (4, "", 0)]


def test_a_shared_request_counts_as_one_in_flight(job: Any) -> None:
    market = NOTHING_KNOWN
    for order in start(job, provider="veo"):
        for lesson in lessons_of(order, learning=job.catalog.policy.learning):
            market = learn(market, lesson, job.catalog.policy.learning)
    assert market.in_flight("veo", now_s=job.now.timestamp()) == 1


def test_a_request_that_failed_as_a_whole_counts_as_one_failure_and_a_filtered_clip_of_one_as_its_own(job: Any) -> None:
    learning, market = job.catalog.policy.learning, NOTHING_KNOWN
    follower, leader = start(job, provider="veo")
    whole = msgspec.structs.replace(clip_failed(follower), sample_of=leader.clip_id)
    for fact in (whole, clip_failed(leader), clip_failed(follower, kind="refused")):
        for lesson in lessons_of(fact, learning=learning):
            market = learn(market, lesson, learning)
    assert sorted(end.failure for end in market.health_of("veo", VEO, "draft").ends) == ["refused", "unavailable"]


def test_a_model_that_left_the_catalogue_shares_nothing(job: Any) -> None:
    orders = [msgspec.structs.replace(each, model="gone", sample_of=None) for each in start(job, provider="veo")]
    assert [each.sample_of for each in shared(orders, job.catalog)] == [None, None]
