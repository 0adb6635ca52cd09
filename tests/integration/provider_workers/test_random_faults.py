"""Clips over every vendor with random faults: each ends, none is sent twice, our ledger has what was billed.

`SEEDS` and `N_CLIPS` in the environment make it longer (`make chaos`: twenty seeds with three hundred clips each).
"""

import contextlib
import os
import random
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from dailies_contracts import ClipFailed, ClipReady, ClipSettled
from provider_workers.adapters.registry import ADAPTERS
from testkit.builders import clip_scored
from testkit.lineup import dialects
from testkit.orders import Dialect

SEEDS = [int(seed) for seed in os.environ.get("SEEDS", "1 5").split()]
N_CLIPS = int(os.environ.get("N_CLIPS", "60"))
N_LOOKS = 10
WHOLE = 0.35  # share of requests without a fault of their own
SHARED = 0.6  # share of requests for several clips where the dialect takes such
MARKS = (
    "throttled count=1",
    "throttled count=2 retry_after_s=0.2",
    "throttled count=9",
    "server_error status=500 count=1",
    "server_error status=503 count=2",
    "server_error status=504 count=1",
    "dropped",
    "response_lost",
    "latency delay_s=0.5",
    "unauthorized",
    "out_of_money",
    "refused_at_submit",
    "refused_at_completion",
    "refused_at_completion samples=1",
    "failed_at_completion",
    "stuck",
    "stuck duration_s=1.5",
    "slow factor=3",
    "expired_url",
    "truncated_file",
    "truncated_file cut=true count=1",
    "not_a_video",
    "not_a_video count=1",
    "callback_missing",
    "callback_late delay_s=1",
    "callback_repeated repeat=3",
    "callback_forged",
)
MAY_STAY_UNKNOWN = ("response_lost", "dropped", "server_error status=504 count=1")


def one_dialect_of_each_vendor(chooser: random.Random) -> list[Dialect]:
    by_vendor: dict[str, list[Dialect]] = {}
    for dialect in dialects().values():
        by_vendor.setdefault(dialect.provider, []).append(dialect)
    return [chooser.choice(spoken) for spoken in by_vendor.values()]


async def finish_what_is_stuck(simulator):
    for task in await simulator.tasks():
        if task["state"] in ("queued", "running"):
            await simulator.tell(f"tasks/{task['vendor']}/{task['id']}/finish", state="succeeded")


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_goes_wrong_is_paid_once_and_booked(seed, facts, simulator, worker, gateway, books):
    chooser = random.Random(seed)
    lineup = one_dialect_of_each_vendor(chooser)
    await simulator.fault("server_error", operation="poll", probability=0.03, seed=seed)
    await simulator.fault("dropped", operation="poll", probability=0.02, seed=seed)
    await simulator.fault("expired_url", probability=0.05, seed=seed)
    orders = {}
    async with AsyncExitStack() as stack:
        settings = {"callback_url": gateway.base_url, "callback_secret": "callback-secret"}
        for dialect in lineup:
            await stack.enter_async_context(worker(dialect.adapter, n_slots=25, **settings))
        for number in range(N_CLIPS):
            mark = "" if chooser.random() < WHOLE else chooser.choice(MARKS)
            prompt = f"ball {number} of {seed}" + (f" [[fault:{mark}]]" if mark else "")
            deadline_s = 6.0 if mark == "stuck" else 90.0
            dialect = chooser.choice(lineup)
            placed = await placed_at(dialect, chooser, facts, prompt, deadline_s=deadline_s)
            await books.hold(*placed)
            orders |= {order.clip_id: (order, mark) for order in placed}
        await everything_ended(facts, simulator, books, orders)
    await assert_the_books_agree(facts, simulator, books, orders)


async def placed_at(dialect, chooser, facts, prompt, **fields):
    """Order one clip, or several with one request."""
    if not ADAPTERS[dialect.adapter].takes_samples or chooser.random() >= SHARED:
        return (await facts.order(dialect.adapter, prompt, **fields),)
    return await facts.order_together(dialect.adapter, prompt, n=chooser.randint(2, 4), **fields)


async def everything_ended(facts, simulator, books, orders):
    """Wait for every end; then let the vendors end what they still have, and wait for that to be settled."""
    for clip_id, (order, _) in orders.items():
        end = await facts.next(ClipReady, ClipFailed, clip_id=clip_id, timeout_s=180)
        if isinstance(end, ClipReady):
            await facts.log.append_fact(clip_scored(order, scoring_cost_usd_micros=0))
    await finish_what_is_stuck(simulator)
    for clip_id, (order, mark) in orders.items():
        (end,) = [*facts.of(ClipReady, clip_id), *facts.of(ClipFailed, clip_id)]
        if isinstance(end, ClipFailed) and end.may_still_bill and mark == "stuck":
            await looked_at_until_settled(facts, order)
        await books.settle(order)


async def looked_at_until_settled(facts, order):
    """Given up long ago, it would be looked at every ninety seconds; and one look in twenty fails."""
    for _ in range(N_LOOKS):
        await facts.call_back(order.provider, order.job_id, order.clip_id, "{}")
        with contextlib.suppress(TimeoutError):
            await facts.next(ClipSettled, clip_id=order.clip_id, timeout_s=10)
            return
    pytest.fail(f"never settled: {order}")


async def assert_the_books_agree(facts, simulator, books, orders):
    tasks = {}
    for task in await simulator.tasks():
        tasks.setdefault(task["prompt"], []).append(task)
    assert not [prompt for prompt, same in tasks.items() if len(same) > 1], "accepted twice"
    assert all(task["n_submissions"] == 1 for same in tasks.values() for task in same), "sent twice"
    booked, unknown = Counter(), set()
    for order, mark in orders.values():
        prompt, account = order.prompt.prompt, await books.account(order)
        assert bool(account.held_usd_micros) == is_unknown(facts, order), (prompt, account)
        assert not account.held_usd_micros or mark in MAY_STAY_UNKNOWN, prompt
        booked[prompt] += account.charged_usd_micros
        unknown |= {prompt} if account.held_usd_micros else set()
    assert all(booked[prompt] == 0 for prompt in unknown), "the clips of a request are unknown together"
    billed = {prompt: same[0]["billed_usd_micros"] for prompt, same in tasks.items()}
    assert {prompt: billed.get(prompt, 0) for prompt in booked.keys() - unknown} == {
        prompt: amount for prompt, amount in booked.items() if prompt not in unknown
    }
    n_billed = sum(amount > 0 for amount in billed.values())
    assert n_billed > len(booked) / 3
    n_charged = sum(amount > 0 for amount in booked.values())
    assert n_billed == n_charged + sum(billed.get(prompt, 0) > 0 for prompt in unknown)


def is_unknown(facts, order):
    failed = facts.of(ClipFailed, order.clip_id)
    return any(fact.may_still_bill for fact in failed) and not facts.of(ClipSettled, order.clip_id)
