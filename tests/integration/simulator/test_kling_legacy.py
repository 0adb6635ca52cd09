"""Kling's legacy dialect: tokens, the old paths, the old words."""

import time

import pytest

NOW = int(time.time())
T2V = "/kling/v1/videos/text2video"
BODY = {"model_name": "kling-v2-6", "prompt": "a cup", "duration": "5", "external_task_id": "clip-1"}


@pytest.fixture
def signed(sign_token) -> dict[str, str]:
    return {"authorization": f"Bearer {sign_token(exp=NOW + 1800, nbf=NOW - 5)}"}


async def test_a_task_goes_from_submitted_to_succeed(bench, http, signed) -> None:
    reply = (await http.post(T2V, json=BODY, headers=signed)).json()
    assert reply["code"] == 0
    assert reply["data"]["task_status"] == "submitted"
    assert reply["data"]["task_info"] == {"external_task_id": "clip-1"}
    assert {"task_id", "created_at", "updated_at"} <= set(reply["data"])
    await bench.ended()
    task = (await http.get(f"{T2V}/{reply['data']['task_id']}", headers=signed)).json()["data"]
    assert task["task_status"] == "succeed"
    assert task["final_unit_deduction"] == "1.5"
    (video,) = task["task_result"]["videos"]
    assert video["duration"] == "5.0"
    assert (await http.get(video["url"])).content[4:8] == b"ftyp"
    listed = (await http.get(T2V, params={"pageNum": 1, "pageSize": 10}, headers=signed)).json()["data"]
    assert [item["task_id"] for item in listed] == [task["task_id"]]


async def test_a_task_is_found_by_reference_but_only_on_its_own_path(http, signed) -> None:
    await http.post(T2V, json=BODY, headers=signed)
    assert (await http.get(f"{T2V}/clip-1", headers=signed)).json()["data"]["task_status"] == "submitted"
    elsewhere = await http.get("/kling/v1/videos/image2video/clip-1", headers=signed)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, 1203)


async def test_legacy_tasks_are_not_in_the_new_list(http, signed, kling) -> None:
    await http.post(T2V, json=BODY, headers=signed)
    assert await kling.task(external_task_ids="clip-1") == []


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": NOW + 7200, "nbf": NOW + 3600}, 1003),
        ({"exp": NOW - 1, "nbf": NOW - 1800}, 1004),
        ({"exp": NOW + 1800, "nbf": NOW - 5, "secret_key": "wrong"}, 1000),
        ({"exp": NOW + 1800, "nbf": NOW - 5, "access_key": "wrong"}, 1002),
    ],
)
async def test_a_token_that_is_not_valid_gets_its_own_code(http, sign_token, claims, code) -> None:
    reply = await http.post(T2V, json=BODY, headers={"authorization": f"Bearer {sign_token(**claims)}"})
    assert (reply.status_code, reply.json()["code"]) == (401, code)


@pytest.mark.parametrize("token", ["sim-kling-key", "a.b.c", "e30.e30.e30", "....", "é.é.é"])
async def test_a_token_that_is_no_token_is_invalid(http, token) -> None:
    reply = await http.post(T2V, json=BODY, headers={"authorization": f"Bearer {token}".encode()})
    assert (reply.status_code, reply.json()["code"]) == (401, 1002)


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({"duration": 5}, 1201),
        ({"duration": "7"}, 1201),
        ({"mode": "ultra"}, 1201),
        ({"prompt": None}, 1201),
        ({"negative_prompt": "x" * 2501}, 1201),
        ({"cfg_scale": 1.5}, 1201),
        ({"sound": "on"}, 1201),
        ({"camera_control": {"type": "simple", "config": {"pan": 3, "tilt": 1}}}, 1201),
        ({"camera_control": {"type": "forward_up", "config": {"pan": 3}}}, 1201),
        ({"camera_control": {"type": "simple", "config": {"pan": 11}}}, 1201),
        ({"model_name": "kling-v1-6"}, 1203),
    ],
)
async def test_what_the_legacy_dialect_cannot_do_is_refused(bench, http, signed, patch, code) -> None:
    reply = await http.post(T2V, json=BODY | patch, headers=signed)
    assert reply.json()["code"] == code
    assert bench.tasks == []


@pytest.mark.parametrize("camera", [{"type": "down_back"}, {"type": "simple", "config": {"zoom": -4, "pan": 0}}])
async def test_camera_control_is_taken(http, signed, camera) -> None:
    reply = await http.post(T2V, json=BODY | {"camera_control": camera}, headers=signed)
    assert reply.status_code == 200


async def test_pro_mode_with_sound_is_billed_as_such(bench, http, signed) -> None:
    bench.tune(zero_latency=True)
    await http.post(T2V, json=BODY | {"mode": "pro", "sound": "on"}, headers=signed)
    (task,) = await bench.ended()
    assert task.billed_usd_micros == 700_000
    assert task.order.size_px == (1920, 1080)


async def test_operations_that_are_not_simulated_are_unknown_methods(http, signed) -> None:
    reply = await http.post("/kling/v1/videos/lip-sync", json={}, headers=signed)
    assert (reply.status_code, reply.json()["code"]) == (404, 1202)
