"""Each fault, at each vendor, by control API and by marker in the prompt."""

import asyncio

import httpx
import pytest
from simulator.http import ConnectionDropped

VENDORS = ("kling", "veo")


@pytest.fixture
def send(kling, veo):
    """Submit to a vendor by name."""

    async def submit(vendor: str, prompt: str = "a cup") -> httpx.Response:
        return await (kling if vendor == "kling" else veo).submit(prompt)

    return submit


@pytest.fixture
def look(kling, veo):
    """Look at the only task of a vendor, in the vendor's words."""

    async def poll(vendor: str, bench):
        (task,) = bench.engine.ledger.tasks(vendor)
        if vendor == "kling":
            return (await kling.task(task_ids=task.id))[0]
        return await veo.operation(task.order.facts["name"])

    return poll


@pytest.mark.parametrize(
    ("vendor", "kind", "status", "code"),
    [
        ("kling", "throttled", 429, 1302),
        ("kling", "server_error", 500, 5000),
        ("kling", "outage", 503, 5001),
        ("kling", "unauthorized", 401, 1002),
        ("kling", "out_of_money", 429, 1101),
        ("kling", "refused_at_submit", 400, 1301),
        ("veo", "throttled", 429, "RESOURCE_EXHAUSTED"),
        ("veo", "server_error", 500, "INTERNAL"),
        ("veo", "outage", 503, "UNAVAILABLE"),
        ("veo", "unauthorized", 400, "INVALID_ARGUMENT"),
        ("veo", "out_of_money", 429, "RESOURCE_EXHAUSTED"),
        ("veo", "refused_at_submit", 400, "INVALID_ARGUMENT"),
    ],
)
async def test_a_refused_submit_is_worded_by_the_vendor_and_makes_no_task(
    bench, send, vendor, kind, status, code
) -> None:
    bench.fault(kind, vendor=vendor, count=1)
    reply = await send(vendor)
    body = reply.json()
    assert reply.status_code == status
    assert (body["code"] if vendor == "kling" else body["error"]["status"]) == code
    assert bench.tasks == []
    assert bench.totals[vendor]["refused_by_code"] == {kind: 1}
    assert (await send(vendor)).status_code == 200


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_throttle_says_when_to_come_back_only_if_told_to(bench, send, vendor) -> None:
    bench.fault("throttled", count=1)
    bench.fault("throttled", count=1, retry_after_s=7)
    assert "retry-after" not in (await send(vendor)).headers
    told = await send(vendor)
    assert told.headers["retry-after"] == "7"
    if vendor == "veo":
        assert told.json()["error"]["details"][0]["retryDelay"] == "7s"


async def test_a_throttle_of_kling_can_be_about_parallel_tasks(bench, kling) -> None:
    bench.fault("throttled", vendor="kling", code=1303)
    assert (await kling.submit()).json()["code"] == 1303


async def test_poverty_on_vertex_is_a_permission_problem(bench, http) -> None:
    bench.fault("out_of_money")
    path = "/veo/v1/projects/p/locations/l/publishers/google/models/veo-3.1-generate-001:predictLongRunning"
    reply = await http.post(path, json={}, headers={"authorization": "Bearer sim-veo-key"})
    assert (reply.status_code, reply.json()["error"]["details"][0]["reason"]) == (403, "BILLING_DISABLED")


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_lost_response_leaves_a_task_that_is_billed(bench, send, vendor) -> None:
    bench.fault("response_lost", vendor=vendor, count=1)
    with pytest.raises(ConnectionDropped):
        await send(vendor)
    (task,) = await bench.ended()
    assert task.billed_usd_micros > 0


async def test_a_lost_response_of_kling_is_found_by_reference(bench, kling) -> None:
    bench.fault("response_lost", count=1)
    with pytest.raises(ConnectionDropped):
        await kling.submit(external_task_id="clip-1")
    assert (await kling.task(external_task_ids="clip-1"))[0]["external_id"] == "clip-1"


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_dropped_submit_leaves_nothing(bench, send, vendor) -> None:
    bench.fault("dropped", vendor=vendor, count=1)
    with pytest.raises(ConnectionDropped):
        await send(vendor)
    assert bench.tasks == []


@pytest.mark.parametrize("kind", ["dropped", "response_lost"])
async def test_over_a_real_socket_the_client_gets_no_answer(bench, real_http, kind) -> None:
    bench.fault(kind, count=1)
    headers = {"authorization": "Bearer sim-kling-key"}
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await real_http.post("/kling/text-to-video/kling-2.6", json={"prompt": "a cup"}, headers=headers)
    assert len(bench.tasks) == (1 if kind == "response_lost" else 0)
    reply = await real_http.post("/kling/text-to-video/kling-2.6", json={"prompt": "a cup"}, headers=headers)
    assert reply.status_code == 200


async def test_latency_holds_the_answer_back(bench, kling) -> None:
    bench.fault("latency", delay_s=0.2, count=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await kling.submit()
    assert (await kling.submit()).status_code == 200


async def test_a_fault_can_hit_polls_instead_of_submits(bench, kling, http) -> None:
    bench.fault("server_error", operation="poll", status=503, count=1)
    task_id = (await kling.submit()).json()["data"]["id"]
    reply = await http.get("/kling/tasks", params={"task_ids": task_id}, headers=kling.headers)
    assert (reply.status_code, reply.json()["code"]) == (503, 5001)
    assert len(await kling.task(task_ids=task_id)) == 1


async def test_an_outage_covers_every_operation_of_one_vendor(bench, kling, veo, http) -> None:
    bench.fault("outage", vendor="kling", duration_s=3600)
    assert (await kling.submit()).status_code == 503
    assert (await http.get("/kling/tasks", params={"task_ids": "1"}, headers=kling.headers)).status_code == 503
    assert (await veo.submit()).status_code == 200
    bench.engine.faults.clear(vendor="kling")
    assert (await kling.submit()).status_code == 200


async def test_an_outage_has_a_beginning(bench, kling) -> None:
    bench.fault("outage", starts_in_s=3600)
    assert (await kling.submit()).status_code == 200


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_stuck_task_stays_open_until_it_is_ended_by_hand(bench, send, look, http, vendor) -> None:
    bench.fault("stuck", vendor=vendor)
    await send(vendor)
    (task,) = bench.tasks
    await bench.engine.until(lambda: task.state == "running")
    seen = await look(vendor, bench)
    assert seen["status"] == "processing" if vendor == "kling" else "done" not in seen
    reply = await http.post(f"/_control/tasks/{vendor}/{task.id}/finish", json={"state": "succeeded"})
    assert reply.status_code == 202
    await bench.ended()
    assert task.billed_usd_micros > 0


async def test_a_stuck_task_may_succeed_late(bench, kling) -> None:
    bench.fault("stuck", duration_s=0.3)
    await kling.submit()
    (task,) = await bench.ended()
    assert task.state == "succeeded"
    assert task.ended_at_s - task.submitted_at_s >= 0.3


@pytest.mark.parametrize("vendor", VENDORS)
async def test_refused_at_completion_is_not_billed_and_looks_as_at_the_vendor(bench, send, look, vendor) -> None:
    bench.fault("refused_at_completion", vendor=vendor)
    await send(vendor)
    (task,) = await bench.ended()
    seen = await look(vendor, bench)
    if vendor == "kling":
        assert (seen["status"], seen["billing"]) == ("failed", [])
        assert seen["message"] == "Failure to pass the risk control system"
    else:
        result = seen["response"]["generateVideoResponse"]
        assert (seen["done"], "error" in seen) == (True, False)
        assert "generatedSamples" not in result
        assert result["raiMediaFilteredCount"] == 1
        assert "Support codes" in result["raiMediaFilteredReasons"][0]
    assert task.billed_usd_micros == 0


@pytest.mark.parametrize("vendor", VENDORS)
async def test_failed_at_completion_is_not_billed(bench, send, look, vendor) -> None:
    bench.fault("failed_at_completion", vendor=vendor)
    await send(vendor)
    (task,) = await bench.ended()
    seen = await look(vendor, bench)
    if vendor == "kling":
        assert seen["status"] == "failed"
    else:
        assert (seen["done"], seen["error"]["code"], "response" in seen) == (True, 13, False)
    assert task.billed_usd_micros == 0


async def kling_url(bench, kling) -> str:
    await kling.submit()
    await bench.ended()
    return (await kling.task(task_ids=bench.tasks[0].id))[0]["outputs"][0]["url"]


async def test_an_expired_url_is_gone(bench, kling, http) -> None:
    url = await kling_url(bench, kling)
    bench.fault("expired_url", count=1)
    assert (await http.get(url)).status_code == 404
    assert (await http.get(url)).status_code == 200
    bench.tune(retention_s={"kling": 0.0})
    assert (await http.get(url)).status_code == 404


async def test_a_truncated_file_is_shorter_than_the_clip(bench, kling, http) -> None:
    url = await kling_url(bench, kling)
    whole = (await http.get(url)).content
    bench.fault("truncated_file", count=1)
    part = await http.get(url)
    assert part.status_code == 200
    assert len(part.content) == int(part.headers["content-length"]) < len(whole)


async def test_a_cut_download_ends_in_the_middle(bench, kling, real_http) -> None:
    url = await kling_url(bench, kling)
    bench.fault("truncated_file", cut=True, count=1)
    path = httpx.URL(url).path
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await real_http.get(path)
    assert (await real_http.get(path)).status_code == 200


async def test_a_file_may_be_no_video(bench, kling, http) -> None:
    url = await kling_url(bench, kling)
    bench.fault("not_a_video", count=1)
    reply = await http.get(url)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html")


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_marker_in_the_prompt_is_a_fault(bench, send, vendor) -> None:
    await send(vendor, "a cup [[fault:refuse_at_completion]]")
    await send(vendor, "a cup")
    await bench.ended(2)
    assert [task.state for task in bench.tasks] == ["filtered", "succeeded"]


async def test_a_marker_of_one_vendor_leaves_the_others_alone(send) -> None:
    prompt = "a cup [[fault:kling.refuse_at_submit]]"
    assert (await send("kling", prompt)).status_code == 400
    assert (await send("veo", prompt)).status_code == 200


async def test_a_throttling_marker_hits_a_prompt_as_often_as_it_says(send) -> None:
    prompt = "a cup [[fault:throttled count=2 retry_after_s=1]]"
    assert [(await send("kling", prompt)).status_code for _ in range(3)] == [429, 429, 200]
    assert (await send("kling", "a ball [[fault:throttled]]")).status_code == 429
    assert (await send("kling", "a ball [[fault:throttled]]")).status_code == 200


async def test_markers_are_not_in_the_picture_and_defects_are(bench, kling) -> None:
    bench.tune(small_clips=False, latency={"kling": {"median_s": 1e6, "p95_s": 1e6}})
    await kling.submit("a cup [[defect:flicker strength=0.5]] on a desk")
    (clip,) = bench.tasks[0].clips
    assert clip.prompt == "a cup on a desk"
    assert [(defect.kind, defect.strength) for defect in clip.defects] == [("flicker", 0.5)]


async def test_an_unknown_marker_changes_nothing(bench, kling) -> None:
    assert (await kling.submit("a cup [[fault:gremlins]]")).status_code == 200
    await bench.ended()
    assert bench.tasks[0].state == "succeeded"


async def test_random_faults_are_the_same_for_the_same_seed(bench, kling) -> None:
    async def run() -> list[int]:
        bench.engine.faults.clear()
        bench.fault("throttled", probability=0.5, seed=3)
        return [(await kling.submit(f"a cup {n}")).status_code for n in range(20)]

    first, second = await run(), await run()
    assert first == second
    assert set(first) == {200, 429}


async def test_a_full_account_is_refused(bench, kling, veo) -> None:
    bench.tune(max_parallel={"kling": 1, "veo": 1}, latency={name: {"median_s": 1e6, "p95_s": 1e6} for name in VENDORS})
    assert [(await kling.submit()).json()["code"] for _ in range(2)] == [0, 1303]
    assert [(await veo.submit()).status_code for _ in range(2)] == [200, 429]


async def test_slow_tasks_take_longer(bench, kling) -> None:
    bench.tune(time_compression=1.0)
    await kling.submit("a cup")
    bench.fault("slow", factor=100)
    await kling.submit("a ball")
    usual, slow = (task.due_at_s - task.submitted_at_s for task in bench.tasks)
    assert slow > 20 * usual
