"""Veo's Vertex dialect: bearer tokens, fetchPredictOperation, bytes inside the answer."""

import base64

import pytest

RESOURCE = "projects/film/locations/us-central1/publishers/google/models/veo-3.1-generate-001"
MODEL = f"/veo/v1/{RESOURCE}"
TOKEN = {"authorization": "Bearer sim-veo-key"}


@pytest.fixture
def submit(http):
    async def send(prompt="a cup", **parameters):
        body = {"instances": [{"prompt": prompt}], "parameters": {"durationSeconds": 4, **parameters}}
        return await http.post(f"{MODEL}:predictLongRunning", json=body, headers=TOKEN)

    return send


@pytest.fixture
def fetch(http):
    async def send(name: str):
        body = {"operationName": name}
        return (await http.post(f"{MODEL}:fetchPredictOperation", json=body, headers=TOKEN)).json()

    return send


async def test_an_operation_ends_with_the_bytes_inside(bench, submit, fetch) -> None:
    name = (await submit()).json()["name"]
    assert name.startswith(f"{RESOURCE}/operations/")
    assert await fetch(name) == {"name": name}
    await bench.ended()
    response = (await fetch(name))["response"]
    assert response["@type"] == "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"
    assert response["raiMediaFilteredCount"] == 0
    (video,) = response["videos"]
    assert video["mimeType"] == "video/mp4"
    assert base64.b64decode(video["bytesBase64Encoded"])[4:8] == b"ftyp"


async def test_vertex_takes_seed_silence_and_several_samples(bench, submit, fetch) -> None:
    name = (await submit(seed=7, generateAudio=False, sampleCount=2)).json()["name"]
    await bench.ended()
    videos = (await fetch(name))["response"]["videos"]
    assert len({video["bytesBase64Encoded"] for video in videos}) == len(videos) == 2, "two takes, not one twice"
    assert bench.tasks[0].billed_usd_micros == 200_000 * 4 * 2
    assert bench.tasks[0].order.seed == 7


async def test_filtered_samples_are_missing_from_the_answer_and_from_the_bill(bench, submit, fetch) -> None:
    prompt = "a cup [[fault:refuse_at_completion samples=1]]"
    name = (await submit(prompt, generateAudio=False, sampleCount=3)).json()["name"]
    await bench.ended()
    response = (await fetch(name))["response"]
    assert (len(response["videos"]), response["raiMediaFilteredCount"]) == (2, 1)
    (reason,) = response["raiMediaFilteredReasons"]
    assert reason.startswith("Veo could not generate 1 videos")
    assert bench.tasks[0].billed_usd_micros == 200_000 * 4 * 2


async def test_a_request_of_which_every_sample_is_filtered_brings_nothing_and_costs_nothing(
    bench, submit, fetch
) -> None:
    prompt = "a cup [[fault:refuse_at_completion samples=2]]"
    name = (await submit(prompt, sampleCount=2)).json()["name"]
    await bench.ended()
    response = (await fetch(name))["response"]
    assert ("videos" in response, response["raiMediaFilteredCount"]) == (False, 2)
    assert bench.tasks[0].billed_usd_micros == 0


async def test_the_other_api_version_of_the_sdk_works_too(http) -> None:
    body = {"instances": [{"prompt": "a cup"}]}
    reply = await http.post(f"/veo/v1beta1/{RESOURCE}:predictLongRunning", json=body, headers=TOKEN)
    assert reply.json()["name"].startswith(RESOURCE)


async def test_output_to_a_bucket_is_named_not_sent(bench, submit, fetch) -> None:
    name = (await submit(storageUri="gs://bucket/out/")).json()["name"]
    await bench.ended()
    (video,) = (await fetch(name))["response"]["videos"]
    assert video["gcsUri"].startswith("gs://bucket/out/")


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"x-goog-api-key": "sim-veo-key"}])
async def test_a_missing_or_wrong_token_is_unauthenticated(http, headers) -> None:
    reply = await http.post(f"{MODEL}:predictLongRunning", json={}, headers=headers)
    assert (reply.status_code, reply.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


async def test_an_operation_of_another_model_is_refused(http, submit) -> None:
    name = (await submit()).json()["name"]
    other = MODEL.replace("veo-3.1-generate-001", "veo-3.1-fast-generate-001")
    reply = await http.post(f"{other}:fetchPredictOperation", json={"operationName": name}, headers=TOKEN)
    assert reply.json()["error"]["status"] == "INVALID_ARGUMENT"


async def test_an_unknown_operation_is_not_found(fetch) -> None:
    assert (await fetch(f"{RESOURCE}/operations/unknown"))["error"]["code"] == 404


async def test_gemini_model_names_are_unknown_to_vertex(http) -> None:
    path = f"{MODEL}:predictLongRunning".replace("veo-3.1-generate-001", "veo-3.1-generate-preview")
    assert (await http.post(path, json={"instances": [{"prompt": "x"}]}, headers=TOKEN)).status_code == 404
