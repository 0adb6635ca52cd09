"""A worker is killed at the worst moments and started again: one task at the vendor, one end in the log."""

import asyncio

import pytest
from dailies_contracts import ClipFailed, ClipReady, ProviderSubmitted


@pytest.mark.slow
async def test_a_worker_killed_while_its_submit_is_on_the_way_pays_once(facts, simulator, worker_process, until):
    await simulator.fault("latency", operation="submit", delay_s=1.5, count=1)
    first = worker_process("kling")
    await facts.order("kling")
    await until(simulator.n_fired)
    first.kill()
    await asyncio.to_thread(first.wait, 10)
    assert await simulator.tasks() == []  # the vendor still has the request in its hands
    worker_process("kling")
    await facts.next(ClipReady, timeout_s=60)
    assert facts.of(ProviderSubmitted)[0].found
    assert [task["n_submissions"] for task in await simulator.tasks()] == [1]


@pytest.mark.slow
@pytest.mark.parametrize("adapter", ["kling", "veo"])
async def test_a_worker_killed_after_its_submit_was_recorded_goes_on(adapter, facts, simulator, worker_process):
    first = worker_process(adapter)
    await facts.order(adapter)
    await facts.next(ProviderSubmitted)
    first.kill()
    await asyncio.to_thread(first.wait, 10)
    worker_process(adapter)
    await facts.next(ClipReady, timeout_s=60)
    assert facts.of(ClipFailed) == []
    assert [task["n_submissions"] for task in await simulator.tasks()] == [1]


@pytest.mark.slow
async def test_two_replicas_share_the_work_and_submit_nothing_twice(facts, simulator, worker_process):
    for _ in range(2):
        worker_process("kling")
    orders = [await facts.order("kling", prompt=f"a red ball number {n}") for n in range(8)]
    for number in range(1, len(orders) + 1):
        await facts.next(ClipReady, n=number, timeout_s=60)
    tasks = await simulator.tasks()
    assert sorted(task["reference"] for task in tasks) == sorted(order.clip_id for order in orders)
    assert all(task["n_submissions"] == 1 for task in tasks)
