"""Callbacks arrive, signed as Kling signs them, and go wrong on demand."""

import json
from collections.abc import AsyncIterator

import pytest
from testkit.sinks import Answer, WebhookSink

SECRET = "whsec_YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcy4uLi4="


@pytest.fixture
async def sink(bench) -> AsyncIterator[WebhookSink]:
    bench.tune(callback_backoff_s=0.01)
    async with WebhookSink(secrets=(SECRET,)) as sink:
        yield sink


def states(deliveries, name: str = "status") -> set[str]:
    return {delivery.payload[name] for delivery in deliveries}


async def test_each_change_is_told_and_signed(kling, sink) -> None:
    task_id = (await kling.submit(callback_url=sink.url, external_task_id="clip-1")).json()["data"]["id"]
    await sink.wait_for(lambda all_: "succeeded" in states(all_))
    assert states(sink.deliveries) == {"processing", "succeeded"}
    last = next(delivery for delivery in sink.deliveries if delivery.payload["status"] == "succeeded")
    # The task object itself, without an envelope.
    assert set(last.payload) == {
        "id", "status", "message", "create_time", "update_time", "external_id", "outputs", "billing",
    }  # fmt: skip
    assert (last.payload["id"], last.payload["external_id"]) == (task_id, "clip-1")
    assert all(delivery.verified for delivery in sink.deliveries)


async def test_the_legacy_payload_is_another(http, sink, sign_token) -> None:
    headers = {"authorization": f"Bearer {sign_token(exp=2**33, nbf=0)}"}
    body = {"model_name": "kling-v2-6", "prompt": "a cup", "callback_url": sink.url}
    await http.post("/kling/v1/videos/text2video", json=body, headers=headers)
    await sink.wait_for(lambda all_: "succeed" in states(all_, "task_status"))
    done = next(one.payload for one in sink.deliveries if one.payload["task_status"] == "succeed")
    assert done["final_balance_deduction"] == {"quota": "1.5", "list_price": "0.21"}
    assert done["task_result"]["videos"][0]["url"].endswith(".mp4")


async def test_veo_tells_its_web_hook_only_about_success(bench, http, veo, sink) -> None:
    body = {"instances": [{"prompt": "a cup"}], "webhookConfig": {"uris": [sink.url], "userMetadata": {"clip": "1"}}}
    path = "/veo/v1beta/models/veo-3.1-fast-generate-preview:predictLongRunning"
    bench.fault("failed_at_completion", count=1)
    for _ in range(2):
        await http.post(path, json=body, headers=veo.headers)
    await bench.ended(2)
    delivery = await sink.next()
    assert delivery.type == "video.generated"
    assert delivery.payload["data"]["userMetadata"] == {"clip": "1"}
    assert len(sink.deliveries) == 1


async def test_a_receiver_that_fails_is_tried_again(kling, sink) -> None:
    sink.answer(Answer(status=500), Answer(status=0))
    await kling.submit(callback_url=sink.url)
    await sink.wait_for(lambda all_: len(all_) >= 4)
    assert states(sink.deliveries) == {"processing", "succeeded"}


async def test_a_missing_callback_is_not_sent(bench, kling, http, sink) -> None:
    bench.fault("callback_missing", count=2)
    await kling.submit(callback_url=sink.url)
    await bench.ended()
    await kling.submit(callback_url=sink.url, external_task_id="heard")
    await sink.wait_for(lambda all_: "succeeded" in states(all_))
    assert {delivery.payload["external_id"] for delivery in sink.deliveries} == {"heard"}
    log = (await http.get("/_control/callbacks")).json()["deliveries"]
    assert {entry["task_id"] for entry in log} == {bench.tasks[1].id}


async def test_a_repeated_callback_comes_with_the_same_id(bench, kling, sink) -> None:
    bench.fault("callback_repeated", repeat=3)
    await kling.submit(callback_url=sink.url)
    await sink.wait_for(lambda all_: len(all_) == 6)
    assert len({delivery.webhook_id for delivery in sink.deliveries}) == 2


async def test_a_late_callback_comes_after_the_end(bench, kling, sink) -> None:
    bench.fault("callback_late", delay_s=0.3)
    await kling.submit(callback_url=sink.url)
    await bench.ended()
    assert sink.deliveries == []
    await sink.wait_for(lambda all_: len(all_) == 2)


async def test_a_forged_callback_claims_success_and_is_not_signed_by_the_account(bench, kling, sink) -> None:
    bench.fault("callback_forged", count=1)
    bench.fault("failed_at_completion")
    await kling.submit(callback_url=sink.url)
    await sink.wait_for(lambda all_: {"succeeded", "failed"} <= states(all_))
    (forgery,) = [delivery for delivery in sink.deliveries if not delivery.verified]
    assert forgery.payload["status"] == "succeeded"
    assert ".invalid/" in json.dumps(forgery.payload["outputs"])
