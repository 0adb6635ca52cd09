"""Clips over every vendor with random faults: each ends, none is sent twice, our ledger has what was billed.

`SEEDS` and `N_CLIPS` in the environment make it longer (`make chaos`: twenty seeds with three hundred clips each).
"""

import os
import random
from contextlib import AsyncExitStack

import pytest
from dailies_contracts import ClipFailed, ClipReady, ClipSettled
from router.adapters.ledger import Ledger
from router.domain.money import corrections, holds_of
from router.domain.state import fold
from runtime.budgets import Limits
from runtime.clock import utc_clock
from runtime.service import open_service
from runtime.settings import ServiceSettings
from testkit.builders import clip_scored
from testkit.lineup import dialects
from testkit.orders import Dialect

SEEDS = [int(seed) for seed in os.environ.get("SEEDS", "1 2").split()]
N_CLIPS = int(os.environ.get("N_CLIPS", "60"))
TENANT = "acme"
WHOLE = 0.35  # share of clips without a fault of their own
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


class Books:
    """The router's own ledger, fed by the facts as the router feeds it."""

    def __init__(self, ledger, log) -> None:
        self.ledger = ledger
        self.log = log

    async def hold(self, order):
        assert await self.ledger.hold(TENANT, order.job_id, holds_of([order]), sequence=0)

    async def settle(self, order):
        """Do what the router does when a clip's fate is known; the scoring is not charged here."""
        history = await self.log.history(order.job_id)
        entries = (await self.ledger.look(TENANT, order.job_id)).entries
        wanted = corrections(entries, fold(history.events).clips, has_ended=False)
        if wanted:
            await self.ledger.correct(TENANT, order.job_id, wanted, sequence=history.last_sequence)

    async def account(self, order):
        (entry,) = (await self.ledger.look(TENANT, order.job_id)).entries.values()
        return entry.account


@pytest.fixture
async def books(nats_url, facts):
    async with open_service("testing", ServiceSettings(nats_url=nats_url)) as service:
        budgets, tenants = await service.bucket("budgets"), await service.bucket("tenants")
        limits = Limits(total=10**12)
        ledger = Ledger(budgets, tenants, tell=facts.log.append_fact, clock=utc_clock, defaults=limits)
        yield Books(ledger, facts.log)


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
            order = await facts.order(chooser.choice(lineup).adapter, prompt, deadline_s=deadline_s)
            await books.hold(order)
            orders[order.clip_id] = (order, mark)
        await everything_ended(facts, simulator, books, orders)
    await assert_the_books_agree(facts, simulator, books, orders)


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
            # Given up long ago, it is looked at every ninety seconds, and one look in twenty fails.
            await facts.next(ClipSettled, clip_id=clip_id, timeout_s=400)
        await books.settle(order)


async def assert_the_books_agree(facts, simulator, books, orders):
    tasks = {}
    for task in await simulator.tasks():
        tasks.setdefault(task["prompt"], []).append(task)
    assert not [prompt for prompt, same in tasks.items() if len(same) > 1], "accepted twice"
    assert all(task["n_submissions"] == 1 for same in tasks.values() for task in same), "sent twice"
    booked, unknown = {}, {}
    for order, mark in orders.values():
        account = await books.account(order)
        assert bool(account.held_usd_micros) == is_unknown(facts, order), (order.prompt.prompt, account)
        (unknown if account.held_usd_micros else booked)[order.prompt.prompt] = account.charged_usd_micros
        assert not account.held_usd_micros or mark in MAY_STAY_UNKNOWN, order.prompt.prompt
    billed = {prompt: same[0]["billed_usd_micros"] for prompt, same in tasks.items()}
    assert {prompt: billed.get(prompt, 0) for prompt in booked} == booked
    n_billed = sum(amount > 0 for amount in billed.values())
    assert n_billed > len(orders) / 3
    n_charged = sum(amount > 0 for amount in booked.values())
    assert n_billed == n_charged + sum(billed.get(prompt, 0) > 0 for prompt in unknown)


def is_unknown(facts, order):
    failed = facts.of(ClipFailed, order.clip_id)
    return any(fact.may_still_bill for fact in failed) and not facts.of(ClipSettled, order.clip_id)
