"""Hailuo behind MiniMax's V1: two-step results, codes under HTTP 200, the challenge."""

import base64
import json

import cv2
import numpy as np
import pytest
from simulator.tasks import State
from testkit.sinks import WebhookSink


def picture(width: int = 640, height: int = 360) -> str:
    content = cv2.imencode(".png", np.full((height, width, 3), 90, dtype=np.uint8))[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


async def test_a_task_succeeds_with_a_file_whose_address_is_asked_for(bench, minimax, http) -> None:
    created = await minimax.submit()
    assert created["base_resp"] == {"status_code": 0, "status_msg": "success"}
    task_id = created["task_id"]
    assert task_id.isdigit()
    await bench.ended()
    done = await minimax.query(task_id)
    assert (done["status"], done["video_width"], done["video_height"]) == ("Success", 1366, 768)
    assert isinstance(done["file_id"], str)
    file = (await minimax.file(done["file_id"]))["file"]
    assert (file["file_id"], file["purpose"]) == (int(done["file_id"]), "video_generation")
    clip = await http.get(file["download_url"])
    assert (clip.status_code, len(clip.content), clip.content[4:8]) == (200, file["bytes"], b"ftyp")
    content = await http.get(
        "/minimax/v1/files/retrieve_content", params={"file_id": file["file_id"]}, headers=minimax.headers
    )
    assert content.content == clip.content
    assert bench.tasks[0].billed_usd_micros == 280_000


async def test_a_task_goes_through_the_documented_states(bench, minimax, monkeypatch) -> None:
    bench.tune(time_compression=0.001)
    task_id = (await minimax.submit())["task_id"]
    (task,) = bench.tasks
    seen = []
    for at_s in (task.submitted_at_s, task.starts_at_s - 0.001):
        monkeypatch.setattr(bench.engine, "clock", lambda at_s=at_s: at_s)
        waiting = await minimax.query(task_id)
        assert waiting["file_id"] == ""
        seen.append(waiting["status"])
    task.state = State.RUNNING
    seen.append((await minimax.query(task_id))["status"])
    assert seen == ["Preparing", "Queueing", "Processing"]


async def test_an_address_goes_stale_and_a_new_one_is_had_by_asking_again(bench, minimax, http, monkeypatch) -> None:
    task_id = (await minimax.submit())["task_id"]
    await bench.ended()
    file_id = (await minimax.query(task_id))["file_id"]
    old = (await minimax.file(file_id))["file"]["download_url"]
    real = bench.engine.clock
    monkeypatch.setattr(bench.engine, "clock", lambda: real() + 3_601)
    assert (await http.get(old)).status_code == 403
    new = (await minimax.file(file_id))["file"]["download_url"]
    assert (await http.get(new)).status_code == 200
    assert (await http.get(new.replace("Signature=", "Signature=0"))).status_code == 403


@pytest.mark.parametrize(
    ("model", "fields", "price"),
    [
        ("MiniMax-Hailuo-2.3", {"duration": 10}, 560_000),
        ("MiniMax-Hailuo-2.3", {"resolution": "1080P"}, 490_000),
        ("MiniMax-Hailuo-2.3-Fast", {"first_frame_image": picture()}, 190_000),
        ("MiniMax-Hailuo-02", {"first_frame_image": picture(), "resolution": "512P"}, 100_000),
        ("MiniMax-Hailuo-02", {"first_frame_image": picture(), "last_frame_image": picture(640, 400)}, 280_000),
    ],
)
async def test_a_clip_costs_by_model_resolution_and_length(bench, minimax, model, fields, price) -> None:
    await minimax.submit(model=model, **fields)
    await bench.ended()
    assert bench.tasks[0].billed_usd_micros == price
    assert (bench.tasks[0].order.last_frame is None) == ("last_frame_image" not in fields)


@pytest.mark.parametrize(
    ("model", "fields", "told"),
    [
        ("MiniMax-Hailuo-9", {}, "model MiniMax-Hailuo-9"),
        ("MiniMax-Hailuo-2.3", {"duration": 5}, "duration"),
        ("MiniMax-Hailuo-2.3", {"duration": 10, "resolution": "1080P"}, "does not support"),
        ("MiniMax-Hailuo-2.3-Fast", {}, "needs first_frame_image"),
        ("MiniMax-Hailuo-02", {"resolution": "512P"}, "needs first_frame_image"),
        ("MiniMax-Hailuo-2.3", {"prompt": " "}, "prompt is required"),
        ("MiniMax-Hailuo-2.3", {"prompt": "x" * 2001}, "prompt"),
        ("MiniMax-Hailuo-2.3", {"first_frame_image": picture().partition(",")[2]}, "data URL"),
        ("MiniMax-Hailuo-2.3", {"first_frame_image": picture(300, 300)}, "short side"),
        ("MiniMax-Hailuo-2.3", {"first_frame_image": picture(1000, 310)}, "aspect"),
        ("MiniMax-Hailuo-2.3", {"last_frame_image": picture()}, "last_frame_image"),
        (
            "MiniMax-Hailuo-02",
            {"first_frame_image": picture(), "last_frame_image": picture(), "resolution": "512P"},
            "last_frame_image at 512P",
        ),
    ],
)
async def test_what_is_wrong_is_2013_with_a_reason_and_no_task(bench, minimax, model, fields, told) -> None:
    refused = await minimax.submit(model=model, **fields)
    assert (refused["base_resp"]["status_code"], refused["task_id"]) == (2013, "")
    assert told in refused["base_resp"]["status_msg"]
    assert bench.tasks == []


async def test_keys_and_ids_that_are_not_known_are_told_apart_by_code(minimax, http) -> None:
    path = "/minimax/v1/query/video_generation?task_id=1"
    for headers, code in (({}, 1004), ({"authorization": "Bearer wrong"}, 2049), (minimax.headers, 2013)):
        reply = await http.get(path, headers=headers)
        assert (reply.status_code, reply.json()["base_resp"]["status_code"]) == (200, code)
        assert reply.headers["trace-id"]


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("throttled", {}, 1002),
        ("throttled", {"code": 1039}, 1039),
        ("server_error", {}, 1000),
        ("server_error", {"status": 504}, 1001),
        ("unauthorized", {}, 2049),
        ("out_of_money", {}, 1008),
        ("out_of_money", {"code": 2056}, 2056),
        ("refused_at_submit", {}, 1026),
    ],
)
async def test_faults_at_submit_are_codes_under_http_200(bench, minimax, kind, fields, code) -> None:
    bench.fault(kind, vendor="minimax", count=1, **fields)
    refused = await minimax.submit()
    assert (refused["base_resp"]["status_code"], refused["task_id"]) == (code, "")
    assert bench.tasks == []


@pytest.mark.parametrize(("fault", "code"), [("refused_at_completion", 1027), ("failed_at_completion", 1000)])
async def test_a_task_that_fails_says_fail_and_is_free(bench, minimax, fault, code) -> None:
    task_id = (await minimax.submit(f"a cup [[fault:{fault}]]"))["task_id"]
    await bench.ended()
    failed = await minimax.query(task_id)
    assert (failed["status"], failed["file_id"], failed["base_resp"]["status_code"]) == ("Fail", "", code)
    assert bench.tasks[0].billed_usd_micros == 0


async def test_too_many_tasks_in_flight_are_refused(bench, minimax) -> None:
    bench.tune(max_parallel={"minimax": 1}, time_compression=1.0)
    await minimax.submit()
    assert (await minimax.submit())["base_resp"]["status_code"] == 1041


async def test_a_callback_address_must_echo_the_challenge_before_there_is_a_task(bench, minimax) -> None:
    async with WebhookSink() as deaf:
        refused = await minimax.submit(callback_url=deaf.url)
        challenge = json.loads(deaf.deliveries[0].body)
    assert refused["base_resp"]["status_code"] == 2013
    assert "callback_url" in refused["base_resp"]["status_msg"]
    assert list(challenge) == ["challenge"]
    assert bench.tasks == []
    assert (await minimax.submit(callback_url="http://127.0.0.1:1/"))["base_resp"]["status_code"] == 2013


async def test_a_wrong_request_calls_nobody(minimax, http) -> None:
    async with WebhookSink() as sink:
        await minimax.submit(callback_url=sink.url, duration=5)
        body = {"model": "MiniMax-Hailuo-2.3", "prompt": "a cup", "callback_url": sink.url}
        await http.post("/minimax/v1/video_generation", json=body)
        assert sink.deliveries == []


async def test_callbacks_are_lower_case_and_unsigned(minimax) -> None:
    async with WebhookSink() as sink:
        sink.echoes_challenges = True
        task_id = (await minimax.submit(callback_url=sink.url))["task_id"]
        await sink.wait_for(lambda all_: len(all_) == 2)
        told = [delivery.payload for delivery in sink.deliveries]
    assert [each["status"] for each in told] == ["processing", "success"]
    assert told[1].keys() == {"task_id", "status", "file_id", "video_width", "video_height", "base_resp"}
    assert (told[1]["task_id"], told[1]["base_resp"]["status_code"]) == (task_id, 0)
    assert not any("signature" in name for name in sink.deliveries[1].headers)
