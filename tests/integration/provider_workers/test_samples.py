"""Several clips with one request, at the simulated vendor: one submission, each clip billed and booked by itself."""

import asyncio

import pytest
from dailies_contracts import ClipFailed, ClipReady, JobCancelled, ProviderSubmitted
from testkit.builders import clip_scored


async def ends_of(facts, orders):
    ends = [await facts.next(ClipReady, ClipFailed, clip_id=order.clip_id, timeout_s=60) for order in orders]
    for order, end in zip(orders, ends, strict=True):
        if isinstance(end, ClipReady):
            await facts.log.append_fact(clip_scored(order, scoring_cost_usd_micros=0))
    return ends


async def accounts_of(books, orders):
    await books.settle(orders[0])
    return [await books.account(order) for order in orders]


async def test_two_clips_of_one_request_are_submitted_once_and_each_is_booked(facts, simulator, worker, books):
    async with worker("veo"):
        orders = await facts.order_together("veo")
        await books.hold(*orders)
        ends = await ends_of(facts, orders)
    (task,) = await simulator.tasks()
    assert (task["n_submissions"], task["n_clips"], task["state"]) == (1, 2, "succeeded")
    assert len({end.asset.sha256 for end in ends}) == 2, "two takes"
    assert [end.cost_usd_micros for end in ends] == [320_000, 320_000]
    accounts = await accounts_of(books, orders)
    assert [account.charged_usd_micros for account in accounts] == [320_000, 320_000]
    assert sum(account.charged_usd_micros for account in accounts) == task["billed_usd_micros"]
    assert sum(account.held_usd_micros for account in accounts) == 0


async def test_a_filtered_clip_of_a_request_is_refused_and_free_and_the_others_come(facts, simulator, worker, books):
    async with worker("veo"):
        orders = await facts.order_together("veo", "a ball [[fault:refuse_at_completion samples=1]]", n=3)
        await books.hold(*orders)
        ends = await ends_of(facts, orders)
    (failed,) = facts.of(ClipFailed)
    assert (failed.kind, failed.charged_usd_micros, failed.vendor_code[:9]) == ("refused", 0, "filtered:")
    assert sum(isinstance(end, ClipReady) for end in ends) == 2
    (task,) = await simulator.tasks()
    accounts = await accounts_of(books, orders)
    assert sum(account.charged_usd_micros for account in accounts) == task["billed_usd_micros"] == 640_000
    assert sum(account.held_usd_micros for account in accounts) == 0


async def test_a_lost_answer_keeps_every_hold_and_sends_nothing_again(facts, simulator, worker, books):
    async with worker("veo", poll_scale=0.01):
        orders = await facts.order_together("veo", "a ball [[fault:response_lost]]")
        await books.hold(*orders)
        ends = await ends_of(facts, orders)
    assert [(end.kind, end.may_still_bill) for end in ends] == [("outcome_unknown", True)] * 2
    (task,) = await simulator.tasks()
    assert task["n_submissions"] == 1
    assert [account.held_usd_micros for account in await accounts_of(books, orders)] == [500_000, 500_000]


async def test_a_job_cancelled_while_its_clips_render_books_what_each_cost(facts, simulator, worker, books):
    async with worker("veo"):
        orders = await facts.order_together("veo")
        await books.hold(*orders)
        await facts.next(ProviderSubmitted, n=2)
        job_id, now = orders[0].job_id, orders[0].occurred_at
        await facts.log.append_fact(JobCancelled(job_id=job_id, tenant_id="acme", occurred_at=now))
        ends = await ends_of(facts, orders)
    assert [end.code for end in ends] == ["clip.job_over"] * 2
    (task,) = await simulator.tasks()
    accounts = await accounts_of(books, orders)
    assert sum(account.charged_usd_micros for account in accounts) == task["billed_usd_micros"] == 640_000


async def test_a_dialect_without_samples_sends_them_one_by_one(facts, simulator, worker):
    async with worker("veo-gemini"):
        await ends_of(facts, await facts.order_together("veo-gemini"))
    tasks = await simulator.tasks()
    assert [(task["n_submissions"], task["n_clips"]) for task in tasks] == [(1, 1), (1, 1)]
    assert len(facts.of(ClipReady)) == 2


async def test_a_request_for_several_clips_takes_one_slot(facts, worker, until):
    async with worker("veo", n_slots=1) as desk:
        orders = await facts.order_together("veo", n=4)
        await facts.next(ProviderSubmitted, n=4)
        assert await desk.slots.n_held() == 1
        await ends_of(facts, orders)

        async def is_free():
            return await desk.slots.n_held() == 0

        await until(is_free)
    assert len(facts.of(ClipReady)) == 4


@pytest.mark.slow
async def test_a_worker_killed_after_its_submit_was_recorded_brings_every_clip(facts, simulator, worker_process):
    first = worker_process("veo")
    orders = await facts.order_together("veo", n=3)
    await facts.next(ProviderSubmitted)  # of one; those of the others may be written or not
    first.kill()
    await asyncio.to_thread(first.wait, 10)
    worker_process("veo")
    ends = await ends_of(facts, orders)
    assert all(isinstance(end, ClipReady) for end in ends)
    assert [task["n_submissions"] for task in await simulator.tasks()] == [1]


@pytest.mark.slow
async def test_a_worker_killed_while_its_submit_is_on_the_way_sends_nothing_again(
    facts, simulator, worker_process, until
):
    await simulator.fault("latency", operation="submit", delay_s=1.5, count=1)
    first = worker_process("veo", poll_scale=0.01)
    orders = await facts.order_together("veo")
    await until(simulator.n_fired)
    first.kill()
    await asyncio.to_thread(first.wait, 10)
    worker_process("veo", poll_scale=0.01)
    ends = await ends_of(facts, orders)
    assert [(end.kind, end.may_still_bill) for end in ends] == [("outcome_unknown", True)] * 2
    assert len(await simulator.tasks()) == 1
