"""Crashes at any write and deliveries in any order, repeated: jobs end once, money stays exact, logs replay.

`SIMULATION_SEEDS` in the environment says how many seeds; the one that failed is in the test's name.
"""

import os
import random
from collections import Counter

import msgspec
import pytest
from dailies_contracts import TERMINAL_EVENTS, AnyEvent, ClipRequested, PromptCompiled, decode, encode
from market.jobs import TENANTS, Ask, Prompts, asks
from market.memory import Fate
from market.season import TenantCheck
from market.truth import make_truth
from market.world import World
from router.domain.state import Ended, committed_usd_micros, evolve, fold
from runtime.budgets import Limits
from runtime.catalog import Catalog

SEEDS = range(int(os.environ.get("SIMULATION_SEEDS", "100")))
N_JOBS = 5
PER_DAY = 5_000.0  # so that jobs overlap
PINNED = 0.3  # share of jobs at one vendor, whose drafts share requests
TIGHT = Limits(day=9_000_000, month=8_000_000, total=7_000_000)


def storm(seed: int, catalog: Catalog, prompts: Prompts) -> World:
    """A few jobs at once, in a market with failures, under a router that dies every few writes."""
    draw = random.Random(f"storm {seed}")

    def shuffle() -> tuple[float, int]:
        return draw.choice((0.0, 0.0, 0.5, 20.0)), draw.choice((1, 1, 1, 2, 3))

    truth = make_truth(seed, catalog, prompts.classes)
    for model, nature in truth.natures.items():
        failing = {"failing": 0.15, "losing": 0.1}
        truth.natures[model] = type(nature)(
            **{name: failing.get(name, getattr(nature, name)) for name in nature.__slots__}
        )
    return World(
        truth,
        catalog,
        [pinned(ask) if draw.random() < PINNED else ask for ask in asks(seed, n=N_JOBS, per_day=PER_DAY)],
        prompts=prompts,
        limits=TIGHT,
        fate=Fate(seed=seed, deaths=0.04),
        shuffle=shuffle,
    )


def pinned(ask: Ask) -> Ask:
    """Pin a job to the vendor that takes several clips a request."""
    request = msgspec.structs.replace(ask.requested.request, provider="veo")
    return ask._replace(requested=msgspec.structs.replace(ask.requested, request=request))


def check_shared_requests(events: list[AnyEvent]) -> int:
    """Every clip that follows another one lies directly before those that it shares a request with; gives how many."""
    leaders = [event for event in events if isinstance(event, ClipRequested) and event.sample_of is None]
    n_followers = 0
    for number, event in enumerate(events):
        if not isinstance(event, ClipRequested) or event.sample_of is None:
            continue
        n_followers += 1
        (leader,) = (each for each in leaders if each.clip_id == event.sample_of)
        assert (leader.provider, leader.model, leader.prompt) == (event.provider, event.model, event.prompt)
        between = events[number + 1 : events.index(leader)]
        assert all(isinstance(each, ClipRequested) and each.sample_of == event.sample_of for each in between)
    return n_followers


@pytest.mark.parametrize("seed", SEEDS)
async def test_jobs_end_once_and_money_is_exact_whatever_dies(seed: int, catalog: Catalog, prompts: Prompts) -> None:
    world = storm(seed, catalog, prompts)
    check = TenantCheck(world, TIGHT)
    await world.run()

    assert check.overruns == 0
    assert check.duplicates() == 0  # nothing submitted twice; spent is what vendors billed; nothing is held any more
    assert set(world.bill.submissions.values()) <= {1}
    for ask in world.asks:
        events = [event for _, event in world.log.jobs[ask.requested.job_id]]
        assert sum(isinstance(event, TERMINAL_EVENTS) for event in events) == 1
        orders = Counter(event.stage for event in events if isinstance(event, ClipRequested))
        assert max(orders.values(), default=0) <= catalog.policy.max_attempts_per_stage
        assert orders.total() <= catalog.policy.max_attempts_per_job
        assert all(event.decision and event.decision.candidates for event in events if isinstance(event, ClipRequested))
        check_shared_requests(events)


async def test_the_storms_have_shared_requests(catalog: Catalog, prompts: Prompts) -> None:
    n_followers = 0
    for seed in range(5):
        world = storm(seed, catalog, prompts)
        await world.run()
        n_followers += sum(check_shared_requests([event for _, event in job]) for job in world.log.jobs.values())
    assert n_followers > 0


@pytest.mark.parametrize("seed", range(5))
async def test_a_log_replays_to_the_same_states(seed: int, catalog: Catalog, prompts: Prompts) -> None:
    world = storm(seed, catalog, prompts)
    await world.run()
    for events in world.log.jobs.values():
        stored = [decode(encode(event)) for _, event in events]
        assert stored == [event for _, event in events]
        state = fold(stored)
        assert isinstance(state, Ended)
        # Read twice, or with late facts read again, it is the same state.
        for event in stored:
            assert evolve(state, event) == state
        compiled = next(event for event in stored if isinstance(event, PromptCompiled))
        assert compiled.prompts
        assert committed_usd_micros(state.clips) >= 0


async def test_the_same_seed_is_the_same_history(catalog: Catalog, prompts: Prompts) -> None:
    histories = []
    for _ in range(2):
        world = storm(3, catalog, prompts)
        await world.run()
        histories.append([msgspec.json.encode(event) for events in world.log.jobs.values() for _, event in events])
    assert histories[0] == histories[1]
    assert world.fate.n_deaths > 0
    assert {event.tenant_id for events in world.log.jobs.values() for _, event in events} <= set(TENANTS)
