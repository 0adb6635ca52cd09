"""Runway: what is answered, when, and what it costs."""

import base64
import re

import cv2
import httpx
import numpy as np
import pytest
from simulator.tasks import State

HEADERS = {"authorization": "Bearer sim-runway-key", "x-runway-version": "2024-11-06"}
SLOW = {"latency": {"runway": {"median_s": 1e6, "p95_s": 1e6}}}


class RunwayClient:
    """Runway as one would call it by hand."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def submit(self, prompt="a cup", *, path="text_to_video", headers=HEADERS, **fields):
        body = {"model": "gen4.5", "promptText": prompt, "ratio": "1280:720", "duration": 5} | fields
        body = {name: value for name, value in body.items() if value is not None}
        return await self.http.post(f"/runway/v1/{path}", json=body, headers=headers)

    async def task(self, task_id):
        return await self.http.get(f"/runway/v1/tasks/{task_id}", headers=HEADERS)

    async def delete(self, task_id):
        return await self.http.delete(f"/runway/v1/tasks/{task_id}", headers=HEADERS)


@pytest.fixture
def runway(http):
    return RunwayClient(http)


def picture(width=640, height=360):
    content = cv2.imencode(".png", np.full((height, width, 3), 90, dtype=np.uint8))[1].tobytes()
    return "data:image/png;base64," + base64.b64encode(content).decode()


async def test_a_task_is_pending_runs_and_ends_with_a_file_and_its_cost(bench, runway, http) -> None:
    created = await runway.submit(duration=8, seed=7)
    assert (created.status_code, created.json()["estimatedCost"]) == (200, {"credits": 96})
    task_id = created.json()["id"]
    first = (await runway.task(task_id)).json()
    assert (first["id"], first["status"], first["estimatedCost"]) == (task_id, "PENDING", {"credits": 96})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["createdAt"])
    await bench.engine.until(lambda: bench.tasks[0].state is State.RUNNING)
    assert 0 <= (await runway.task(task_id)).json()["progress"] < 1
    await bench.ended()
    done = (await runway.task(task_id)).json()
    assert (done["status"], done["cost"]) == ("SUCCEEDED", {"credits": 96})
    clip = await http.get(done["output"][0])
    assert (clip.status_code, clip.headers["content-type"], clip.content[4:8]) == (200, "video/mp4", b"ftyp")
    assert bench.tasks[0].billed_usd_micros == 960_000


async def test_a_link_dies_and_the_next_look_gives_a_fresh_one(bench, runway, http) -> None:
    now = [bench.engine.clock()]
    bench.engine.clock = lambda: now[0]
    bench.tune(zero_latency=True)
    task_id = (await runway.submit()).json()["id"]
    (task,) = await bench.ended()
    link = (await runway.task(task_id)).json()["output"][0]
    now[0] += 27 * 3600
    assert (await http.get(link)).status_code == 403
    fresh = (await runway.task(task_id)).json()["output"][0]
    assert (await http.get(fresh)).status_code == 200
    assert (await http.get(re.sub(r"_jwt=\w", "_jwt=x", fresh))).status_code == 403
    assert task.state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-runway-version": "2024-11-06"}, 401),
        (HEADERS | {"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer sim-runway-key"}, 400),
        (HEADERS | {"x-runway-version": "2024-09-13"}, 400),
    ],
)
async def test_key_and_version_are_needed(runway, headers, status) -> None:
    reply = await runway.submit(headers=headers)
    assert reply.status_code == status
    assert reply.json()["error"]


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"model": "gen4_turbo"}, "invalid_union", ["model"]),
        ({"model": "gen3a_turbo"}, "invalid_union", ["model"]),
        ({"duration": 11}, "too_big", ["duration"]),
        ({"duration": 1}, "too_small", ["duration"]),
        ({"duration": "5"}, "invalid_type", ["duration"]),
        ({"duration": None}, "invalid_type", ["duration"]),
        ({"ratio": "960:960"}, "invalid_value", ["ratio"]),
        ({"seed": 2**32}, "too_big", ["seed"]),
        ({"promptText": ""}, "too_small", ["promptText"]),
        ({"promptText": "x" * 1001}, "too_big", ["promptText"]),
        ({"promptText": "😀" * 501}, "too_big", ["promptText"]),
        ({"audio": True}, "unrecognized_keys", []),
    ],
)
async def test_what_a_body_does_wrong_is_listed(bench, runway, fields, code, path) -> None:
    reply = await runway.submit(**fields)
    (issue,) = reply.json()["issues"]
    assert (reply.status_code, issue["code"], issue["path"]) == (400, code, path)
    assert reply.json()["error"] == "Validation of body failed"
    assert bench.tasks == []


async def test_five_hundred_pairs_of_units_are_a_thousand(runway) -> None:
    assert (await runway.submit(promptText="😀" * 500)).status_code == 200


async def test_a_picture_opens_further_shapes_and_the_quick_model(bench, runway) -> None:
    bench.tune(zero_latency=True)
    reply = await runway.submit(
        path="image_to_video", model="gen4_turbo", ratio="960:960", promptImage=picture(), promptText=None
    )
    assert reply.json()["estimatedCost"] == {"credits": 25}
    (task,) = await bench.ended()
    assert (task.order.operation, task.order.size_px, task.order.premium) == ("image-to-video", (960, 960), False)


@pytest.mark.parametrize(
    "image",
    [
        None,
        "data:image/png;base64,AAAA",
        "data:text/plain;base64,AAAA",
        "http://example.com/x.png",
        "https://93.184.216.34/x.png",
        "https://example.com/" + "x" * 2048,
        [{"uri": picture(), "position": "last"}],
        picture(width=900, height=300),
        "runway://nobody",
        "data:image/png;base64," + "A" * (5 * 1024 * 1024),
    ],
)
async def test_a_picture_that_cannot_be_used_is_refused(bench, runway, image) -> None:
    reply = await runway.submit(path="image_to_video", promptImage=image)
    assert (reply.status_code, reply.json()["issues"][0]["path"][0]) == (400, "promptImage")
    assert bench.tasks == []


async def test_an_uploaded_picture_can_be_named(bench, runway, http) -> None:
    body = {"filename": "frame.png", "type": "ephemeral"}
    place = (await http.post("/runway/v1/uploads", json=body, headers=HEADERS)).json()
    named = {"path": "image_to_video", "promptImage": place["runwayUri"]}
    assert (await runway.submit(**named)).status_code == 400, "the file has not come yet"
    content = base64.b64decode(picture().partition(",")[2])
    files = {"file": ("frame.png", content, "image/png")}
    assert (await http.post(place["uploadUrl"], data={"policy": "wrong"}, files=files)).status_code == 403
    assert (await http.post(place["uploadUrl"], data=place["fields"], files=files)).status_code == 204
    assert (await runway.submit(**named)).status_code == 200
    assert bench.engine.media.keep_picture(content) == bench.tasks[0].order.first_frame


async def test_tasks_beyond_the_parallel_ones_are_accepted_and_throttled(bench, runway) -> None:
    bench.tune(max_parallel={"runway": 1}, **SLOW)
    ids = [(await runway.submit(f"cup {number}")).json()["id"] for number in range(3)]
    shown = [(await runway.task(each)).json()["status"] for each in ids]
    assert shown == ["PENDING", "THROTTLED", "THROTTLED"]
    bench.engine.finish(bench.tasks[0], State.SUCCEEDED)
    await bench.ended()
    assert [(await runway.task(each)).json()["status"] for each in ids[1:]] == ["PENDING", "THROTTLED"]
    turbo = await runway.submit(path="image_to_video", model="gen4_turbo", promptImage=picture())
    assert (await runway.task(turbo.json()["id"])).json()["status"] == "PENDING", "limits are per model"


async def test_a_throttled_task_starts_when_the_limit_is_lifted_and_is_gone_after_a_reset(bench, runway, http) -> None:
    bench.tune(max_parallel={"runway": 1}, **SLOW)
    for number in range(3):
        await runway.submit(f"cup {number}")
    _, second, third = bench.tasks
    bench.engine.finish(third, State.SUCCEEDED)  # by hand, although it is not its turn
    await bench.ended()
    assert (third.state, second.state) == (State.SUCCEEDED, State.QUEUED)
    patch = {"max_parallel": {"runway": 0}, "latency": {"runway": {"median_s": 0.1, "p95_s": 0.1}}}
    await http.post("/_control/settings", json=patch)
    assert not bench.engine.is_throttled(second)
    await http.post("/_control/reset")
    assert bench.tasks == []


async def test_cancelling_is_free_while_a_task_waits_and_at_its_price_once_it_runs(bench, runway) -> None:
    bench.tune(max_parallel={"runway": 1}, latency={"runway": {"median_s": 20.0, "p95_s": 20.0}})
    running, waiting = [(await runway.submit(f"cup {number}")).json()["id"] for number in range(2)]
    await bench.engine.until(lambda: bench.tasks[0].state is State.RUNNING)
    for each in (waiting, running):
        assert (await runway.delete(each)).status_code == 204
        assert (await runway.task(each)).status_code == 404
    assert [task.billed_usd_micros for task in bench.tasks] == [600_000, 0]
    bench.tune(runway_cancelled="shown")
    shown = [(await runway.task(each)).json() for each in (running, waiting)]
    assert [(each["status"], each["cost"]["credits"]) for each in shown] == [("CANCELLED", 60), ("CANCELLED", 0)]


async def test_what_is_deleted_after_its_end_stays_billed(bench, runway, http) -> None:
    bench.tune(zero_latency=True)
    task_id = (await runway.submit()).json()["id"]
    link = (await runway.task(task_id)).json()["output"][0]
    assert (await runway.delete(task_id)).status_code == 204
    assert (await runway.task(task_id)).status_code == 404
    assert (await runway.delete(task_id)).status_code == 404
    assert (await http.get(link)).status_code == 403
    assert bench.tasks[0].billed_usd_micros == 600_000


@pytest.mark.parametrize(
    ("fault", "code", "credits"),
    [
        ("refused_at_submit", "SAFETY.INPUT.TEXT", 60),
        ("refused_at_completion", "SAFETY.OUTPUT.VIDEO", 60),
        ("failed_at_completion", "INTERNAL.BAD_OUTPUT.CODE01", 0),
    ],
)
async def test_moderated_work_is_billed_and_failed_work_is_not(bench, runway, fault, code, credits) -> None:  # noqa: A002
    reply = await runway.submit(f"a cup [[fault:{fault}]]")
    assert reply.status_code == 200, "nothing is refused at submit"
    await bench.ended()
    failed = (await runway.task(reply.json()["id"])).json()
    assert (failed["status"], failed["failureCode"], failed["cost"]["credits"]) == ("FAILED", code, credits)
    assert bench.tasks[0].billed_usd_micros == credits * 10_000


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ({"kind": "throttled", "retry_after_s": 3}, 429, "rate limit"),
        ({"kind": "out_of_money"}, 400, "enough credits"),
        ({"kind": "unauthorized"}, 401, "key"),
        ({"kind": "server_error", "status": 502}, 502, "gateway"),
        ({"kind": "outage"}, 503, "unavailable"),
    ],
)
async def test_faults_are_worded_as_the_vendor_would(bench, runway, fault, status, words) -> None:
    bench.fault(**fault)
    reply = await runway.submit()
    assert (reply.status_code, words in reply.json()["error"].lower()) == (status, True)
    assert reply.headers.get("retry-after") == ("3" if fault["kind"] == "throttled" else None)


async def test_accounts_do_not_see_each_other_and_the_organization_counts(bench, runway, http) -> None:
    bench.tune(zero_latency=True)
    await runway.submit()
    organization = (await http.get("/runway/v1/organization", headers=HEADERS)).json()
    assert organization["creditBalance"] == 1_000_000 - 60
    assert organization["usage"]["models"]["gen4.5"]["dailyGenerations"] == 1
    assert (await http.get("/runway/v1/tasks", headers=HEADERS)).status_code == 404, "there is no list of tasks"
