"""Kling has no client of its own: its documented pairs of request and answer are replayed at the simulator, and the
documented requests are laid next to our adapters'.

Samples after the vendor's pages on text and image to video, tasks and callbacks, in both dialects (read 2026-11-22).
An answer must have every documented field with the documented type, and no other.
"""

import asyncio
import base64
from datetime import UTC, datetime

import cv2
import httpx
import numpy as np
import pytest
from provider_workers.adapters.kling_legacy import token_of
from provider_workers.domain.adapter import Image, Succeeded, TaskRef
from testkit.sinks import Answer, WebhookSink
from testkit.wire import compare

PICTURE = cv2.imencode(".png", np.full((360, 640, 3), 90, dtype=np.uint8))[1].tobytes()
BARE = base64.b64encode(PICTURE).decode()
HOOK = "https://gateway.example/hook"
TIMES = {"create_time": 1_781_080_778_802, "update_time": 1_781_080_794_151}
LEGACY_TIMES = {"created_at": 1_722_769_557_708, "updated_at": 1_722_769_557_708}


def enveloped(data):
    return {"code": 0, "message": "SUCCEED", "request_id": "9f0e", "data": data}


SUBMITTED = enveloped({"id": "831", "status": "submitted", **TIMES, "external_id": "clip_1"})
ITEM = {
    "id": "831",
    "status": "succeeded",
    "message": "",
    **TIMES,
    "external_id": "clip_1",
    "outputs": [{"type": "video", "id": "832", "url": "https://v1-kling.klingai.com/kcdn/x.mp4", "duration": "5.04"}],
    "billing": [{"charge_type": "unit", "amount": "1.5", "package_type": "video", "list_price": "0.21"}],
}
LEGACY_SUBMITTED = enveloped(
    {"task_id": "831", "task_status": "submitted", "task_info": {"external_task_id": "clip_1"}, **LEGACY_TIMES}
)
LEGACY_ITEM = {
    "task_id": "831",
    "task_status": "succeed",
    "task_status_msg": "",
    "task_info": {"external_task_id": "clip_1"},
    "task_result": {"videos": [{"id": "832", "url": "https://v1-kling.klingai.com/kcdn/x.mp4", "duration": "5.1"}]},
    **LEGACY_TIMES,
    "final_unit_deduction": "1.5",
}
FROM_TEXT = {
    "prompt": "a red ball rolls over a table",
    "settings": {"audio": "off", "resolution": "720p", "aspect_ratio": "16:9", "duration": 5},
    "options": {"external_task_id": "clip_1", "callback_url": HOOK},
}
FROM_IMAGE = {
    "contents": [{"type": "prompt", "text": FROM_TEXT["prompt"]}, {"type": "first_frame", "url": BARE}],
    "settings": {"audio": "off", "resolution": "720p", "duration": 5},
    "options": {"external_task_id": "clip_1"},
}
BETWEEN = FROM_IMAGE | {
    "contents": [*FROM_IMAGE["contents"], {"type": "last_frame", "url": BARE}],
    "settings": FROM_IMAGE["settings"] | {"resolution": "1080p"},
}
LEGACY_TEXT = {
    "model_name": "kling-v2-6",
    "prompt": FROM_TEXT["prompt"],
    "mode": "std",
    "aspect_ratio": "16:9",
    "duration": "5",
    "callback_url": HOOK,
    "external_task_id": "clip_1",
}
LEGACY_IMAGE = {name: LEGACY_TEXT[name] for name in ("model_name", "prompt", "mode", "duration", "external_task_id")}
LEGACY_BETWEEN = LEGACY_IMAGE | {"mode": "pro", "image": BARE, "image_tail": BARE}
PAIRS = {
    "text": ("kling", "/text-to-video/kling-2.6", FROM_TEXT, SUBMITTED),
    "image": ("kling", "/image-to-video/kling-2.6", FROM_IMAGE, SUBMITTED),
    "image between": ("kling", "/image-to-video/kling-2.6", BETWEEN, SUBMITTED),
    "legacy text": ("kling-legacy", "/v1/videos/text2video", LEGACY_TEXT, LEGACY_SUBMITTED),
    "legacy image": ("kling-legacy", "/v1/videos/image2video", LEGACY_IMAGE | {"image": BARE}, LEGACY_SUBMITTED),
    "legacy image between": ("kling-legacy", "/v1/videos/image2video", LEGACY_BETWEEN, LEGACY_SUBMITTED),
}
"""Documented request and answer by adapter: our own request must be the documented one, without a difference."""
ERRORS = {
    1002: (401, "unauthorized"),
    1101: (429, "out_of_money"),
    1301: (400, "refused_at_submit"),
    1302: (429, "throttled"),
    5000: (500, "server_error"),
}


def headers_of(adapter):
    token = token_of("sim-ak", "sim-sk", now_s=int(datetime.now(UTC).timestamp()))
    return {"authorization": f"Bearer {'sim-kling-key' if adapter == 'kling' else token}"}


@pytest.fixture
async def http(tap):
    async with httpx.AsyncClient(base_url=f"{tap.url}/kling", trust_env=False) as client:
        yield client


async def ended(http, path, headers, item_of):
    async with asyncio.timeout(20):
        while True:
            item = item_of((await http.get(path, headers=headers)).json()["data"])
            if item.get("status", item.get("task_status")) in ("succeeded", "succeed", "failed"):
                return item


@pytest.mark.parametrize("pair", PAIRS)
async def test_the_documented_request_is_answered_as_documented_and_is_ours(
    pair, http, tap, simulator, our_adapter, order, shape
):
    adapter, path, body, answer = PAIRS[pair]
    reply = await http.post(path, json=body, headers=headers_of(adapter))
    assert (reply.status_code, shape(reply.json())) == (200, shape(answer))
    documented = tap.last("POST", path)
    await simulator.tell("reset")  # our reference is the sample's: it can be used once
    frame = Image(content=PICTURE, media_type="image/png") if "image" in pair else None
    ours = our_adapter(adapter, provider="kling", access_key="sim-ak", secret_key="sim-sk")
    hook = body.get("callback_url") or body.get("options", {}).get("callback_url", "")
    further = {"last_frame": frame, "resolution": "1080p"} if "between" in pair else {}
    await ours.submit(order(model="kling-2.6", first_frame=frame, callback_url=hook, **further))
    compare(documented, tap.last("POST", path), headers=("content-type",))


async def test_a_task_and_its_callback_look_as_documented(http, shape, our_adapter):
    async with WebhookSink() as sink:
        sink.usual_answer = Answer(status=200)
        body = FROM_TEXT | {"options": {"external_task_id": "clip_1", "callback_url": sink.url}}
        headers = headers_of("kling")
        task_id = (await http.post("/text-to-video/kling-2.6", json=body, headers=headers)).json()["data"]["id"]
        item = await ended(http, f"/tasks?task_ids={task_id}", headers, lambda data: data[0])
        assert shape(item) == shape(ITEM)
        by_reference = await http.get("/tasks?external_task_ids=clip_1", headers=headers)
        assert by_reference.json()["data"] == [item]
        assert (await http.get("/tasks?task_ids=1", headers=headers)).json()["data"] == []
        await sink.wait_for(lambda all_: any(d.payload["status"] == "succeeded" for d in all_))
        called = next(d.payload for d in sink.deliveries if d.payload["status"] == "succeeded")
    assert called == item, "a callback is the task itself, without an envelope"
    outcome = await our_adapter("kling", provider="kling").poll(TaskRef(task_id, "kling-2.6", from_image=False))
    assert isinstance(outcome, Succeeded)


async def test_a_task_of_the_legacy_dialect_looks_as_documented(http, shape):
    headers = headers_of("kling-legacy")
    body = LEGACY_TEXT | {"callback_url": ""}
    del body["callback_url"]
    task_id = (await http.post("/v1/videos/text2video", json=body, headers=headers)).json()["data"]["task_id"]
    item = await ended(http, f"/v1/videos/text2video/{task_id}", headers, lambda data: data)
    assert shape(item) == shape(LEGACY_ITEM)
    listed = (await http.get("/v1/videos/text2video?pageNum=1&pageSize=30", headers=headers)).json()["data"]
    assert listed == [item]
    assert (await http.get(f"/v1/videos/image2video/{task_id}", headers=headers)).json()["code"] == 1203


@pytest.mark.parametrize("code", ERRORS)
async def test_documented_errors_come_with_their_status_and_without_a_task(code, http, simulator):
    status, fault = ERRORS[code]
    await simulator.fault(fault, vendor="kling", count=1)
    reply = await http.post("/text-to-video/kling-2.6", json=FROM_TEXT, headers=headers_of("kling"))
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert set(reply.json()) == {"code", "message", "request_id"}
    assert "retry-after" not in reply.headers, "Kling documents none"
    assert await simulator.tasks() == []
