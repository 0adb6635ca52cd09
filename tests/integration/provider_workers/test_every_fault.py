"""Every vendor with every fault: how the clip ends, and that what the vendor billed is what we tell, once.

A new vendor joins by being registered: nothing here names one.
"""

import pytest
from dailies_contracts import ClipFailed, ClipReady, ClipSettled, ProviderSubmitted
from local_stack.ports import free_ports

pytestmark = pytest.mark.alone

READY, UNKNOWN = "ready", "outcome_unknown"
ENDS = {
    "": {READY},
    "throttled count=2 retry_after_s=0.3": {READY},
    "throttled count=1": {READY},
    "throttled": {READY},  # a marker of a refusal for now hits once, if it says no count
    "throttled count=9": {"throttled"},
    "throttled code=1303 count=1": {READY},
    "server_error status=503 count=1": {READY},
    "outage count=2": {READY},
    "server_error status=500 count=9": {"unavailable"},
    "unauthorized": {"auth"},
    "out_of_money": {"quota"},
    "refused_at_submit": {"refused"},
    "refused_at_completion": {"refused"},
    "failed_at_completion": {"unavailable"},
    "slow factor=2": {READY},
    "latency delay_s=0.3": {READY},
    "expired_url": {READY},
    "truncated_file cut=true count=1": {READY},
    "not_a_video count=1": {READY},
    "truncated_file": {"bad_output"},
    "not_a_video": {"bad_output"},
    "callback_missing": {READY},
    "callback_late delay_s=0.5": {READY},
    "callback_repeated repeat=3": {READY},
    "callback_forged": {READY},
    "defect defect=blur": {READY},
}
"""How a clip with each fault ends, at any vendor."""
LOST = ("response_lost", "latency delay_s=4", "dropped", "server_error status=504 count=1")
"""After these it depends on what the vendor tells afterwards; the latency is longer than our patience."""


def end_of(facts, order):
    ends = [*facts.of(ClipReady, order.clip_id), *facts.of(ClipFailed, order.clip_id)]
    assert len(ends) == 1, f"{order.prompt.prompt}: {ends}"
    return READY if isinstance(ends[0], ClipReady) else ends[0].kind


def charged(facts, order):
    """What we say that the clip cost, by the facts about it."""
    return (
        sum(fact.cost_usd_micros for fact in facts.of(ClipReady, order.clip_id))
        + sum(fact.charged_usd_micros for fact in facts.of(ClipFailed, order.clip_id))
        + sum(fact.charged_usd_micros for fact in facts.of(ClipSettled, order.clip_id))
    )


def is_open(facts, order):
    """The hold is kept: nobody knows yet whether the vendor bills."""
    failed = facts.of(ClipFailed, order.clip_id)
    return any(fact.may_still_bill for fact in failed) and not facts.of(ClipSettled, order.clip_id)


async def each_ended(facts, orders):
    for order in orders:
        await facts.next(ClipReady, ClipFailed, clip_id=order.clip_id, timeout_s=60)


async def assert_billed_once(facts, simulator, orders):
    """What each vendor billed for a clip is what we tell that it cost, and no clip was accepted twice."""
    for order in orders:
        prompt = order.prompt.prompt
        tasks = [task for task in await simulator.tasks() if task["prompt"] == prompt]
        assert len(tasks) <= 1, f"accepted twice: {prompt}"
        assert all(task["n_submissions"] == 1 for task in tasks), prompt
        if is_open(facts, order):
            assert charged(facts, order) == 0, prompt
        else:
            assert charged(facts, order) == sum(task["billed_usd_micros"] for task in tasks), prompt


async def end_stuck_tasks(facts, simulator, order):
    """The clip was given up; now the vendor ends it after all."""
    await facts.next(ClipFailed, clip_id=order.clip_id)
    assert (end_of(facts, order), is_open(facts, order)) == ("timed_out", True)
    (task,) = [task for task in await simulator.tasks() if task["prompt"] == order.prompt.prompt]
    await simulator.tell(f"tasks/{task['vendor']}/{task['id']}/finish", state="succeeded")
    settled = await facts.next(ClipSettled, clip_id=order.clip_id)
    assert settled.charged_usd_micros > 0
    assert settled.asset is not None


async def test_every_fault_ends_the_clip_as_it_should_and_is_billed_once(
    any_adapter, facts, simulator, worker, gateway
):
    marked = {fault: f"[[fault:{fault}]]" if fault else "" for fault in (*ENDS, *LOST)}
    settings = {"callback_url": gateway.base_url, "callback_secret": "callback-secret", "submit_timeout_s": 1.5}
    async with worker(any_adapter, n_slots=len(marked) + 1, **settings) as desk:
        stuck = await facts.order(any_adapter, f"{any_adapter} never done [[fault:stuck]]", deadline_s=5.0)
        orders = {
            fault: await facts.order(any_adapter, f"{any_adapter} {number} {mark}")
            for number, (fault, mark) in enumerate(marked.items())
        }
        await end_stuck_tasks(facts, simulator, stuck)
        await each_ended(facts, orders.values())
        calls_back = bool(gateway.deliveries)
    ends = {fault: end_of(facts, order) for fault, order in orders.items()}
    assert {fault: ends[fault] for fault in ENDS if ends[fault] not in ENDS[fault]} == {}
    told_later = READY if desk.adapter.can_find or calls_back else UNKNOWN
    assert (ends["response_lost"], ends["latency delay_s=4"]) == (told_later, told_later)
    assert ends["dropped"] == (READY if desk.adapter.can_find else UNKNOWN)
    assert ends["server_error status=504 count=1"] in {READY, UNKNOWN}
    await assert_billed_once(facts, simulator, [stuck, *orders.values()])
    unknown = {fault for fault, order in orders.items() if is_open(facts, order)}
    assert unknown == {fault for fault, end in ends.items() if end == UNKNOWN}


async def test_every_fault_of_a_shared_request_ends_its_clips_alike_and_is_billed_once(facts, simulator, worker):
    marked = {fault: f"[[fault:{fault}]]" if fault else "" for fault in (*ENDS, *LOST)}
    async with worker("veo", n_slots=len(marked), submit_timeout_s=1.5):
        pairs = {
            fault: await facts.order_together("veo", f"pair {number} {mark}")
            for number, (fault, mark) in enumerate(marked.items())
        }
        for pair in pairs.values():
            await each_ended(facts, pair)
    ends = {fault: {end_of(facts, order) for order in pair} for fault, pair in pairs.items()}
    expected = ENDS | {fault: {UNKNOWN} for fault in LOST}
    assert {fault: ends[fault] for fault in expected if ends[fault] != expected[fault]} == {}
    tasks = await simulator.tasks()
    for follower, leader in pairs.values():
        same = [task for task in tasks if task["prompt"] == leader.prompt.prompt]
        assert len(same) <= 1, f"accepted twice: {leader.prompt.prompt}"
        assert is_open(facts, follower) == is_open(facts, leader)
        told = charged(facts, follower) + charged(facts, leader)
        assert told == (0 if is_open(facts, leader) else sum(task["billed_usd_micros"] for task in same))


async def test_an_outage_is_waited_out(facts, simulator, worker):
    async with worker("kling", poll_scale=0.4):  # what is refused is sent again after 0.8 and 1.6 s
        await simulator.fault("outage", duration_s=0.6)
        order = await facts.order("kling")
        await each_ended(facts, [order])
    assert end_of(facts, order) == READY
    assert await simulator.n_fired() > 0
    await assert_billed_once(facts, simulator, [order])


@pytest.mark.parametrize("adapter", ["kling", "veo"])
async def test_a_vendor_that_cannot_be_reached_costs_nothing_and_is_left_soon(adapter, facts, worker):
    (port,) = free_ports(1)
    async with worker(adapter, base_url=f"http://127.0.0.1:{port}"):
        order = await facts.order(adapter)
        failed = await facts.next(ClipFailed)
    assert (failed.kind, failed.may_still_bill) == ("unavailable", False)
    assert (failed.occurred_at - order.occurred_at).total_seconds() < 10
    assert facts.of(ProviderSubmitted) == []


async def test_a_vendor_that_grows_slower_and_slower_is_borne(facts, simulator, worker):
    await simulator.fault("latency", operation="*", delay_s=0.02, growth_s=0.02)
    async with worker("kling"):
        orders = [await facts.order("kling", f"ball {number}") for number in range(6)]
        await each_ended(facts, orders)
    assert {end_of(facts, order) for order in orders} == {READY}
    await assert_billed_once(facts, simulator, orders)


async def test_connections_refused_while_a_clip_renders_change_nothing(facts, simulator, worker):
    async with worker("kling"):
        order = await facts.order("kling", "a ball [[fault:connection_refused duration_s=0.5]]")
        await each_ended(facts, [order])
    assert end_of(facts, order) == READY
    await assert_billed_once(facts, simulator, [order])
