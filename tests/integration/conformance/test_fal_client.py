"""fal's own client against Pika's simulator, unchanged, and its requests next to ours."""

import asyncio
import base64
import json
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from provider_workers.adapters.pika import to_request
from provider_workers.domain.adapter import Image, Succeeded, TaskRef
from testkit.certificates import loopback_certificate, server_context
from testkit.wire import WireTap, compare

DRIVER = Path(__file__).with_name("fal_calls.py")
PROMPT = "a red ball rolls over a table"
TEXT = {"prompt": PROMPT, "duration": 5, "aspect_ratio": "16:9", "resolution": "720p", "negative_prompt": "", "seed": 7}
CALLBACK = "https://gateway.example/v1/callbacks/pika/job_1/clip_1?sig=00"
LIFETIME = {"header.x-fal-object-lifecycle-preference": "We say how long we need the file; the client does not."}
NO_LOGS = {"query.logs": "The client always says whether it wants logs; we never do, and none is the default."}


class Client:
    """fal's client in its process."""

    def __init__(self, process):
        self._process = process

    async def __call__(self, call, **ask):
        self._process.stdin.write(json.dumps({"call": call, **ask}).encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(30):
            return json.loads(await self._process.stdout.readline())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return loopback_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def tls_tap(simulator, certificate):
    """The client speaks https only."""
    with WireTap(simulator.base_url, tls=server_context(certificate)) as running:
        yield running


@asynccontextmanager
async def running_client(tap, certificate):
    host = tap.url.removeprefix("https://")
    env = os.environ | {
        "FAL_QUEUE_RUN_HOST": f"{host}/pika",
        "FAL_KEY": "sim-pika-key",
        "SSL_CERT_FILE": str(certificate),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(DRIVER), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=env
    )
    try:
        yield Client(process)
    finally:
        process.stdin.close()
        await process.wait()


@pytest.fixture
async def client(tls_tap, certificate):
    async with running_client(tls_tap, certificate) as started:
        yield started


async def test_fals_client_follows_subscribes_and_gets_its_clips(client, simulator):
    followed = await client("follow", arguments=TEXT)
    assert [each["kind"] for each in followed["seen"]][-1] == "Completed"
    assert followed["seen"][-1]["metrics"]["inference_time"] > 0
    assert followed["result"]["video"]["content_type"] == "video/mp4"
    subscribed = await client("subscribe", arguments=TEXT)
    assert (subscribed["n_enqueued"], subscribed["result"]["video"]["file_name"]) == (1, "output.mp4")
    assert "Completed" in subscribed["kinds"]
    assert (await client("subscribe_async", arguments=TEXT))["result"]["video"]["file_size"] > 0
    assert len(await simulator.tasks()) == 3


async def test_fals_client_cancels_what_waits_and_is_told_what_failed(client, simulator):
    await simulator.tell("settings", max_parallel={"pika": 1})
    running = await client("submit", arguments={"prompt": "a cup [[fault:stuck]]"})
    waiting = await client("submit", arguments={"prompt": "a cup"})
    assert await client("status", request_id=waiting["request_id"]) == {"kind": "Queued", "position": 1}
    assert await client("cancel", request_id=waiting["request_id"]) == {}
    status = await client("status", request_id=waiting["request_id"], logs=True)
    assert (status["kind"], status["error_type"]) == ("Completed", "client_cancelled")
    again = await client("cancel", request_id=waiting["request_id"])
    assert again["raised"]["status"] == 400
    await simulator.tell(f"tasks/pika/{running['request_id']}/finish", state="filtered")
    refused = (await client("result", request_id=running["request_id"]))["raised"]
    assert (refused["status"], refused["message"][0]["type"]) == (422, "content_policy_violation")
    await simulator.tell("settings", max_parallel={"pika": 0})
    assert (await client("result", request_id="none"))["raised"]["status"] == 404


async def test_fals_client_is_told_why_nothing_is_accepted(client, simulator):
    await simulator.fault("out_of_money", vendor="pika", count=1)
    locked = (await client("submit", arguments=TEXT))["raised"]
    assert (locked["status"], locked["type"]) == (403, "user_locked")
    assert "Exhausted balance" in locked["message"]
    wrong = (await client("submit", arguments={"prompt": PROMPT, "duration": 7}))["raised"]
    assert (wrong["status"], wrong["message"][0]["loc"]) == (422, ["body", "duration"])
    assert await simulator.tasks() == []


async def test_a_text_is_submitted_and_followed_as_fals_client_does(client, tls_tap, tap, our_adapter, order):
    theirs = await client("submit", arguments=TEXT, options={"webhook_url": CALLBACK})
    adapter = our_adapter("pika", provider="pika")
    await adapter.submit(order(model="pika-v2.2", seed=7, callback_url=CALLBACK))
    headers = ("authorization", "content-type", "x-fal-object-lifecycle-preference")
    compare(tls_tap.last("POST"), tap.last("POST"), headers=headers, reasons=LIFETIME)

    # The same request, so that nothing but the asking differs.
    await client("result", request_id=theirs["request_id"])
    outcome = await adapter.poll(TaskRef(theirs["request_id"], "pika-v2.2", from_image=False))
    assert isinstance(outcome, Succeeded)
    compare(tls_tap.last("GET", "/status"), tap.last("GET", "/status"), headers=("authorization",), reasons=NO_LOGS)
    compare(tls_tap.all("GET")[-1], tap.all("GET")[-1], headers=("authorization",))


async def test_what_waits_is_cancelled_as_fals_client_does(client, simulator, tls_tap, tap, our_adapter):
    await simulator.tell("settings", max_parallel={"pika": 1})
    running = await client("submit", arguments={"prompt": "a cup [[fault:stuck]]"})
    waiting = [(await client("submit", arguments={"prompt": "a cup"}))["request_id"] for _ in range(2)]
    adapter = our_adapter("pika", provider="pika")
    assert not await adapter.cancel(TaskRef(running["request_id"], "pika-v2.2", from_image=False))
    await client("cancel", request_id=waiting[0])
    assert await adapter.cancel(TaskRef(waiting[1], "pika-v2.2", from_image=False))
    other_request = {"path": "Another request of the same kind, because one can be cancelled once."}
    compare(tls_tap.last("PUT"), tap.last("PUT"), headers=("authorization",), reasons=other_request)
    await simulator.tell("settings", max_parallel={"pika": 0})


async def test_a_picture_is_submitted_as_fals_client_does(client, tls_tap, tap, our_adapter, order):
    content = cv2.imencode(".png", np.full((360, 640, 3), 90, dtype=np.uint8))[1].tobytes()
    picture = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    arguments = {name: TEXT[name] for name in ("prompt", "duration", "resolution", "negative_prompt")}
    application = "fal-ai/pika/v2.2/image-to-video"
    await client("submit", application=application, arguments=arguments | {"image_url": picture})
    ordered = order(model="pika-v2.2", first_frame=Image(content=content, media_type="image/png"))
    await our_adapter("pika", provider="pika").submit(ordered)
    compare(tls_tap.last("POST"), tap.last("POST"), headers=("authorization", "content-type"))
    assert to_request(ordered)[0] == f"/{application}"


async def test_two_pictures_are_submitted_as_fals_client_does(client, tls_tap, tap, our_adapter, order):
    contents = [cv2.imencode(".png", np.full((360, 640, 3), x, dtype=np.uint8))[1].tobytes() for x in (90, 200)]
    urls = [f"data:image/png;base64,{base64.b64encode(content).decode()}" for content in contents]
    arguments = {name: TEXT[name] for name in ("prompt", "resolution", "negative_prompt")}
    application = "fal-ai/pika/v2.2/pikaframes"
    arguments |= {"image_urls": urls, "transitions": [{"duration": 10}]}
    theirs = await client("submit", application=application, arguments=arguments)
    first, last = (Image(content=content, media_type="image/png") for content in contents)
    ordered = order(model="pika-v2.2", duration_s=10, first_frame=first, last_frame=last)
    adapter = our_adapter("pika", provider="pika")
    await adapter.submit(ordered)
    compare(tls_tap.last("POST"), tap.last("POST"), headers=("authorization", "content-type"))
    assert to_request(ordered)[0] == f"/{application}"
    result = await client("result", request_id=theirs["request_id"])
    assert result["video"]["content_type"] == "video/mp4"
