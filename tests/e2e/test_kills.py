"""Kill each process at work and start it again: the job ends, nothing is submitted twice, no fact is lost."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from local_stack.stack import Stack
from testkit.sinks import WebhookSink

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

MOMENTS = {
    "gateway": 1.0,
    "projector": 1.0,
    "compiler": 0.0,
    "router": 1.5,
    "worker-kling": 0.6,
    "worker-veo": 0.6,
    "evaluator": 4.0,
    "notifier": 0.5,
    "simulator": 1.5,
    "nats": 1.5,
    "s3": 3.5,
}
"""Seconds after the request at which each process is in the middle of something."""


@pytest.mark.parametrize("name", list(MOMENTS))
async def test_a_killed_process_loses_nothing_and_pays_nothing_twice(
    client: Any, stack: Stack, webhooks: WebhookSink, name: str
) -> None:
    before = await client.vendor_tasks()
    # The worker that dies is one that the job needs.
    pin = {"provider": name.removeprefix("worker-")} if name.startswith("worker-") else {}
    job_id = await client.request(webhook_url=webhooks.url, **pin)
    await asyncio.sleep(MOMENTS[name])
    victims = [process.spec.name for process in stack.processes if process.spec.name in {name, f"{name}-2"}]
    for victim in victims:
        await asyncio.to_thread(stack.kill, victim)
    for victim in victims:
        await asyncio.to_thread(stack.restart, victim)
    view = await client.ended(job_id, timeout_s=150)

    assert view["state"] == "ready", view["error"]
    tasks = [task for task_id, task in (await client.vendor_tasks()).items() if task_id not in before]
    assert all(task["n_submissions"] == 1 for task in tasks)
    references = Counter(task["reference"] for task in tasks if task["reference"])
    assert all(n == 1 for n in references.values()), references
    assert len(tasks) <= len(view["clips"])
    assert view["costs"]["spent_usd_micros"] >= sum(task["billed_usd_micros"] for task in tasks)
    await webhooks.wait_for(lambda all_: any(each.type == "job.ready" for each in all_), timeout_s=40)
    kinds = [each.type for each in webhooks.deliveries]
    assert kinds.index("job.queued") < kinds.index("job.generating") < kinds.index("job.ready")
