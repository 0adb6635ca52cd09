"""Pika behind fal's queue: what is answered, when, and what it costs."""

import base64
import hashlib
import json
import re

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from simulator.tasks import State
from testkit.sinks import Answer, WebhookSink


def picture_of(shade: int) -> str:
    content = cv2.imencode(".png", np.full((360, 640, 3), shade, dtype=np.uint8))[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


async def test_a_request_waits_works_completes_and_its_result_is_a_file(bench, pika, http) -> None:
    bench.tune(time_compression=0.01)
    queued = (await pika.submit(duration=10, resolution="1080p", seed=7)).json()
    assert (queued["status"], queued["queue_position"]) == ("IN_QUEUE", 0)
    request_id = queued["request_id"]
    # The URLs leave out the endpoint's sub-path.
    assert re.fullmatch(r"http://simulator\.test/pika/fal-ai/pika/requests/[0-9a-f-]{36}", queued["response_url"])
    assert queued["status_url"] == queued["response_url"] + "/status"
    assert (await pika.get(f"{request_id}/status")).status_code == 202
    early = await pika.get(request_id)
    assert (early.status_code, early.json()["detail"]) == (400, "Request is still in progress")
    bench.engine.finish(bench.tasks[0], State.SUCCEEDED)
    await bench.ended()
    status = await pika.get(f"{request_id}/status?logs=1")
    assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
    assert status.json()["metrics"]["inference_time"] > 0
    assert status.json()["logs"][0]["level"] == "INFO"
    video = (await pika.get(request_id)).json()["video"]
    clip = await http.get(video["url"])
    assert (clip.status_code, len(clip.content), clip.content[4:8]) == (200, video["file_size"], b"ftyp")
    assert bench.tasks[0].billed_usd_micros == 900_000


async def test_what_exceeds_the_accounts_requests_waits_and_says_behind_how_many(bench, pika) -> None:
    bench.tune(max_parallel={"pika": 1}, time_compression=1.0)
    ids = [(await pika.submit(f"cup {n}")).json()["request_id"] for n in range(3)]
    positions = [(await pika.get(f"{each}/status")).json().get("queue_position") for each in ids]
    assert positions[1:] == [1, 2]
    assert [task.state for task in bench.tasks[1:]] == [State.QUEUED, State.QUEUED]


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        (None, "Authentication is required to access this application."),
        ("Key wrong", "invalid key credentials"),
        ("Bearer sim-pika-key", "Authentication is required to access this application."),
    ],
)
async def test_a_wrong_key_is_refused_with_a_sentence(http, pika, authorization, detail) -> None:
    headers = {"authorization": authorization} if authorization else {}
    reply = await http.post(f"{pika.app}/v2.2/text-to-video", json={"prompt": "a cup"}, headers=headers)
    assert (reply.status_code, reply.json()["detail"]) == (401, detail)


@pytest.mark.parametrize(
    ("fields", "loc", "kind"),
    [
        ({"duration": 7}, ["body", "duration"], "literal_error"),
        ({"aspect_ratio": "21:9"}, ["body", "aspect_ratio"], "literal_error"),
        ({"resolution": "480p"}, ["body", "resolution"], "literal_error"),
        ({"operation": "image-to-video"}, ["body", "image_url"], "missing"),
        ({"operation": "image-to-video", "image_url": "aGVsbG8="}, ["body", "image_url"], "image_load_error"),
    ],
)
async def test_what_is_wrong_with_the_input_is_a_list(bench, pika, fields, loc, kind) -> None:
    reply = await pika.submit(**fields)
    (problem,) = reply.json()["detail"]
    assert (reply.status_code, problem["loc"], problem["type"]) == (422, loc, kind)
    assert reply.headers["x-fal-error-type"] == kind
    assert bench.tasks == []


@pytest.mark.parametrize("path", ["v2.2/text-to-image", "v9/text-to-video", "requests/none/status", "requests/none"])
async def test_what_does_not_exist_is_not_found(pika, http, path) -> None:
    verb = http.get if path.startswith("requests") else http.post
    reply = await verb(f"{pika.app}/{path}", headers=pika.headers)
    assert (reply.status_code, reply.json()["error_type"]) == (404, "not_found")


async def test_a_status_asked_below_the_endpoints_own_path_is_not_found(bench, pika, http) -> None:
    request_id = (await pika.submit()).json()["request_id"]
    reply = await http.get(f"{pika.app}/v2.2/text-to-video/requests/{request_id}/status", headers=pika.headers)
    assert reply.status_code == 404
    await bench.ended()


@pytest.mark.parametrize(
    ("fault", "status", "kind", "billed"),
    [
        ("refused_at_completion", 422, "content_policy_violation", 200_000),
        ("failed_at_completion", 500, "runner_server_error", 0),
    ],
)
async def test_completed_is_not_success(bench, pika, fault, status, kind, billed) -> None:
    request_id = (await pika.submit(f"a cup [[fault:{fault}]]")).json()["request_id"]
    await bench.ended()
    told = (await pika.get(f"{request_id}/status")).json()
    result = await pika.get(request_id)
    assert (told["status"], told["error_type"]) == ("COMPLETED", kind)
    assert (result.status_code, result.headers["x-fal-error-type"]) == (status, kind)
    assert isinstance(result.json()["detail"], list) == (status == 422)
    assert bench.tasks[0].billed_usd_micros == billed


async def test_a_request_that_waits_is_taken_out_of_the_queue_for_free(bench, pika) -> None:
    bench.tune(max_parallel={"pika": 1}, time_compression=1.0)
    running, waiting = [(await pika.submit(f"cup {n}")).json()["request_id"] for n in range(2)]
    cancelled = await pika.cancel(waiting)
    assert (cancelled.status_code, cancelled.json()) == (200, {"status": "OK"})
    result = await pika.get(waiting)
    assert (result.status_code, result.json()["error_type"]) == (499, "client_cancelled")
    assert (await pika.cancel("none")).json() == {"status": "NOT_FOUND"}
    bench.engine.finish(bench.tasks[0], State.SUCCEEDED)
    await bench.ended(2)
    late = await pika.cancel(running)
    assert (late.status_code, late.json()) == (400, {"status": "ALREADY_COMPLETED"})
    assert [task.billed_usd_micros for task in bench.tasks] == [200_000, 0]


async def test_a_request_that_runs_goes_on_when_it_is_cancelled(bench, pika) -> None:
    request_id = (await pika.submit("a cup [[fault:stuck]]")).json()["request_id"]
    await bench.engine.until(lambda: bench.tasks[0].state is State.RUNNING)
    cancelled = await pika.cancel(request_id)
    assert (cancelled.status_code, cancelled.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    bench.engine.finish(bench.tasks[0], State.SUCCEEDED)
    await bench.ended()
    assert (await pika.get(request_id)).status_code == 200


async def test_a_clip_from_a_picture_has_the_pictures_shape(bench, pika) -> None:
    bench.tune(small_clips=False)
    tall = cv2.imencode(".png", np.full((600, 400, 3), 90, dtype=np.uint8))[1].tobytes()
    url = f"data:image/png;base64,{base64.b64encode(tall).decode()}"
    await pika.submit(operation="image-to-video", image_url=url)
    assert bench.tasks[0].order.size_px == (720, 1080)


@pytest.mark.parametrize(
    ("fields", "duration_s", "usd_micros"),
    [
        ({}, 5.0, 200_000),
        ({"transitions": [{"duration": 10}], "resolution": "1080p"}, 10.0, 600_000),
        ({"transitions": [{"duration": 3, "prompt": "it opens"}]}, 3.0, 200_000),
    ],
)
async def test_a_clip_between_two_pictures_has_a_price_of_its_own(bench, pika, fields, duration_s, usd_micros) -> None:
    await pika.submit(operation="pikaframes", image_urls=[picture_of(90), picture_of(200)], **fields)
    (task,) = await bench.ended()
    assert (task.order.duration_s, task.billed_usd_micros) == (duration_s, usd_micros)
    assert (task.order.operation, task.order.size_px[0] > task.order.size_px[1]) == ("image-to-video", True)
    assert task.order.first_frame != task.order.last_frame


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({}, ["body", "image_urls"]),
        ({"image_urls": ["https://x.test/a.png"]}, ["body", "image_urls"]),
        ({"image_urls": ["https://x.test/a.png", "no picture"]}, ["body", "image_urls", 1]),
        ({"image_urls": ["https://x.test/a.png"] * 2, "transitions": [{}, {}]}, ["body", "transitions"]),
        ({"image_urls": ["https://x.test/a.png"] * 2, "transitions": [{"duration": 26}]}, ["body", "transitions"]),
    ],
)
async def test_what_is_wrong_with_key_frames_is_a_list(bench, pika, fields, loc) -> None:
    reply = await pika.submit(operation="pikaframes", **fields)
    assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (422, loc)
    assert bench.tasks == []


async def test_a_picture_that_cannot_be_fetched_fails_the_request(bench, pika) -> None:
    url = "http://127.0.0.1:1/none.png"
    request_id = (await pika.submit(operation="image-to-video", image_url=url)).json()["request_id"]
    await bench.ended()
    result = await pika.get(request_id)
    assert (result.status_code, result.json()["detail"][0]["type"]) == (422, "file_download_error")
    assert bench.tasks[0].billed_usd_micros == 0


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("throttled", 429, "rate_limited"),
        ("server_error", 500, "internal_error"),
        ("outage", 503, "runner_scheduling_failure"),
        ("unauthorized", 401, "unauthorized"),
        ("out_of_money", 403, "user_locked"),
        ("refused_at_submit", 422, "content_policy_violation"),
    ],
)
async def test_faults_at_submit_are_worded_as_fal_words_them(bench, pika, kind, status, error) -> None:
    bench.fault(kind, vendor="pika", count=1)
    reply = await pika.submit()
    assert (reply.status_code, reply.headers["x-fal-error-type"]) == (status, error)
    assert reply.headers["x-fal-retryable"] == str(status in (429, 500, 503)).lower()
    assert bench.tasks == []


async def test_one_callback_comes_at_the_end_and_its_signature_is_by_the_published_key(bench, pika, http) -> None:
    bench.tune(callback_backoff_s=0.01)
    keys = (await http.get("/pika/.well-known/jwks.json")).json()["keys"]
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(keys[0]["x"] + "="))
    async with WebhookSink() as sink:
        sink.answer(Answer(status=500))
        request_id = (await pika.submit(query=f"?fal_webhook={sink.url}")).json()["request_id"]
        await sink.wait_for(lambda all_: len(all_) == 2)
        first, second = sink.deliveries
    assert first.body == second.body
    told = json.loads(first.body)
    assert (told["request_id"], told["status"]) == (request_id, "OK")
    assert told["payload"]["video"]["content_type"] == "video/mp4"
    names = ("request-id", "user-id", "timestamp")
    lines = [first.headers[f"x-fal-webhook-{name}"] for name in names]
    signed = "\n".join([*lines, hashlib.sha256(first.body).hexdigest()]).encode()
    key.verify(bytes.fromhex(first.headers["x-fal-webhook-signature"]), signed)


async def test_a_refusal_is_called_back_as_an_error_with_its_detail(pika) -> None:
    async with WebhookSink() as sink:
        await pika.submit("a cup [[fault:refused_at_completion]]", query=f"?fal_webhook={sink.url}")
        told = json.loads((await sink.next()).body)
    assert (told["status"], told["payload"]["detail"][0]["type"]) == ("ERROR", "content_policy_violation")
