"""The ledger and the control API tell what was accepted, billed and refused."""

import pytest


async def test_an_entry_has_all_that_a_test_compares(bench, http, kling) -> None:
    await kling.submit("a cup", external_task_id="clip-1")
    await bench.ended()
    ledger = (await http.get("/_control/ledger", params={"reference": "clip-1"})).json()
    (entry,) = ledger["entries"]
    assert {
        "vendor": "kling",
        "account": "kling-1",
        "dialect": "new",
        "operation": "text-to-video",
        "model": "kling-2.6",
        "prompt": "a cup",
        "reference": "clip-1",
        "state": "succeeded",
        "n_submissions": 1,
        "billed_usd_micros": 210_000,
    }.items() <= entry.items()
    assert entry["submitted_at_s"] <= entry["ended_at_s"]


async def test_totals_add_up(bench, http, kling, veo) -> None:
    bench.fault("failed_at_completion", vendor="kling", count=1)
    bench.fault("throttled", vendor="veo", count=1)
    for prompt in ("a cup", "a ball"):
        await kling.submit(prompt)
        await veo.submit(prompt)
    await bench.ended(3)
    totals = (await http.get("/_control/ledger")).json()["totals"]
    assert {
        "n_accepted": 2, "n_failed": 1, "n_succeeded": 1, "n_billed": 1, "billed_usd_micros": 210_000, "n_refused": 0,
    }.items() <= totals["kling"].items()  # fmt: skip
    assert {
        "n_accepted": 1, "n_succeeded": 1, "billed_usd_micros": 400_000, "n_refused": 1,
    }.items() <= totals["veo"].items()  # fmt: skip


async def test_entries_are_filtered(bench, http, kling, veo) -> None:
    await kling.submit()
    await veo.submit()
    await bench.ended(2)
    for query, n in (
        ({"vendor": "veo"}, 1),
        ({"state": "succeeded"}, 2),
        ({"model": "kling-2.6"}, 1),
        ({"id": "x"}, 0),
    ):
        assert len((await http.get("/_control/ledger", params=query)).json()["entries"]) == n


async def test_faults_are_switched_on_shown_and_switched_off(http, kling) -> None:
    added = await http.post("/_control/faults", json={"kind": "throttle", "vendor": "kling", "count": 5})
    assert (added.status_code, added.json()["kind"]) == (201, "throttled")
    await kling.submit()
    (shown,) = (await http.get("/_control/faults")).json()["faults"]
    assert (shown["id"], shown["n_fired"]) == (added.json()["id"], 1)
    await http.post("/_control/faults", json={"kind": "server_error", "vendor": "veo"})
    assert (await http.delete("/_control/faults", params={"id": shown["id"]})).json() == {"n_cleared": 1}
    assert (await http.delete("/_control/faults")).json() == {"n_cleared": 1}
    assert (await kling.submit()).status_code == 200


@pytest.mark.parametrize("body", [{}, {"kind": "gremlins"}, {"kind": "stuck", "count": "x"}, {"kind": "stuck", "y": 1}])
async def test_a_fault_that_makes_no_sense_is_refused(http, body) -> None:
    reply = await http.post("/_control/faults", json=body)
    assert reply.status_code == 422
    assert reply.json()["error"]


async def test_settings_are_merged_and_checked(http) -> None:
    reply = await http.post("/_control/settings", json={"latency": {"veo": {"median_s": 60.0, "p95_s": 360.0}}})
    assert reply.json()["latency"]["veo"] == {"median_s": 60.0, "p95_s": 360.0}
    assert "kling" in reply.json()["latency"]
    assert (await http.post("/_control/settings", json={"speed": 1})).status_code == 422
    assert (await http.get("/_control/settings")).json()["latency"]["veo"]["p95_s"] == 360.0


async def test_zero_latency_ends_tasks_as_they_are_accepted(http, kling) -> None:
    await http.post("/_control/settings", json={"zero_latency": True})
    task_id = (await kling.submit()).json()["data"]["id"]
    assert (await kling.task(task_ids=task_id))[0]["status"] == "succeeded"


async def test_latencies_follow_median_and_p95(bench, kling) -> None:
    bench.tune(time_compression=1.0, latency={"kling": {"median_s": 1000.0, "p95_s": 2000.0}})
    for n in range(200):
        await kling.submit(f"a cup {n}")
    waits = sorted(task.due_at_s - task.submitted_at_s for task in bench.tasks)
    assert 900 < waits[100] < 1100
    assert 1700 < waits[190] < 2400


async def test_reset_forgets_tasks_and_faults(bench, http, kling) -> None:
    bench.fault("stuck")
    await kling.submit()
    await http.post("/_control/reset")
    assert (await http.get("/_control/ledger")).json() == {"entries": [], "totals": {}}
    assert (await http.get("/_control/faults")).json() == {"faults": []}
    assert (await http.get("/_control/health")).json() == {"status": "ok", "n_open": 0}


async def test_only_an_open_task_can_be_ended_by_hand(bench, http, kling) -> None:
    assert (await http.post("/_control/tasks/kling/1/finish", json={})).status_code == 404
    await kling.submit()
    (task,) = await bench.ended()
    assert (await http.post(f"/_control/tasks/kling/{task.id}/finish", json={})).status_code == 409


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/_control/health"])
async def test_health_is_answered(http, path) -> None:
    assert (await http.get(path)).status_code == 200
