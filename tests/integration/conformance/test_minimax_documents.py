"""MiniMax has no client of its own: its documented pairs of request and answer are replayed at the simulator, and the
documented requests are laid next to our adapter's.

The samples are those of the vendor's pages on creating, querying and retrieving (read 2026-11-22). An answer must have
every documented field with the documented type; what it has beyond them is named here.
"""

import base64

import cv2
import httpx
import numpy as np
import pytest
from provider_workers.domain.adapter import Image, Submission, Succeeded, TaskRef
from testkit.wire import compare

KEY = {"authorization": "Bearer sim-minimax-key"}
SUCCESS = {"status_code": 0, "status_msg": "success"}
CREATE = "/minimax/v1/video_generation"
FROM_TEXT = {
    "model": "MiniMax-Hailuo-2.3",
    "prompt": "A man picks up a book [Pedestal up], then reads [Static shot].",
    "duration": 6,
    "resolution": "1080P",
}
CREATED = {"task_id": "106916112212032", "base_resp": SUCCESS}
QUERIED = {
    "task_id": "176843862716480",
    "status": "Success",
    "file_id": "176844028768320",
    "video_width": 1920,
    "video_height": 1080,
    "base_resp": SUCCESS,
}
RETRIEVED = {
    "file": {
        "file_id": 176844028768320,
        "bytes": 5_896_337,
        "created_at": 1_700_469_398,
        "filename": "output_aigc.mp4",
        "purpose": "video_generation",
        "download_url": "www.downloadurl.com",
    },
    "base_resp": SUCCESS,
}
FURTHER = {".file.backup_download_url"}
"""Seen by integrators, not in the samples."""
REASONS = {"body.prompt_optimizer": "Our prompt is compiled already; the vendor would rewrite it."}


@pytest.fixture
async def http(tap):
    async with httpx.AsyncClient(base_url=tap.url, headers=KEY, trust_env=False) as client:
        yield client


async def answered_until(http, path, params, status):
    while (answer := (await http.get(path, params=params)).json()).get("status") != status:
        assert answer["base_resp"] == SUCCESS
    return answer


async def test_the_documented_steps_are_answered_as_documented(http, shape):
    created = (await http.post(CREATE, json=FROM_TEXT)).json()
    assert shape(created) == shape(CREATED)
    assert created["task_id"].isdigit()
    params = {"task_id": created["task_id"]}
    queried = await answered_until(http, "/minimax/v1/query/video_generation", params, "Success")
    assert shape(queried) == shape(QUERIED)
    assert (queried["video_width"], queried["video_height"]) == (QUERIED["video_width"], QUERIED["video_height"])
    retrieved = (await http.get("/minimax/v1/files/retrieve", params={"file_id": queried["file_id"]})).json()
    beyond = {place: kind for place, kind in shape(retrieved).items() if place not in FURTHER}
    assert beyond == shape(RETRIEVED)
    assert retrieved["file"]["purpose"] == RETRIEVED["file"]["purpose"]
    assert str(retrieved["file"]["file_id"]) == queried["file_id"]


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ({"kind": "throttled"}, {"status_code": 1002, "status_msg": "rate limit"}),
        ({"kind": "out_of_money"}, {"status_code": 1008, "status_msg": "insufficient balance"}),
        ({"kind": "refused_at_submit"}, {"status_code": 1026, "status_msg": "input new_sensitive"}),
        ({"kind": "unauthorized"}, {"status_code": 2049, "status_msg": "invalid api key"}),
        ({"kind": "out_of_money", "code": 2056}, {"status_code": 2056, "status_msg": "usage limit exceeded"}),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else value,
)
async def test_documented_codes_come_with_http_200_and_no_task(http, simulator, fault, answer):
    await simulator.tell("faults", vendor="minimax", count=1, **fault)
    reply = await http.post(CREATE, json=FROM_TEXT)
    assert (reply.status_code, reply.json()) == (200, {"task_id": "", "base_resp": answer})


async def test_our_request_for_a_text_is_the_documented_one(http, tap, our_adapter, order):
    await http.post(CREATE, json=FROM_TEXT)
    documented = tap.last("POST")
    adapter = our_adapter("minimax", provider="minimax")
    ordered = order(model=FROM_TEXT["model"], prompt=FROM_TEXT["prompt"], duration_s=6, resolution="1080p")
    assert isinstance(await adapter.submit(ordered), Submission)
    compare(documented, tap.last("POST"), headers=("authorization", "content-type"), reasons=REASONS)


async def test_our_request_for_a_picture_is_the_documented_one(http, tap, our_adapter, order):
    content = cv2.imencode(".png", np.full((360, 640, 3), 90, dtype=np.uint8))[1].tobytes()
    data_url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    documented = {"model": "MiniMax-Hailuo-2.3-Fast", "prompt": "a mouse runs", "first_frame_image": data_url}
    await http.post(CREATE, json=documented | {"duration": 6, "resolution": "768P"})
    theirs = tap.last("POST")
    frame = Image(content=content, media_type="image/png")
    ordered = order(model="MiniMax-Hailuo-2.3-Fast", prompt="a mouse runs", duration_s=6, first_frame=frame)
    await our_adapter("minimax", provider="minimax").submit(ordered)
    compare(theirs, tap.last("POST"), headers=("authorization", "content-type"), reasons=REASONS)


async def test_our_request_between_two_pictures_is_the_documented_one(http, tap, our_adapter, order):
    contents = [cv2.imencode(".png", np.full((360, 640, 3), x, dtype=np.uint8))[1].tobytes() for x in (90, 200)]
    first, last = (f"data:image/png;base64,{base64.b64encode(content).decode()}" for content in contents)
    documented = {"model": "MiniMax-Hailuo-02", "prompt": "a girl grows up", "duration": 6, "resolution": "1080P"}
    created = await http.post(CREATE, json=documented | {"first_frame_image": first, "last_frame_image": last})
    assert created.json()["base_resp"] == SUCCESS
    theirs = tap.last("POST")
    frames = [Image(content=content, media_type="image/png") for content in contents]
    fields = {"model": documented["model"], "prompt": documented["prompt"], "duration_s": 6, "resolution": "1080p"}
    ordered = order(**fields, first_frame=frames[0], last_frame=frames[1])
    await our_adapter("minimax", provider="minimax").submit(ordered)
    compare(theirs, tap.last("POST"), headers=("authorization", "content-type"), reasons=REASONS)


async def test_our_way_to_the_file_is_the_documented_one(http, tap, our_adapter):
    task_id = (await http.post(CREATE, json=FROM_TEXT)).json()["task_id"]
    queried = await answered_until(http, "/minimax/v1/query/video_generation", {"task_id": task_id}, "Success")
    await http.get("/minimax/v1/files/retrieve", params={"file_id": queried["file_id"]})
    theirs = tap.all("GET")[-2:]
    adapter = our_adapter("minimax", provider="minimax")
    assert isinstance(await adapter.poll(TaskRef(task_id, FROM_TEXT["model"], from_image=False)), Succeeded)
    for documented, ours in zip(theirs, tap.all("GET")[-2:], strict=True):
        compare(documented, ours, headers=("authorization",))
