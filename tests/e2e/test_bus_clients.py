"""Other teams publish on the bus; what cannot be read is kept aside and can be handed back."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import nats
import pytest
from dailies_contracts import JobRequested, VideoRequest, cloudevents_headers, derive_job_id, encode, subject_of
from local_stack.stack import Stack

pytestmark = pytest.mark.timeout(240)


async def test_a_job_published_on_the_bus_runs_like_one_from_http(client: Any, stack: Stack) -> None:
    event = JobRequested(
        job_id=derive_job_id("demo", uuid.uuid4().hex),
        tenant_id="demo",
        occurred_at=datetime.now(UTC),
        request=VideoRequest(prompt="A red ball on a wooden table, camera static", quality="premium"),
    )
    bus = await nats.connect(stack.facts["nats_url"])
    headers = cloudevents_headers(event, source="/acme/campaigns")
    await bus.jetstream().publish(subject_of(event), encode(event), headers=headers)
    await bus.close()
    view = await client.ended(event.job_id)
    assert view["state"] == "ready", view["error"]
    assert {clip["stage"] for clip in view["clips"]} == {"draft", "final"}
    assert view["source"] == "bus"


async def test_a_job_that_breaks_the_rules_on_the_bus_fails_with_a_sentence(client: Any, stack: Stack) -> None:
    event = JobRequested(
        job_id=derive_job_id("demo", uuid.uuid4().hex),
        tenant_id="demo",
        occurred_at=datetime.now(UTC),
        request=VideoRequest(prompt=""),
    )
    bus = await nats.connect(stack.facts["nats_url"])
    await bus.jetstream().publish(subject_of(event), encode(event))
    await bus.close()
    view = await client.ended(event.job_id)
    assert view["state"] == "failed"
    assert view["error"]["code"]
    assert view["error"]["message"]


async def test_a_malformed_event_goes_to_the_dead_letters_and_the_others_go_on(client: Any, stack: Stack) -> None:
    admin = {"Authorization": f"Bearer {stack.facts['admin_key']}"}
    job_id = f"job_{uuid.uuid4().hex[:20]}"
    bus = await nats.connect(stack.facts["nats_url"])
    await bus.jetstream().publish(f"video.v1.{job_id}.job_requested", b'{"type": "JobRequested"}')
    await bus.close()
    after = await client.request(quality="draft")
    letters: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not any(letter["consumer"].startswith("compiler") for letter in letters):
            answer = await client.http.get("/v1/admin/dead-letters", headers=admin)
            letters = [each for each in answer.json()["dead_letters"] if job_id in each["subject"]]
            await asyncio.sleep(0.1)
    letter = next(each for each in letters if each["consumer"].startswith("compiler"))
    assert "tenant_id" in letter["reason"] or "job_id" in letter["reason"]
    assert (await client.ended(after))["state"] == "ready"

    replayed = await client.http.post(f"/v1/admin/dead-letters/{letter['sequence']}/replay", headers=admin)
    assert replayed.status_code in {200, 202}
    async with asyncio.timeout(20):
        while True:
            answer = await client.http.get(f"/v1/admin/dead-letters?after={letter['sequence']}", headers=admin)
            if any(job_id in each["subject"] for each in answer.json()["dead_letters"]):
                break
            await asyncio.sleep(0.1)
