"""Luma's own client against the simulated vendor, unchanged, and its requests next to ours."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from lumaai import APIStatusError, AsyncLumaAI, NotFoundError
from provider_workers.domain.adapter import Absent, Image, Succeeded, TaskRef
from testkit.wire import compare

HEADERS = ("authorization", "content-type")
PROMPT = "a red ball rolls over a table"
CALLBACK = "http://127.0.0.1:9/v1/callbacks/luma/job_1/clip_1?sig=00"
PICTURE = "http://127.0.0.1:9/frame.png"


@pytest.fixture
async def client(tap):
    async with AsyncLumaAI(
        auth_token="sim-luma-key",
        base_url=f"{tap.url}/luma/dream-machine/v1",
        max_retries=0,
    ) as opened:
        yield opened


@pytest.fixture
def ours(our_adapter):
    return our_adapter("luma", provider="luma", has_callbacks=True)


async def completed(client, generation_id):
    """Poll as the vendor's samples do."""
    async with asyncio.timeout(20):
        while (generation := await client.generations.get(id=generation_id)).state not in ("completed", "failed"):
            await asyncio.sleep(0.05)
    return generation


async def test_text_to_video_is_asked_as_we_do_and_gives_a_file(tap, client, ours, order):
    created = await client.generations.video.create(
        model="ray-2",
        prompt=PROMPT,
        aspect_ratio="16:9",
        duration="5s",
        resolution="540p",
        concepts=[{"key": "pan_left"}],
        callback_url=CALLBACK,
        generation_type="video",
    )
    assert created.state in ("queued", "dreaming")
    assert created.request.callback_url == CALLBACK
    theirs = tap.last("POST", "/generations/video")
    submission = await ours.submit(order(model="ray-2", resolution="480p", camera="pan_left", callback_url=CALLBACK))
    compare(theirs, tap.last("POST", "/generations/video"), headers=HEADERS)

    done = await completed(client, submission.provider_task_id)
    async with httpx.AsyncClient(trust_env=False) as http:
        clip = await http.get(done.assets.video)
    assert (done.state, clip.content[4:8]) == ("completed", b"ftyp")
    theirs = tap.last("GET", f"/generations/{submission.provider_task_id}")
    outcome = await ours.poll(TaskRef(submission.provider_task_id, "ray-2", from_image=False))
    assert outcome == Succeeded(output=outcome.output, reference="clip_1")
    assert outcome.output.url == done.assets.video
    compare(theirs, tap.last("GET", "/generations/"), headers=("authorization",))


async def test_image_to_video_is_asked_as_we_do(tap, client, ours, order):
    await client.generations.create(
        model="ray-flash-2",
        prompt=PROMPT,
        aspect_ratio="9:16",
        duration="9s",
        resolution="720p",
        keyframes={"frame0": {"type": "image", "url": PICTURE}},
    )
    theirs = tap.last("POST", "/generations")
    picture = Image(content=b"", media_type="image/png", url=PICTURE)
    await ours.submit(order(model="ray-flash-2", aspect_ratio="9:16", duration_s=9, first_frame=picture))
    compare(
        theirs,
        tap.last("POST", "/generations"),
        headers=HEADERS,
        reasons={"body.generation_type": "We say that a video is wanted; the client leaves the usual kind out."},
    )


async def test_two_key_frames_are_asked_for_as_we_do(tap, client, ours, order):
    urls = [f"http://127.0.0.1:9/{name}.png" for name in ("first", "last")]
    await client.generations.video.create(
        model="ray-2",
        prompt=PROMPT,
        aspect_ratio="16:9",
        duration="5s",
        resolution="720p",
        keyframes={f"frame{n}": {"type": "image", "url": url} for n, url in enumerate(urls)},
        generation_type="video",
    )
    theirs = tap.last("POST", "/generations/video")
    first, last = (Image(content=b"", media_type="image/png", url=url) for url in urls)
    await ours.submit(order(model="ray-2", first_frame=first, last_frame=last))
    compare(theirs, tap.last("POST", "/generations/video"), headers=HEADERS)


async def test_the_list_is_asked_for_as_we_do_and_shows_our_clip(tap, client, ours, order):
    since = datetime.now(UTC)
    submission = await ours.submit(order(model="ray-flash-2", callback_url=CALLBACK))
    listed = await client.generations.list(limit=100, offset=0)
    assert [each.id for each in listed.generations] == [submission.provider_task_id]
    theirs = tap.last("GET", "/generations")
    assert await ours.find("clip_1", since=since) == submission
    compare(theirs, tap.last("GET", "/generations"), headers=("authorization",))
    assert await ours.find("clip_2", since=since) is None


async def test_what_the_client_deletes_is_absent_for_us(client, ours, order):
    submission = await ours.submit(order(model="ray-flash-2"))
    await client.generations.delete(id=submission.provider_task_id)
    with pytest.raises(NotFoundError):
        await client.generations.get(id=submission.provider_task_id)
    assert await ours.poll(TaskRef(submission.provider_task_id, "ray-flash-2", from_image=False)) == Absent()


async def test_credits_concepts_and_errors_reach_the_client_as_it_knows_them(client, simulator):
    assert (await client.credits.get()).credit_balance == 1_000_000
    assert "push_in" in await client.generations.concepts.list()
    assert (await client.ping.check()).message == "pong"
    await simulator.fault("out_of_money")
    with pytest.raises(APIStatusError) as broke:
        await client.generations.video.create(model="ray-2", prompt=PROMPT)
    assert (broke.value.status_code, broke.value.body) == (402, {"detail": "Insufficient credits"})
