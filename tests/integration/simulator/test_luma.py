"""Luma Dream Machine: what is answered, when, and what it costs."""

import asyncio
import json
from contextlib import asynccontextmanager

import cv2
import httpx
import numpy as np
import pytest
from simulator.tasks import State
from testkit.sinks import Answer, WebhookSink

HEADERS = {"authorization": "Bearer sim-luma-key"}
BASE = "/luma/dream-machine/v1"


class LumaClient:
    """Luma as one would call it by hand."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def submit(self, prompt="a cup", *, headers=HEADERS, path="/generations/video", **fields):
        body = {"model": "ray-flash-2", "prompt": prompt, "duration": "5s", "resolution": "720p"} | fields
        body = {name: value for name, value in body.items() if value is not None}
        return await self.http.post(f"{BASE}{path}", json=body, headers=headers)

    async def get(self, path):
        return await self.http.get(f"{BASE}{path}", headers=HEADERS)

    async def delete(self, generation_id):
        return await self.http.delete(f"{BASE}/generations/{generation_id}", headers=HEADERS)


@asynccontextmanager
async def file_server(content, media_type):
    """Serve one file at one address."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/frame"


@pytest.fixture
def luma(http):
    return LumaClient(http)


@pytest.mark.parametrize("path", ["/generations/video", "/generations"])
async def test_a_generation_is_queued_dreams_and_is_completed_with_a_file(bench, luma, http, path) -> None:
    created = await luma.submit(path=path, aspect_ratio="9:16", duration="9s")
    assert created.status_code == 201
    generation = created.json()
    assert (generation["state"], generation["assets"], generation["failure_reason"]) == ("queued", None, None)
    assert (generation["request"]["duration"], generation["request"]["aspect_ratio"]) == ("9s", "9:16")
    await bench.engine.until(lambda: bench.tasks[0].state is State.RUNNING)
    assert (await luma.get(f"/generations/{generation['id']}")).json()["state"] == "dreaming"
    (task,) = await bench.ended()
    done = (await luma.get(f"/generations/{generation['id']}")).json()
    assert done["state"] == "completed"
    clip = await http.get(done["assets"]["video"])
    assert (clip.status_code, clip.content[4:8]) == (200, b"ftyp")
    assert (task.order.size_px, task.billed_usd_micros) == ((720, 1280), 430_000)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "sim-luma-key"}])
async def test_a_wrong_key_is_refused_with_a_sentence(luma, headers) -> None:
    reply = await luma.submit(headers=headers)
    assert (reply.status_code, reply.json()) == (401, {"detail": "Invalid API key is provided"})


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"prompt": None}, 400, "Prompt is required"),
        ({"prompt": "ox"}, 400, "minimum length is 3"),
        ({"prompt": "x" * 5001}, 422, ""),
        ({"model": "ray-9"}, 400, "not supported"),
        ({"duration": "6s"}, 400, "Duration 6s"),
        ({"duration": 5}, 422, ""),
        ({"resolution": "480p"}, 400, "Resolution 480p"),
        ({"aspect_ratio": "5:4"}, 422, ""),
        ({"concepts": [{"key": "pan_left"}]}, 400, "concepts are not supported for this model"),
        ({"model": "ray-2", "concepts": [{"key": "somersault"}]}, 400, "somersault"),
        ({"keyframes": {}}, 400, "No keyframes provided"),
        ({"keyframes": {"frame0": {"type": "image", "url": "data:image/png;base64,AAAA"}}}, 400, "https"),
        ({"keyframes": {"frame1": {"type": "image", "url": "https://x.test/a.png"}}, "loop": True}, 400, "end frame"),
        ({"callback_url": "gateway"}, 400, "callback_url"),
    ],
)
async def test_what_cannot_be_served_is_refused_in_words(bench, luma, fields, status, words) -> None:
    reply = await luma.submit(**fields)
    assert (reply.status_code, words in str(reply.json()["detail"])) == (status, True), reply.text
    assert bench.tasks == []


@pytest.mark.parametrize(
    ("fields", "usd_micros"),
    [
        ({"resolution": "540p"}, 140_000),
        ({"model": "ray-2", "duration": "9s"}, 1_280_000),
        ({"model": "ray-2", "resolution": "4k"}, 6_370_000),
    ],
)
async def test_a_clip_has_a_price_by_resolution_and_length(bench, luma, fields, usd_micros) -> None:
    bench.tune(zero_latency=True)
    await luma.submit(**fields)
    (task,) = await bench.ended()
    assert task.billed_usd_micros == usd_micros


async def test_a_concept_moves_the_camera(bench, luma) -> None:
    await luma.submit(model="ray-2", concepts=[{"key": "pan_left"}])
    bench.tune(small_clips=False)
    await luma.submit(model="ray-2", concepts=[{"key": "push_in"}])
    assert bench.tasks[1].clips[0].prompt == "a cup. Camera: push in."
    assert "push_in" in (await luma.get("/generations/concepts/list")).json()


async def test_a_picture_that_is_not_there_fails_the_generation(bench, luma) -> None:
    created = await luma.submit(keyframes={"frame0": {"type": "image", "url": "http://127.0.0.1:9/a.png"}})
    await bench.ended()
    failed = (await luma.get(f"/generations/{created.json()['id']}")).json()
    assert (failed["state"], failed["failure_reason"]) == ("failed", "Failed to read user input frames")
    assert bench.tasks[0].billed_usd_micros == 0


async def test_a_picture_is_fetched_from_its_address(bench, luma) -> None:
    content = cv2.imencode(".png", np.full((360, 640, 3), 90, dtype=np.uint8))[1].tobytes()
    async with file_server(content, "image/png") as url:
        await luma.submit(None, keyframes={"frame0": {"type": "image", "url": url}})
        (task,) = await bench.ended()
    assert (task.state, task.order.operation) == (State.SUCCEEDED, "image-to-video")


async def test_both_key_frames_are_fetched_from_their_addresses(bench, luma) -> None:
    content = cv2.imencode(".png", np.full((360, 640, 3), 90, dtype=np.uint8))[1].tobytes()
    gone = "http://127.0.0.1:9/a.png"
    async with file_server(content, "image/png") as url:
        for last in (url, gone):
            await luma.submit(keyframes={f"frame{n}": {"type": "image", "url": x} for n, x in enumerate((url, last))})
        tasks = await bench.ended(2)
    assert [(task.state, task.order.last_frame) for task in tasks] == [(State.SUCCEEDED, url), (State.FAILED, gone)]


async def test_the_list_shows_the_newest_first_and_pages(bench, luma) -> None:
    bench.tune(zero_latency=True)
    ids = [(await luma.submit(f"cup {number}")).json()["id"] for number in range(3)]
    page = (await luma.get("/generations?limit=2&offset=0")).json()
    assert ([each["id"] for each in page["generations"]], page["has_more"]) == ([ids[2], ids[1]], True)
    rest = (await luma.get("/generations?limit=2&offset=2")).json()
    assert ([each["id"] for each in rest["generations"]], rest["has_more"]) == ([ids[0]], False)


async def test_what_is_deleted_is_gone_and_neither_stopped_nor_free(bench, luma) -> None:
    generation_id = (await luma.submit()).json()["id"]
    assert (await luma.delete(generation_id)).status_code == 204
    assert (await luma.get(f"/generations/{generation_id}")).status_code == 404
    assert (await luma.get("/generations")).json()["generations"] == []
    (task,) = await bench.ended()
    assert task.billed_usd_micros == 240_000


async def test_too_many_at_once_are_refused(bench, luma) -> None:
    bench.tune(max_parallel={"luma": 1}, latency={"luma": {"median_s": 1e6, "p95_s": 1e6}})
    assert [(await luma.submit()).status_code for _ in range(2)] == [201, 429]


async def test_callbacks_tell_of_dreaming_and_of_the_end_and_are_tried_four_times(bench, luma) -> None:
    bench.tune(latency={"luma": {"median_s": 100.0, "p95_s": 100.0}})  # dreams long enough to be told four times
    # Only 200 counts: 204 is tried again.
    async with WebhookSink() as sink:
        sink.answer(Answer(status=204), Answer(status=500), Answer(status=404), Answer(status=204), Answer(status=200))
        await luma.submit(callback_url=sink.url)
        await sink.wait_for(lambda all_: len(all_) >= 5)
        told = [json.loads(each.body)["state"] for each in sink.deliveries]
        assert all("webhook-signature" not in each.headers for each in sink.deliveries)
    assert (told.count("dreaming"), told.count("completed")) == (4, 1)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("refused_at_completion", "400: prompt not allowed because advanced moderation failed"),
        ("failed_at_completion", "Error dispatching job"),
    ],
)
async def test_failures_are_told_in_words_and_free(bench, luma, fault, reason) -> None:
    generation_id = (await luma.submit(f"a cup [[fault:{fault}]]")).json()["id"]
    await bench.ended()
    failed = (await luma.get(f"/generations/{generation_id}")).json()
    assert (failed["state"], failed["failure_reason"]) == ("failed", reason)
    assert bench.tasks[0].billed_usd_micros == 0


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ({"kind": "throttled", "retry_after_s": 3}, 429, "Rate limit"),
        ({"kind": "out_of_money"}, 402, "credits"),
        ({"kind": "out_of_money", "status": 403}, 403, "credits"),
        ({"kind": "refused_at_submit"}, 400, "moderation"),
        ({"kind": "unauthorized"}, 401, "key"),
        ({"kind": "server_error"}, 500, "Internal"),
    ],
)
async def test_faults_are_worded_as_the_vendor_would(bench, luma, fault, status, words) -> None:
    bench.fault(**fault)
    reply = await luma.submit()
    assert (reply.status_code, words in reply.json()["detail"]) == (status, True)
    assert reply.headers.get("retry-after") == ("3" if fault["kind"] == "throttled" else None)


async def test_credits_go_down_by_what_is_billed(bench, luma) -> None:
    bench.tune(zero_latency=True)
    await luma.submit()
    assert (await luma.get("/credits")).json() == {"credit_balance": 1_000_000.0 - 24}
