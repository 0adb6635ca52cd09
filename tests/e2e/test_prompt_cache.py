"""An equal request is answered with a copy of the earlier clip: free, playable, and open about where it comes from."""

import io
from contextlib import AsyncExitStack
from typing import Any

import av
import httpx
import pytest
from testkit.client import open_client
from testkit.sinks import WebhookSink

pytestmark = pytest.mark.timeout(240)


async def ready(client: Any, **fields: Any) -> dict[str, Any]:
    """Ask for a job that the cache may answer, and wait until its file is signed."""
    job_id = await client.request(quality="draft", **fields)
    view = await client.ended(job_id)
    assert view["state"] == "ready", view["error"]
    return dict(await client.until(job_id, lambda seen: any("final" in clip["assets"] for clip in seen["clips"])))


async def spent(client: Any) -> int:
    return int((await client.http.get("/v1/budget")).json()["budgets"][2]["spent_usd_micros"])


def delivered(view: dict[str, Any]) -> dict[str, Any]:
    (clip,) = (clip for clip in view["clips"] if clip["clip_id"] == view["delivered_clip_id"])
    return dict(clip)


async def test_an_equal_request_is_free_and_a_take_of_its_own_is_not(client: Any, webhooks: WebhookSink) -> None:
    original = await ready(client, prompt="A red kite over a beach, slow pan left", reuse="near")
    assert original["origin"] is None
    tasks, before = await client.vendor_tasks(), await spent(client)

    again = await ready(client, prompt="A red kite over a beach, slow pan left", reuse="near", webhook_url=webhooks.url)
    nearly = await ready(client, prompt="a red kite, over the beach; slow pan to the left!", reuse="near")
    assert (again["origin"]["match"], nearly["origin"]["match"]) == ("exact", "near")
    for view in (again, nearly):
        assert view["origin"]["job_id"] == original["job_id"]
        assert view["origin"]["clip_id"] == original["delivered_clip_id"]
        assert view["costs"]["spent_usd_micros"] == view["costs"]["held_usd_micros"] == 0
        assert view["costs"]["estimate_usd_micros"] > 0
        assert "prompt cache" in view["reasons"][0]
        assert len(view["clips"]) == 1
    assert await client.vendor_tasks() == tasks
    assert await spent(client) == before

    await _plays_and_tells_of(client, again, original)

    await webhooks.wait_for(lambda all_: any(each.type == "job.ready" for each in all_), timeout_s=15)
    assert all(each.verified for each in webhooks.deliveries)
    assert [each.type for each in webhooks.deliveries] == ["job.queued", "job.ready"]
    assert webhooks.deliveries[-1].payload["data"]["origin"] == {
        "job_id": original["job_id"],
        "clip_id": original["delivered_clip_id"],
        "match": "exact",
    }

    own = await ready(client, prompt="A red kite over a beach, slow pan left", reuse="off")
    assert own["origin"] is None
    assert own["costs"]["spent_usd_micros"] > 0


async def _plays_and_tells_of(client: Any, view: dict[str, Any], original: dict[str, Any]) -> None:
    """The copy is a file of the job's own, signed for it, with the original's vendor, model, seed and bytes."""
    clip, rendered = delivered(view), delivered(original)
    assert {name: clip[name] for name in ("provider", "model", "seed")} == {
        name: rendered[name] for name in ("provider", "model", "seed")
    }
    assert clip["assets"]["source"]["sha256"] == rendered["assets"]["source"]["sha256"]
    assert clip["scores"] == rendered["scores"]
    answer = await client.http.get(clip["file"]["content_path"])
    async with httpx.AsyncClient(trust_env=False) as anybody:
        stored = await anybody.get(answer.headers["location"])
    with av.open(io.BytesIO(stored.content)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    record = (await client.http.get(f"/v1/assets/{clip['clip_id']}/provenance")).json()["record"]
    assert (record["job_id"], record["reused_from"]["job_id"]) == (view["job_id"], original["job_id"])
    assert (record["vendor"], record["seed"]) == (rendered["provider"], rendered["seed"])


async def test_equal_requests_of_a_batch_are_rendered_once_they_can_be_reused(client: Any) -> None:
    await ready(client, prompt="A green boat on a lake", reuse="near")
    tasks = await client.vendor_tasks()
    requests = [
        {"idempotency_key": f"boat-{n}", "request": {"prompt": "A green boat on a lake", "quality": "draft"}}
        for n in range(5)
    ]
    answer = await client.http.post("/v1/batches", json={"requests": requests}, headers={"Idempotency-Key": "boats"})
    assert answer.status_code == 202, answer.text
    view = await client.batch_ended(answer.json()["batch_id"])
    assert view["counts"]["ready"] == 5, view
    jobs = [await client.job(item["job_id"]) for item in view["items"]]
    assert all(job["origin"]["match"] == "exact" for job in jobs)
    assert await client.vendor_tasks() == tasks


async def test_tenants_use_one_anothers_clips_only_where_both_share_them(stack: Any, client: Any) -> None:
    async with AsyncExitStack() as opened:
        admin = {"Authorization": f"Bearer {stack.facts['admin_key']}"}
        tenants: dict[str, Any] = {}
        for name, shares in (("giver", True), ("taker", True), ("loner", False)):
            path = f"/v1/admin/tenants/{name}"
            key = (await client.http.post(f"{path}/keys", json={"name": "e2e"}, headers=admin)).json()["key"]
            answer = await client.http.put(f"{path}/routing", json={"share_clips": shares}, headers=admin)
            assert answer.json()["share_clips"] is shares
            tenants[name] = await opened.enter_async_context(open_client(stack.facts | {"api_key": key}))

        original = await ready(tenants["giver"], prompt="A yellow train in the snow", reuse="near")
        shared = await ready(tenants["taker"], prompt="A yellow train in the snow", reuse="near")
        assert (shared["origin"]["job_id"], shared["origin"]["shared"]) == (original["job_id"], True)
        assert shared["costs"]["spent_usd_micros"] == 0
        assert (await tenants["taker"].http.get(f"/v1/jobs/{original['job_id']}")).status_code == 404
        assert (await tenants["taker"].http.get(f"/v1/assets/{original['delivered_clip_id']}")).status_code == 404

        own = await ready(tenants["loner"], prompt="A yellow train in the snow", reuse="near")
        assert own["origin"] is None
        assert own["costs"]["spent_usd_micros"] > 0
