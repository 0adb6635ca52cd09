"""A job pinned to each vendor of the catalogue ends ready, and costs what that vendor billed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from local_stack.layout import CATALOG
from local_stack.services import vendors_of

pytestmark = pytest.mark.timeout(240)
SCORING_USD_MICROS = 400
CALLING_BACK = {"kling", "luma", "minimax", "pika"}


@pytest.fixture
async def small_clips(client: Any) -> AsyncIterator[None]:
    """What the picture shows does not matter here."""
    await client.simulator.post("/settings", json={"small_clips": True})
    yield
    await client.simulator.post("/settings", json={"small_clips": False})


async def called_back(client: Any, task_ids: set[str]) -> set[str]:
    """Name the vendors whose callbacks about these tasks the gateway took."""
    told = (await client.simulator.get("/callbacks")).json()["deliveries"]
    return {each["vendor"] for each in told if each["task_id"] in task_ids and each["status"] in range(200, 300)}


@pytest.mark.usefixtures("small_clips")
async def test_a_job_pinned_to_each_vendor_costs_what_the_vendor_billed(client: Any) -> None:
    before = await client.vendor_tasks()
    vendors = vendors_of(CATALOG)
    asked = (client.request(prompt="A red ball", quality="draft", provider=vendor) for vendor in vendors)
    jobs = dict(zip(vendors, await asyncio.gather(*asked), strict=True))
    views = {vendor: await client.ended(job_id, timeout_s=120) for vendor, job_id in jobs.items()}

    ends = {vendor: (view["state"], view["error"]) for vendor, view in views.items()}
    assert ends == dict.fromkeys(vendors, ("ready", None))
    # A job may be ready before its last clip is: nobody knows the bill before that has ended too.
    views = {vendor: await client.settled(job_id) for vendor, job_id in jobs.items()}
    tasks = {task_id: task for task_id, task in (await client.vendor_tasks()).items() if task_id not in before}
    billed = Counter[str]()
    for task in tasks.values():
        billed[task["vendor"]] += task["billed_usd_micros"]
    for vendor, view in views.items():
        clips = view["clips"]
        assert {clip["provider"] for clip in clips} == {vendor}
        assert billed[vendor] > 0
        n_scored = sum(clip["state"] == "scored" for clip in clips)
        assert view["costs"]["spent_usd_micros"] == billed[vendor] + n_scored * SCORING_USD_MICROS
    # Where a vendor takes several clips a request, both drafts were one.
    n_clips_at_veo = [task["n_clips"] for task in tasks.values() if task["vendor"] == "veo"]
    assert (n_clips_at_veo, len(views["veo"]["clips"])) == ([2], 2)

    # MiniMax makes no task before the address has echoed its challenge; the last callbacks may still be on their way.
    async with asyncio.timeout(15):
        while not await called_back(client, set(tasks)) >= CALLING_BACK:
            await asyncio.sleep(0.1)
