"""Kill processes at random for minutes while jobs run: every job ends, and the vendors' ledger and ours agree.

`SEED` and `N_JOBS` in the environment change the run; the seed is printed with a failure.
"""

import asyncio
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from testkit.client import CUP, Client, open_client
from testkit.stack import Options, TestStack, local_stack

SEED = int(os.environ.get("SEED", "1"))
N_JOBS = int(os.environ.get("N_JOBS", "30"))
VICTIMS = (
    "gateway",
    "projector",
    "compiler",
    "router",
    "router-2",
    "worker-kling",
    "worker-veo",
    "evaluator",
    "notifier",
    "nats",
    "mongo",
    "s3",
    "simulator",
)
PAUSE_S = (1.0, 6.0)


@pytest.mark.timeout(3_600)
async def test_random_kills_lose_no_job_and_pay_nothing_twice(tmp_path: Path) -> None:
    options = Options(replicas={"router": 2})
    async with local_stack(tmp_path, options) as stack, open_client(stack.facts) as client:
        job_ids = [
            await client.request(prompt=f"{CUP}, {number}", quality="draft" if number % 2 else "premium")
            for number in range(N_JOBS)
        ]
        killer = asyncio.create_task(kill_at_random(stack))
        views = [await client.ended(job_id, timeout_s=1_200) for job_id in job_ids]
        killer.cancel()
        await asyncio.gather(killer, return_exceptions=True)
        await all_up(stack)
        await settled(client, views)
        tasks = (await client.vendor_tasks()).values()
        views = [await client.job(job_id) for job_id in job_ids]

    assert Counter(view["state"] for view in views) == {"ready": N_JOBS}, f"seed {SEED}"
    assert all(task["n_submissions"] == 1 for task in tasks), f"seed {SEED}"
    references = Counter(task["reference"] for task in tasks if task["reference"])
    assert all(n == 1 for n in references.values()), f"seed {SEED}"
    billed = sum(task["billed_usd_micros"] for task in tasks)
    scoring = sum(400 for view in views for clip in view["clips"] if clip["scores"])
    held = sum(clip["held_usd_micros"] for view in views for clip in view["clips"])
    assert sum(view["costs"]["spent_usd_micros"] for view in views) + held >= billed + scoring, f"seed {SEED}"


async def kill_at_random(stack: TestStack) -> None:
    rng = random.Random(SEED)
    while True:
        await asyncio.sleep(rng.uniform(*PAUSE_S))
        name = rng.choice(VICTIMS)
        await stack.kill(name)
        await asyncio.sleep(rng.uniform(0, 3))
        await stack.restart(name)


async def all_up(stack: TestStack) -> None:
    """Start again what the killer left down."""
    for process in stack.stack.processes:
        if not process.is_alive():
            await stack.restart(process.spec.name)


async def settled(client: Client, views: list[dict[str, Any]]) -> None:
    """Wait until every clip has ended, also those of jobs that ended before them."""
    for view in views:
        await client.until(
            view["job_id"],
            lambda seen: all(clip["state"] in {"scored", "failed", "unknown"} for clip in seen["clips"]),
            timeout_s=300,
        )
