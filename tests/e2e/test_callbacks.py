"""Callbacks are hints: a lost one delays, a forged one does nothing."""

from typing import Any

import pytest

pytestmark = pytest.mark.timeout(240)


async def test_lost_callbacks_delay_a_job_but_it_ends(client: Any) -> None:
    await client.simulator.post("/faults", json={"kind": "callback_missing"})
    view = await client.ended(await client.request(quality="draft"))
    assert view["state"] == "ready"


async def test_a_forged_callback_does_nothing(client: Any) -> None:
    before = await client.vendor_tasks()
    job_id = await client.request(quality="draft", provider="kling")
    view = await client.until(job_id, lambda seen: any(clip["state"] == "generating" for clip in seen["clips"]))
    clip = view["clips"][0]
    lie = {"id": "1", "status": "failed", "message": "forged", "external_id": clip["clip_id"]}
    url = f"/v1/callbacks/kling/{job_id}/{clip['clip_id']}"
    refused = await client.http.post(f"{url}?sig={'0' * 64}", json=lie)
    assert refused.status_code == 404
    view = await client.settled(job_id)
    assert view["state"] == "ready"
    scored = {clip["clip_id"] for clip in view["clips"] if clip["state"] == "scored"}
    assert clip["clip_id"] in scored, view["clips"]
    tasks = [task for task_id, task in (await client.vendor_tasks()).items() if task_id not in before]
    assert len(tasks) == len(scored), view["clips"]


async def test_a_lie_over_a_signed_address_is_checked_at_the_vendor(client: Any) -> None:
    await client.simulator.post("/faults", json={"kind": "callback_forged", "vendor": "kling"})
    view = await client.settled(await client.request(quality="draft", provider="kling"))
    assert view["state"] == "ready"
    assert all(clip["state"] == "scored" for clip in view["clips"])
