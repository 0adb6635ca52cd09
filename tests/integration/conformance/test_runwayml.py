"""Runway's own client against the simulated vendor, unchanged, and its requests next to ours."""

import asyncio
import base64

import cv2
import httpx
import numpy as np
import pytest
from provider_workers.domain.adapter import Absent, Failed, Image, Succeeded, TaskRef
from runwayml import APIStatusError, AsyncRunwayML, BadRequestError, RunwayML, TaskFailedError
from testkit.wire import compare

HEADERS = ("authorization", "x-runway-version", "content-type")
NO_BODY = ("authorization", "x-runway-version")
PROMPT = "a red ball rolls over a table"
PNG = cv2.imencode(".png", np.full((360, 640, 3), 90, dtype=np.uint8))[1].tobytes()
DATA_URI = "data:image/png;base64," + base64.b64encode(PNG).decode()
LARGE = PNG + bytes(4_000_000)


@pytest.fixture
def client(tap):
    with RunwayML(api_key="sim-runway-key", base_url=f"{tap.url}/runway", max_retries=0) as opened:
        yield opened


@pytest.fixture
def ours(our_adapter):
    return our_adapter("runway", provider="runway")


async def test_the_waiting_helper_gives_the_output_or_the_failure(tap, client):
    """All at once, because the helper looks every six seconds and no more often."""
    text = {"model": "gen4.5", "ratio": "1280:720", "duration": 5}
    image = {"model": "gen4_turbo", "ratio": "720:1280", "duration": 10, "prompt_image": DATA_URI}
    async with AsyncRunwayML(api_key="sim-runway-key", base_url=f"{tap.url}/runway") as async_client:

        async def rendered(prompt):
            return await (await async_client.text_to_video.create(prompt_text=prompt, **text)).wait_for_task_output()

        fine, refused, other = await asyncio.gather(
            asyncio.to_thread(lambda: client.image_to_video.create(**image).wait_for_task_output()),
            rendered(f"{PROMPT} [[fault:refuse_at_completion]]"),
            rendered(PROMPT),
            return_exceptions=True,
        )
    assert [task.cost.credits for task in (fine, other)] == [50, 60]
    async with httpx.AsyncClient(trust_env=False) as http:
        clip = await http.get(fine.output[0])
    assert clip.content[4:8] == b"ftyp"
    assert isinstance(refused, TaskFailedError)
    assert refused.task_details.failure_code == "SAFETY.OUTPUT.VIDEO"
    assert refused.task_details.cost.credits == 60


async def test_text_to_video_is_asked_as_we_do(tap, client, ours, order):
    created = await asyncio.to_thread(
        client.text_to_video.create, model="gen4.5", prompt_text=PROMPT, ratio="1280:720", duration=5, seed=7
    )
    assert (created.estimated_cost.credits, len(created.id)) == (60, 36)
    theirs = tap.last("POST", "/text_to_video")
    await ours.submit(order(model="gen4.5", seed=7))
    compare(theirs, tap.last("POST", "/text_to_video"), headers=HEADERS)


async def test_its_own_models_take_no_last_frame(client, ours):
    frames = [{"uri": DATA_URI, "position": position} for position in ("first", "last")]
    asked = {"model": "gen4_turbo", "prompt_text": PROMPT, "ratio": "1280:720", "duration": 5}
    with pytest.raises(BadRequestError):
        await asyncio.to_thread(lambda: client.image_to_video.create(prompt_image=frames, **asked))
    assert not ours.takes_last_frame


async def test_image_to_video_is_asked_as_we_do(tap, client, ours, order):
    asked = {"model": "gen4_turbo", "prompt_image": DATA_URI, "prompt_text": PROMPT, "ratio": "960:960", "duration": 4}
    await asyncio.to_thread(lambda: client.image_to_video.create(**asked))
    theirs = tap.last("POST", "/image_to_video")
    first_frame = Image(content=PNG, media_type="image/png")
    await ours.submit(order(model="gen4_turbo", aspect_ratio="1:1", duration_s=4, first_frame=first_frame))
    compare(theirs, tap.last("POST", "/image_to_video"), headers=HEADERS)


async def test_a_large_picture_is_uploaded_as_we_do(tap, client, ours, order):
    uploaded = await asyncio.to_thread(client.uploads.create_ephemeral, file=("frame.png", LARGE, "image/png"))
    assert uploaded.uri.startswith("runway://")
    their_ask, their_file = tap.last("POST", "/v1/uploads"), tap.last("POST", "/runway/uploads/")
    await ours.submit(order(model="gen4_turbo", duration_s=4, first_frame=Image(content=LARGE, media_type="image/png")))
    compare(their_ask, tap.last("POST", "/v1/uploads"), headers=HEADERS)
    our_file = tap.last("POST", "/runway/uploads/")
    # Each upload has an address, fields and a boundary of its own.
    assert [sent.status for sent in (their_file, our_file)] == [204, 204]
    assert "authorization" not in their_file.headers | our_file.headers
    assert tap.last("POST", "/image_to_video").body["promptImage"].startswith("runway://")


async def test_a_task_is_looked_at_cancelled_and_deleted_as_we_do(tap, client, ours, order, simulator):
    first = await ours.submit(order(model="gen4.5"))
    task = TaskRef(first.provider_task_id, "gen4.5", from_image=False)
    async with asyncio.timeout(20):
        while not isinstance(outcome := await ours.poll(task), Succeeded):
            await asyncio.sleep(0.05)
    our_look = tap.last("GET", "/v1/tasks/")
    shown = await asyncio.to_thread(client.tasks.retrieve, first.provider_task_id)
    assert (shown.status, outcome.cost_usd_micros) == ("SUCCEEDED", shown.cost.credits * 10_000)
    compare(tap.last("GET", "/v1/tasks/"), our_look, headers=NO_BODY)

    await asyncio.to_thread(client.tasks.delete, first.provider_task_id)
    their_delete = tap.last("DELETE", "/v1/tasks/")
    assert (their_delete.status, await ours.poll(task)) == (204, Absent())

    await simulator.tell("settings", max_parallel={"runway": 1}, latency={"runway": {"median_s": 1e6, "p95_s": 1e6}})
    try:
        _, waiting = [await ours.submit(order(model="gen4.5", prompt=f"{PROMPT} {n}")) for n in range(2)]
        assert await ours.cancel(TaskRef(waiting.provider_task_id, "gen4.5", from_image=False))
        named_alike = {"path": "Each of the two deletes a task of its own."}
        compare(their_delete, tap.last("DELETE", "/v1/tasks/"), headers=NO_BODY, reasons=named_alike)
    finally:
        await simulator.tell("settings", max_parallel={"runway": 0}, latency={"runway": {"median_s": 30, "p95_s": 120}})


async def test_a_cancelled_task_that_is_shown_says_what_it_cost(client, ours, order, simulator):
    await simulator.tell("settings", runway_cancelled="shown", latency={"runway": {"median_s": 1e6, "p95_s": 1e6}})
    try:
        submission = await ours.submit(order(model="gen4.5"))
        await asyncio.to_thread(client.tasks.delete, submission.provider_task_id)
        shown = await asyncio.to_thread(client.tasks.retrieve, submission.provider_task_id)
        outcome = await ours.poll(TaskRef(submission.provider_task_id, "gen4.5", from_image=False))
    finally:
        usual = {"runway": {"median_s": 30, "p95_s": 120}}
        await simulator.tell("settings", runway_cancelled="gone", latency=usual)
    assert shown.status == "CANCELLED"
    assert outcome == Failed(
        kind="unclassified", vendor_code="cancelled", charged_usd_micros=shown.cost.credits * 10_000
    )


async def test_errors_reach_the_client_as_it_knows_them(client, simulator):
    asked = {"model": "gen4.5", "prompt_text": PROMPT, "ratio": "1280:720"}
    with pytest.raises(BadRequestError) as wrong:
        await asyncio.to_thread(lambda: client.text_to_video.create(duration=99, **asked))
    assert wrong.value.body["issues"][0]["path"] == ["duration"]
    await simulator.fault("throttled", retry_after_s=2)
    with pytest.raises(APIStatusError) as throttled:
        await asyncio.to_thread(lambda: client.text_to_video.create(duration=5, **asked))
    assert (throttled.value.status_code, throttled.value.response.headers["retry-after"]) == (429, "2")
    organization = await asyncio.to_thread(client.organization.retrieve)
    assert organization.tier.models["gen4.5"].max_concurrent_generations > 0
