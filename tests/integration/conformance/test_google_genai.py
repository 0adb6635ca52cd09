"""Google's own client against both dialects of Veo, and its requests next to ours.

Version 2.9 is the last that speaks the Gemini dialect for Veo; 3.4 refuses it and speaks Vertex's.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from provider_workers.domain.adapter import Image, Succeeded, TaskRef
from testkit.wire import compare

DRIVER = Path(__file__).with_name("genai_client.py")
SECOND_VERSION = Path(sys.prefix) / "google-genai-3.4"
PICTURE = cv2.imencode(".png", np.full((360, 640, 3), 90, dtype=np.uint8))[1].tobytes()
PROMPT = "a red ball rolls over a table"
DIALECTS = {
    "gemini": ("veo-gemini", "veo-3.1-fast-generate-preview", "x-goog-api-key"),
    "vertex": ("veo", "veo-3.1-fast-generate-001", "authorization"),
}
HOW_MANY = {"body.parameters.sampleCount": "We name the number of clips that we pay for; the client leaves it out."}
STABLE = {"path": "The client is written for v1beta1; v1 has everything that we use and is the stable version."}
IN_CAPITALS = {
    f"body.instances[0].referenceImages[{n}].referenceType": "The client writes ASSET, the REST samples asset."
    for n in range(2)
}
REASONS = {"gemini": HOW_MANY, "vertex": HOW_MANY | STABLE}
"""Every difference with its reason, by the place where it is."""
HTTPS_ONLY = "The client cuts a file's name out of https addresses only, and the simulator has none."
FETCHING = {"path": HTTPS_ONLY, "query.alt": HTTPS_ONLY}
TO_POLL = {"gemini": ("GET", "/operations/"), "vertex": ("POST", ":fetchPredictOperation")}


REFUSALS = {
    "throttled": [429, "RESOURCE_EXHAUSTED"],
    "refused_at_submit": [400, "INVALID_ARGUMENT"],
    "server_error": [500, "INTERNAL"],
}
"""What the client raises; the worker's suite holds what our adapter makes of the same answers."""


async def by_client(tap, dialect, *asks):
    """Let Google's client do it, in the version that speaks the dialect."""
    env = dict(os.environ)
    if dialect == "vertex":
        assert SECOND_VERSION.is_dir(), "`make .venv/test` installs the second version"
        env["PYTHONPATH"] = f"{SECOND_VERSION}{os.pathsep}{env.get('PYTHONPATH', '')}"
    fields = {"dialect": dialect, "base_url": f"{tap.url}/veo", "key": "sim-veo-key", "prompt": PROMPT}
    fields["model"] = DIALECTS[dialect][1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(DRIVER), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=env
    )
    said, _ = await process.communicate(json.dumps([fields | ask for ask in asks]).encode())
    assert process.returncode == 0
    answer = json.loads(said)
    assert answer["version"].split(".")[0] == {"gemini": "2", "vertex": "3"}[dialect]
    return answer["answers"]


def config_of(dialect):
    config = {"duration_seconds": 4, "aspect_ratio": "16:9", "resolution": "720p", "negative_prompt": "people"}
    return config | ({"seed": 7, "generate_audio": False} if dialect == "vertex" else {})


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_googles_client_gets_its_clips_and_asks_as_we_do(dialect, tap, our_adapter, order, tmp_path):
    adapter_name, _, key_header = DIALECTS[dialect]
    is_vertex, config = dialect == "vertex", config_of(dialect)
    from_text, from_image, refused = await by_client(
        tap,
        dialect,
        {"config": config},
        {"config": config, "image": PICTURE.hex()},
        {"config": config, "prompt": f"{PROMPT} [[fault:refuse_at_completion]]"},
    )
    assert (from_text["heads"], from_image["heads"], refused["heads"]) == (["ftyp"], ["ftyp"], [])
    assert "Support codes" in refused["reasons"][0], "a refusal that looks like a success"
    theirs, their_poll = tap.all("POST", ":predictLongRunning"), tap.last(*TO_POLL[dialect])

    adapter = our_adapter(adapter_name, provider="veo", project="film", location="us-central1")
    fields = {"model": "veo-3.1-fast-generate-001", "duration_s": 4, "negative_prompt": "people", "seed": 7}
    for number, frame in enumerate((None, Image(content=PICTURE, media_type="image/png"))):
        await adapter.submit(order(**fields, first_frame=frame))
        ours = tap.last("POST", ":predictLongRunning")
        compare(theirs[number], ours, headers=(key_header, "content-type"), reasons=REASONS[dialect])

    # The same tasks, so that nothing but the asking differs.
    failed = await adapter.poll(TaskRef(refused["name"], fields["model"], from_image=False))
    assert (failed.kind, failed.charged_usd_micros) == ("refused", 0)
    compare(their_poll, tap.last(*TO_POLL[dialect]), headers=(key_header,), reasons=STABLE if is_vertex else None)
    outcome = await adapter.poll(TaskRef(from_text["name"], fields["model"], from_image=False))
    assert isinstance(outcome, Succeeded)
    n_fetched = len(tap.sent)
    await adapter.download(outcome.output, tmp_path / "clip.mp4")
    if not is_vertex:  # there the clip came with the answer
        their_fetch = next(sent for sent in tap.sent if ":download" in sent.path)
        compare(their_fetch, tap.sent[n_fetched], headers=(key_header,), reasons=FETCHING)
        assert [sent.status for sent in tap.sent[n_fetched:]] == [302, 200]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_googles_client_sends_a_last_frame_and_references_as_we_do(dialect, tap, our_adapter, order, simulator):
    adapter_name, fast, key_header = DIALECTS[dialect]
    config = config_of(dialect) | {"duration_seconds": 8}
    model = fast.replace("fast-", "")
    other = cv2.imencode(".png", np.full((360, 640, 3), 200, dtype=np.uint8))[1].tobytes()
    pictures = [picture.hex() for picture in (PICTURE, other)]
    asks = (
        {"image": pictures[0], "config": config | {"last_frame": pictures[1]}},
        {"config": config | {"reference_images": pictures}},
        {"image": pictures[0], "config": config | {"reference_images": pictures}},
    )
    between, shown, both = await by_client(tap, dialect, *(ask | {"model": model} for ask in asks))
    assert (between["heads"], shown["heads"]) == (["ftyp"], ["ftyp"])
    assert both["raised"] == [400, "INVALID_ARGUMENT"]
    theirs = tap.all("POST", ":predictLongRunning")

    adapter = our_adapter(adapter_name, provider="veo", project="film", location="us-central1")
    first, last = (Image(content=content, media_type="image/png") for content in (PICTURE, other))
    fields = {"model": "veo-3.1-generate-001", "duration_s": 8, "negative_prompt": "people", "seed": 7}
    cases = ({"first_frame": first, "last_frame": last}, {}), ({"references": (first, last)}, IN_CAPITALS)
    for number, (images, further) in enumerate(cases):
        await adapter.submit(order(**fields, **images))
        ours = tap.last("POST", ":predictLongRunning")
        compare(theirs[number], ours, headers=(key_header, "content-type"), reasons=REASONS[dialect] | further)
    tasks = await simulator.tasks()
    assert [len(task["references"]) for task in tasks] == [0, 2, 0, 2]
    assert [task["last_frame"] is None for task in tasks] == [False, True, False, True]


async def test_googles_client_orders_several_clips_as_we_do_and_gets_those_that_passed(
    tap, our_adapter, order, simulator
):
    config = config_of("vertex")
    some = f"{PROMPT} [[fault:refuse_at_completion samples=1]]"
    both, one_left = await by_client(
        tap,
        "vertex",
        {"config": config | {"number_of_videos": 2}},
        {"config": config | {"number_of_videos": 3}, "prompt": some},
    )
    assert (both["heads"], both["reasons"]) == (["ftyp", "ftyp"], None)
    assert (one_left["heads"], len(one_left["reasons"])) == (["ftyp", "ftyp"], 1)
    (theirs, _) = tap.all("POST", ":predictLongRunning")

    adapter = our_adapter("veo", provider="veo", project="film", location="us-central1")
    fields = {"model": "veo-3.1-fast-generate-001", "duration_s": 4, "negative_prompt": "people", "seed": 7}
    await adapter.submit(order(**fields, n_samples=2))
    compare(theirs, tap.last("POST", ":predictLongRunning"), headers=("authorization", "content-type"), reasons=STABLE)
    whole, partial = [
        await adapter.poll(TaskRef(answer["name"], fields["model"], from_image=False)) for answer in (both, one_left)
    ]
    assert (len(whole.further), whole.missing) == (1, None)
    assert len({whole.output.content, *(each.content for each in whole.further)}) == 2
    assert (len(partial.further), partial.missing.kind) == (1, "refused")
    billed = [task["billed_usd_micros"] for task in await simulator.tasks()]
    assert billed[:2] == [640_000, 640_000]


async def test_the_gemini_dialect_refuses_several_clips_and_our_adapter_never_asks(tap, our_adapter):
    (refused,) = await by_client(tap, "gemini", {"config": config_of("gemini") | {"number_of_videos": 2}})
    assert refused["raised"] == [400, "INVALID_ARGUMENT"]
    assert not our_adapter("veo-gemini", provider="veo").takes_samples


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_googles_client_understands_the_refusals(dialect, tap, simulator):
    asks = [{"config": config_of(dialect), "prompt": f"{PROMPT} [[fault:{fault} count=9]]"} for fault in REFUSALS]
    answers = await by_client(tap, dialect, *asks, {"model": "veo-1.0-generate-001"})
    assert [answer["raised"] for answer in answers] == [*REFUSALS.values(), [404, "NOT_FOUND"]]
    assert await simulator.tasks() == []
