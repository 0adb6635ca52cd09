"""The bus loses a running job, or every timer of it: the job ends as if nothing had been, and is paid once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import nats
import pytest
from dailies_contracts import TIMERS, VIDEO, job_filter
from local_stack.stack import Stack
from nats.aio.client import Client as Bus

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def bus(stack: Stack) -> AsyncIterator[Bus]:
    connection = await nats.connect(stack.facts["nats_url"])
    yield connection
    await connection.close()


async def projected(client: Any, job_id: str, view: dict[str, Any]) -> None:
    """Wait until the projection shows as much as the log did."""
    async with asyncio.timeout(30):
        while True:
            jobs = (await client.http.get("/v1/jobs?limit=20")).json()["jobs"]
            if any(each["job_id"] == job_id and each["updated_at"] >= view["updated_at"] for each in jobs):
                return
            await asyncio.sleep(0.1)


async def known_again(client: Any, job_id: str) -> None:
    """Wait until the log has the job."""
    async with asyncio.timeout(90):
        while (await client.http.get(f"/v1/jobs/{job_id}")).status_code == 404:
            await asyncio.sleep(0.2)


def is_rendered(view: dict[str, Any]) -> bool:
    return any(entry["event"] == "ProviderSubmitted" for entry in view["timeline"])


async def paid_once(client: Any, view: dict[str, Any], before: dict[str, Any]) -> None:
    assert view["state"] == "ready", view["error"]
    tasks = [task for task_id, task in (await client.vendor_tasks()).items() if task_id not in before]
    references = Counter(task["reference"] for task in tasks if task["reference"])
    assert all(n == 1 for n in references.values()), references
    assert all(task["n_submissions"] == 1 for task in tasks)
    assert len(tasks) <= len(view["clips"])
    assert view["costs"]["spent_usd_micros"] >= sum(task["billed_usd_micros"] for task in tasks)
    ends = [entry for entry in view["timeline"] if entry["event"] in {"JobCompleted", "JobFailed", "JobCancelled"}]
    assert len(ends) == 1


async def test_a_job_that_the_log_lost_goes_on_to_its_end(client: Any, bus: Bus) -> None:
    before = await client.vendor_tasks()
    job_id = await client.request()
    await projected(client, job_id, await client.until(job_id, is_rendered))
    await bus.jetstream().purge_stream(VIDEO, subject=job_filter(job_id))
    await known_again(client, job_id)
    await paid_once(client, await client.settled(job_id, timeout_s=150), before)


async def test_a_job_whose_timers_are_lost_goes_on_to_its_end(client: Any, bus: Bus, stack: Stack) -> None:
    await client.simulator.post("/faults", json={"kind": "callback_missing"})
    before = await client.vendor_tasks()
    job_id = await client.request(provider="kling")
    await client.until(job_id, is_rendered)
    await asyncio.to_thread(stack.kill, "worker-kling")  # or it sets the timer that it has in hand once more
    await bus.jetstream().purge_stream(TIMERS, subject="timers.>")
    await asyncio.to_thread(stack.restart, "worker-kling")
    await paid_once(client, await client.settled(job_id, timeout_s=150), before)
