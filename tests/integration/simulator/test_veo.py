"""Veo's Gemini dialect: submit, poll, download with a redirect, refuse."""

import base64
import re

import cv2
import numpy as np
import pytest

MODEL = "veo-3.1-fast-generate-preview"
FULL = "veo-3.1-generate-preview"


async def test_an_operation_is_pending_without_done_and_ends_with_samples(bench, veo) -> None:
    reply = await veo.submit()
    assert reply.status_code == 200
    name = reply.json()["name"]
    assert set(reply.json()) == {"name"}
    assert re.fullmatch(rf"models/{MODEL}/operations/[a-z0-9]+", name)
    assert await veo.operation(name) == {"name": name}
    await bench.ended()
    done = await veo.operation(name)
    assert done["done"] is True
    (sample,) = done["response"]["generateVideoResponse"]["generatedSamples"]
    assert re.search(r"/v1beta/files/[a-z0-9]+:download\?alt=media$", sample["video"]["uri"])
    assert bench.tasks[0].billed_usd_micros == 400_000


async def test_a_download_needs_the_key_and_is_redirected_to_another_path(bench, veo, http) -> None:
    name = (await veo.submit()).json()["name"]
    await bench.ended()
    operation = await veo.operation(name)
    uri = operation["response"]["generateVideoResponse"]["generatedSamples"][0]["video"]["uri"]
    assert (await http.get(uri)).status_code == 403
    first = await http.get(uri, headers=veo.headers)
    assert first.status_code == 302
    target = first.headers["location"]
    assert "/download/" in target
    clip = await http.get(target)
    assert clip.status_code == 200
    assert clip.headers["content-type"] == "video/mp4"
    assert clip.content[4:8] == b"ftyp"
    assert (await http.get(target.replace("token=", "token=0"))).status_code == 404
    assert (await http.get(uri + "&key=sim-veo-key")).status_code == 302


async def test_the_python_sdk_spelling_of_an_http_file_is_understood(bench, veo, http) -> None:
    name = (await veo.submit()).json()["name"]
    await bench.ended()
    operation = await veo.operation(name)
    uri = operation["response"]["generateVideoResponse"]["generatedSamples"][0]["video"]["uri"]
    reply = await http.get(f"/veo/v1beta/files/{uri}:download?alt=media", headers=veo.headers)
    assert reply.status_code == 302


async def test_a_wrong_key_is_an_invalid_argument_with_a_reason(http) -> None:
    path = f"/veo/v1beta/models/{MODEL}:predictLongRunning"
    wrong = await http.post(path, json={}, headers={"x-goog-api-key": "wrong"})
    error = wrong.json()["error"]
    assert (wrong.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert error["details"][0]["reason"] == "API_KEY_INVALID"
    missing = await http.post(path, json={})
    assert (missing.status_code, missing.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "parameters",
    [
        {"durationSeconds": 5},
        {"durationSeconds": "4"},
        {"aspectRatio": "1:1"},
        {"resolution": "480p"},
        {"resolution": "1080p"},
        {"seed": 1},
        {"generateAudio": False},
        {"storageUri": "gs://x"},
        {"sampleCount": 2},
        {"personGeneration": "allow_adult"},
    ],
)
async def test_what_the_gemini_dialect_cannot_do_is_refused(bench, veo, parameters) -> None:
    reply = await veo.submit(**parameters)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert bench.tasks == []


@pytest.mark.parametrize("body", [{}, {"instances": []}, {"instances": [{}]}, {"instances": [{"prompt": "x" * 5000}]}])
async def test_a_submit_without_a_usable_prompt_is_refused(http, veo, body) -> None:
    reply = await http.post(f"/veo/v1beta/models/{MODEL}:predictLongRunning", json=body, headers=veo.headers)
    assert reply.json()["error"]["status"] == "INVALID_ARGUMENT"


async def test_lite_has_no_4k_and_no_references(veo, http) -> None:
    model = "veo-3.1-lite-generate-preview"
    assert (await veo.submit(model=model, resolution="4k", durationSeconds=8)).status_code == 400
    picture = {"image": {"bytesBase64Encoded": "AAAA", "mimeType": "image/png"}, "referenceType": "asset"}
    body = {"instances": [{"prompt": "x", "referenceImages": [picture]}]}
    reply = await http.post(f"/veo/v1beta/models/{model}:predictLongRunning", json=body, headers=veo.headers)
    assert reply.status_code == 400


@pytest.mark.parametrize(
    ("model", "pictures", "duration_s", "told"),
    [
        (MODEL, ("image", "lastFrame"), 8, None),
        (FULL, ("referenceImages",), 8, None),
        (MODEL, ("lastFrame",), 8, "needs `image`"),
        (MODEL, ("image", "lastFrame"), 6, "`durationSeconds` must be 8"),
        (FULL, ("referenceImages",), 6, "`durationSeconds` must be 8"),
        (FULL, ("image", "referenceImages"), 8, "cannot both be set"),
        (MODEL, ("referenceImages",), 8, "isn't supported"),
    ],
)
async def test_pictures_go_together_as_documented(bench, veo, http, model, pictures, duration_s, told) -> None:
    content = cv2.imencode(".png", np.full((360, 640, 3), 90, dtype=np.uint8))[1].tobytes()
    one = {"bytesBase64Encoded": base64.b64encode(content).decode(), "mimeType": "image/png"}
    several = [{"image": one, "referenceType": "asset"}] * 3
    instance = {name: several if name == "referenceImages" else one for name in pictures}
    body = {"instances": [{"prompt": "x", **instance}], "parameters": {"durationSeconds": duration_s}}
    reply = await http.post(f"/veo/v1beta/models/{model}:predictLongRunning", json=body, headers=veo.headers)
    if told is None:
        order = bench.tasks[0].order
        assert (order.last_frame is not None, len(order.references)) == (
            "lastFrame" in pictures,
            3 * ("referenceImages" in pictures),
        )
    else:
        assert told in reply.json()["error"]["message"]
        assert bench.tasks == []


async def test_retired_and_unknown_models_are_not_found(bench, veo) -> None:
    assert (await veo.submit(model="veo-3.0-generate-001")).json()["error"]["status"] == "NOT_FOUND"
    bench.tune(retired_models=[MODEL])
    reply = await veo.submit()
    assert reply.status_code == 404
    assert "no longer available" in reply.json()["error"]["message"]


async def test_an_unknown_operation_is_not_found(veo) -> None:
    reply = await veo.operation(f"models/{MODEL}/operations/abc")
    assert reply["error"]["code"] == 404


async def test_there_is_no_cancel(veo, http) -> None:
    name = (await veo.submit()).json()["name"]
    assert (await http.post(f"/veo/v1beta/{name}:cancel", headers=veo.headers)).status_code == 404


@pytest.mark.parametrize(
    ("model", "parameters", "usd_micros"),
    [
        ("veo-3.1-generate-preview", {"durationSeconds": 8, "resolution": "1080p"}, 3_200_000),
        ("veo-3.1-generate-preview", {"durationSeconds": 8, "resolution": "4k"}, 4_800_000),
        ("veo-3.1-fast-generate-preview", {"durationSeconds": 8, "resolution": "1080p"}, 960_000),
        ("veo-3.1-lite-generate-preview", {"durationSeconds": 4}, 200_000),
    ],
)
async def test_a_clip_is_billed_at_list_price(bench, veo, model, parameters, usd_micros) -> None:
    bench.tune(zero_latency=True)
    await veo.submit(model=model, **parameters)
    (task,) = await bench.ended()
    assert task.billed_usd_micros == usd_micros
