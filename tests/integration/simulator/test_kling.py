"""Kling's new dialect: submit, look up, download, refuse."""

import pytest


async def test_a_submit_is_accepted_in_kling_words(bench, kling) -> None:
    reply = await kling.submit(external_task_id="clip-1")
    body = reply.json()
    assert reply.status_code == 200
    assert (body["code"], body["message"], set(body)) == (0, "SUCCEED", {"code", "message", "request_id", "data"})
    assert body["data"]["status"] == "submitted"
    assert body["data"]["external_id"] == "clip-1"
    assert body["data"]["id"].isdigit()
    assert body["data"]["create_time"] > 1_700_000_000_000
    assert bench.tasks[0].order.reference == "clip-1"


async def test_a_task_goes_from_submitted_to_succeeded(bench, kling) -> None:
    bench.tune(time_compression=5.0)
    task_id = (await kling.submit()).json()["data"]["id"]
    assert (await kling.task(task_ids=task_id))[0]["status"] == "submitted"
    await bench.engine.until(lambda: bench.tasks[0].state == "running")
    (running,) = await kling.task(task_ids=task_id)
    assert (running["status"], running["outputs"], running["billing"]) == ("processing", [], [])
    await bench.ended()
    (done,) = await kling.task(task_ids=task_id)
    assert done["status"] == "succeeded"
    assert done["outputs"][0]["type"] == "video"
    assert done["outputs"][0]["duration"] == "5.00"
    assert done["billing"] == [
        {"charge_type": "unit", "amount": "1.5", "package_type": "video", "list_price": "0.21"},
    ]


async def test_the_clip_is_served_whole_in_part_and_as_head(bench, kling, http) -> None:
    await kling.submit()
    await bench.ended()
    url = (await kling.task(task_ids=bench.tasks[0].id))[0]["outputs"][0]["url"]
    whole = await http.get(url)
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.content[4:8] == b"ftyp"
    size = len(whole.content)
    head = await http.head(url)
    assert (head.content, head.headers["content-length"]) == (b"", str(size))
    part = await http.get(url, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{size}"
    assert (await http.get(url, headers={"range": "bytes=-5"})).content == whole.content[-5:]
    assert (await http.get(url, headers={"range": f"bytes={size}-"})).status_code == 416


async def test_tasks_are_found_by_several_ids_and_by_reference(kling) -> None:
    ids = [(await kling.submit(external_task_id=f"clip-{n}")).json()["data"]["id"] for n in range(3)]
    found = await kling.task(task_ids=f"{ids[0]},unknown,{ids[2]}")
    assert [item["id"] for item in found] == [ids[0], ids[2]]
    found = await kling.task(external_task_ids="clip-1,clip-2")
    assert [item["external_id"] for item in found] == ["clip-1", "clip-2"]


async def test_an_unknown_task_is_an_empty_list(kling) -> None:
    assert await kling.task(external_task_ids="never-sent") == []


async def test_a_look_up_needs_exactly_one_kind_of_id(kling, http) -> None:
    for query in ({}, {"task_ids": "1", "external_task_ids": "2"}):
        reply = await http.get("/kling/tasks", params=query, headers=kling.headers)
        assert (reply.status_code, reply.json()["code"]) == (400, 1201)


async def test_a_second_submit_with_the_same_reference_is_refused_and_counted(bench, kling) -> None:
    await kling.submit(external_task_id="clip-1")
    again = await kling.submit(external_task_id="clip-1")
    assert (again.status_code, again.json()["code"]) == (400, 1201)
    assert len(bench.tasks) == 1
    assert bench.tasks[0].n_submissions == 2
    assert bench.totals["kling"]["n_submissions"] == 2
    assert bench.totals["kling"]["n_refused"] == 1


async def test_the_task_list_pages_and_filters(bench, kling, http) -> None:
    for _ in range(3):
        await kling.submit()
    await bench.ended(3)

    async def listed(**body) -> dict:
        return (await http.post("/kling/tasks", json=body, headers=kling.headers)).json()["data"]

    first = await listed(limit=2)
    assert (first["count"], first["has_more"], len(first["result"])) == (2, True, 2)
    rest = await listed(limit=2, cursor=first["next_cursor"])
    assert (rest["count"], rest["has_more"]) == (1, False)
    empty = await listed(filters=[{"key": "status", "values": ["failed"]}])
    assert "result" not in empty


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, 1001), ({"authorization": "Bearer wrong"}, 1002), ({"authorization": "Basic x"}, 1001)],
)
async def test_a_wrong_key_gets_kling_error(http, headers, code) -> None:
    reply = await http.post("/kling/text-to-video/kling-2.6", json={"prompt": "a cup"}, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (401, code)
    assert set(reply.json()) == {"code", "message", "request_id"}


@pytest.mark.parametrize(
    ("model", "body", "code"),
    [
        ("kling-2.6", {}, 1201),
        ("kling-2.6", {"prompt": ""}, 1201),
        ("kling-2.6", {"prompt": "x" * 2501}, 1201),
        ("kling-2.6", [], 1200),
        ("kling-2.6", {"prompt": "x", "settings": {"duration": 7}}, 1201),
        ("kling-2.6", {"prompt": "x", "settings": {"duration": "5"}}, 1201),
        ("kling-2.6", {"prompt": "x", "settings": {"aspect_ratio": "4:3"}}, 1201),
        ("kling-2.6", {"prompt": "x", "settings": {"audio": "native"}}, 1201),
        ("kling-2.6", {"prompt": "x", "settings": {"resolution": "4k"}}, 1201),
        ("kling-2.6", {"prompt": "x", "options": {"callback_url": "ftp://x"}}, 1201),
        ("kling-2.1", {"prompt": "x"}, 1203),
    ],
)
async def test_what_kling_cannot_do_is_refused(bench, http, kling, model, body, code) -> None:
    reply = await http.post(f"/kling/text-to-video/{model}", json=body, headers=kling.headers)
    assert reply.json()["code"] == code
    assert reply.status_code == (404 if code == 1203 else 400)
    assert bench.tasks == []


async def test_an_unknown_path_is_an_unknown_method(http) -> None:
    reply = await http.get("/kling/nothing/here/at/all")
    assert (reply.status_code, reply.json()["code"]) == (404, 1202)


@pytest.mark.parametrize(
    ("model", "clip", "usd_micros"),
    [
        ("kling-2.5-turbo", {"resolution": "720p"}, 210_000),
        ("kling-2.6", {"resolution": "1080p"}, 350_000),
        ("kling-2.6", {"resolution": "1080p", "audio": "native", "duration": 10}, 1_400_000),
        ("kling-3.0", {"resolution": "1080p"}, 560_000),
        ("kling-3.0-turbo", {"resolution": "720p"}, 560_000),
    ],
)
async def test_a_clip_is_billed_at_list_price(bench, kling, model, clip, usd_micros) -> None:
    bench.tune(zero_latency=True)
    await kling.submit(model=model, settings=clip)
    (task,) = await bench.ended()
    assert task.billed_usd_micros == usd_micros


async def test_cash_accounts_are_billed_in_dollars(bench, kling) -> None:
    bench.tune(kling_billing="cash")
    await kling.submit()
    await bench.ended()
    (bill,) = (await kling.task(task_ids=bench.tasks[0].id))[0]["billing"]
    assert (bill["charge_type"], bill["cash_type"], bill["amount"], bill["currency"]) == (
        "cash",
        "balance",
        "0.21",
        "USD",
    )


async def test_fields_that_kling_does_not_know_are_ignored_and_shown_in_the_ledger(bench, http, kling) -> None:
    body = {"prompt": "a cup", "seed": 7, "settings": {"cfg_scale": 0.5}}
    await http.post("/kling/text-to-video/kling-2.6", json=body, headers=kling.headers)
    assert bench.tasks[0].order.facts["ignored_fields"] == ["seed", "settings.cfg_scale"]


async def test_accounts_do_not_see_each_others_tasks(bench, kling) -> None:
    task_id = (await kling.submit(external_task_id="clip-1")).json()["data"]["id"]
    kling.headers = {"authorization": "Bearer second-kling-key"}
    assert await kling.task(task_ids=task_id) == []
    assert (await kling.submit(external_task_id="clip-1")).status_code == 200
    assert [task.order.account for task in bench.tasks] == ["kling-1", "kling-2"]
