"""Batches over HTTP: checked as a whole or in part, once per key, run a few at a time, whatever dies meanwhile."""

import asyncio
import contextlib
import uuid
from typing import Any

import pytest
import pytest_asyncio
from dailies_contracts import JobCancelRequested, JobRequested, derive_job_id
from gateway.batch_runs import BatchRuns
from runtime.log import EventLog
from runtime.timers import Due
from testkit.stories import job_cancelled, job_failed

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUP = {"prompt": "a ceramic cup on a walnut desk", "quality": "draft"}


def batch(n: int, *, mode: str = "all", tag: str = "") -> dict[str, Any]:
    prefix = tag or uuid.uuid4().hex
    return {"mode": mode, "requests": [{"idempotency_key": f"{prefix}-{k}", "request": CUP} for k in range(n)]}


class DiedError(Exception):
    """The process is gone."""


class MortalLog(EventLog):
    """A log whose process dies after so many facts."""

    def __init__(self, log: EventLog, n_left: int) -> None:
        self.__dict__.update(log.__dict__)
        self._n_left = n_left

    async def append_fact(self, event: Any) -> bool:
        self._n_left -= 1
        if self._n_left < 0:
            raise DiedError
        return await super().append_fact(event)


class Run:
    """One tenant's batches, looked at by replicas of the gateway's handlers."""

    def __init__(self, gateway: Any, tenant: Any, *, window: int = 4) -> None:
        self.parts = gateway.parts
        self.http = tenant
        self.tenant_id = tenant.headers["x-tenant"]
        self.window = window

    def replica(self, log: EventLog | None = None) -> BatchRuns:
        service = self.parts.service
        return BatchRuns(
            log=log or service.log,
            batches=self.parts.batches,
            records=self.parts.batch_records,
            timers=service.timers,
            clock=service.clock,
            window=self.window,
            look_every_s=3_600.0,
        )

    async def post(self, body: dict[str, Any], key: str | None = None) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.http.post("/v1/batches", json=body, headers=headers)

    async def look(self, batch_id: str, by: BatchRuns | None = None) -> dict[str, int]:
        await (by or self.replica()).on_batch_due(Due("batch", batch_id, self.tenant_id.encode(), {}))
        counts: dict[str, int] = (await self.view(batch_id))["counts"]
        return counts

    async def view(self, batch_id: str) -> dict[str, Any]:
        view: dict[str, Any] = (await self.http.get(f"/v1/batches/{batch_id}")).json()
        return view

    async def asked(self, body: dict[str, Any]) -> list[JobRequested]:
        """The jobs of a batch that are in the log."""
        ids = [derive_job_id(self.tenant_id, each["idempotency_key"]) for each in body["requests"]]
        found = await self.parts.service.log.facts_of_jobs(JobRequested, ids)
        return list(found.values())

    async def end_jobs(self, body: dict[str, Any]) -> None:
        for requested in await self.asked(body):
            await self.parts.service.log.append_fact(job_failed(requested))


@pytest_asyncio.fixture(loop_scope="module")
async def run(gateway: Any, tenant: Any) -> Run:
    return Run(gateway, tenant)


async def test_a_batch_runs_a_few_jobs_at_a_time_to_its_end(run: Run) -> None:
    body = batch(10)
    answer = await run.post(body)
    accepted = answer.json()
    assert (answer.status_code, accepted["n_accepted"], accepted["refused"]) == (202, 10, [])
    batch_id = accepted["batch_id"]
    assert (await run.view(batch_id))["counts"]["waiting"] == 10
    seen = []
    while (counts := await run.look(batch_id))["waiting"] + counts["running"]:
        seen.append((counts["running"], counts["failed"]))
        await run.end_jobs(body)
    assert seen == [(4, 0), (4, 4), (2, 8)]
    view = await run.view(batch_id)
    assert (view["state"], view["counts"]["failed"]) == ("ended", 10)
    assert view["expected_usd_micros"] > 0
    jobs = await run.asked(body)
    assert {job.batch_id for job in jobs} == {batch_id}
    assert all(job.estimate is not None and job.source == "http" for job in jobs)
    keys = [each["idempotency_key"] for each in body["requests"]]
    assert [item["job_id"] for item in view["items"]] == [derive_job_id(run.tenant_id, key) for key in keys]


async def test_the_same_key_and_batch_give_the_first_answer_again_and_no_second_batch(run: Run) -> None:
    body = batch(3)
    answers = await asyncio.gather(*(run.post(body, key="b-1") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    again = await run.post(body, key="b-1")
    assert again.headers["idempotent-replayed"] == "true"
    other = await run.post(batch(3), key="b-1")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency.key_reused")


async def test_in_mode_all_one_wrong_request_refuses_the_batch_and_nothing_is_created(run: Run) -> None:
    body = batch(3)
    body["requests"][1]["request"] = {"prompt": ""}
    answer = await run.post(body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "batch.invalid")
    assert [(each["index"], each["code"]) for each in problem["errors"]] == [(1, "request.prompt_missing")]
    assert await run.asked(body) == []


async def test_in_mode_partial_wrong_requests_are_left_out_and_named(run: Run) -> None:
    body = batch(4, mode="partial")
    body["requests"][2]["request"] = CUP | {"duration_s": 0}
    accepted = (await run.post(body)).json()
    assert (accepted["n_accepted"], [each["index"] for each in accepted["refused"]]) == (3, [2])
    counts = await run.look(accepted["batch_id"])
    assert (counts["running"], counts["refused"]) == (3, 1)
    item = (await run.view(accepted["batch_id"]))["items"][2]
    assert (item["state"], item["refusal"]["field"]) == ("refused", "duration_s")


async def test_a_key_that_named_another_job_is_refused_and_one_that_named_the_same_is_adopted(run: Run) -> None:
    body = batch(2, mode="partial")
    first, second = (each["idempotency_key"] for each in body["requests"])
    await run.http.post("/v1/jobs", json={"prompt": "a dog"}, headers={"Idempotency-Key": first})
    job = (await run.http.post("/v1/jobs", json=CUP, headers={"Idempotency-Key": second})).json()
    accepted = (await run.post(body)).json()
    assert [each["code"] for each in accepted["refused"]] == ["idempotency.key_reused"]
    assert (await run.look(accepted["batch_id"]))["running"] == 1
    assert (await run.view(accepted["batch_id"]))["items"][1]["job_id"] == job["job_id"]


@pytest.mark.parametrize("dies_after", range(5))
async def test_a_batch_goes_on_after_a_crash_with_nothing_lost_and_nothing_twice(run: Run, dies_after: int) -> None:
    body = batch(5)
    batch_id = (await run.post(body)).json()["batch_id"]
    dying = run.replica(MortalLog(run.parts.service.log, dies_after))
    with contextlib.suppress(DiedError):
        await run.look(batch_id, by=dying)
    for _ in range(3):
        await asyncio.gather(*(run.look(batch_id) for _ in range(3)))
        await run.end_jobs(body)
    counts = await run.look(batch_id)
    assert (counts["failed"], counts["waiting"], counts["running"]) == (5, 0, 0)
    assert len(await run.asked(body)) == 5


async def test_cancelling_stops_what_runs_and_never_begins_what_waits(run: Run) -> None:
    body = batch(9)
    batch_id = (await run.post(body)).json()["batch_id"]
    await run.look(batch_id)
    answer = await run.http.post(f"/v1/batches/{batch_id}/cancel", json={"reason": "called off"})
    again = await run.http.post(f"/v1/batches/{batch_id}/cancel")
    assert [answer.status_code, again.status_code] == [202, 202]
    counts = await run.look(batch_id)
    assert (counts["running"], counts["cancelled"]) == (4, 5)
    assert (await run.view(batch_id))["state"] == "cancelling"
    jobs = await run.asked(body)
    stopped = await run.parts.service.log.facts_of_jobs(JobCancelRequested, [job.job_id for job in jobs])
    assert len(stopped) == len(jobs) == 4
    for job in jobs:
        await run.parts.service.log.append_fact(job_cancelled(job))
    assert (await run.look(batch_id))["cancelled"] == 9
    assert (await run.view(batch_id))["state"] == "cancelled"
    assert (await run.http.post(f"/v1/batches/{batch_id}/cancel")).status_code == 409


async def test_batches_of_one_tenant_share_its_window(run: Run) -> None:
    first, second = [(await run.post(batch(8))).json()["batch_id"] for _ in range(2)]
    assert (await run.look(first))["running"] == 4
    assert (await run.look(second))["running"] == 2


async def test_a_thousand_requests_are_taken_and_the_thousand_and_first_is_not(run: Run) -> None:
    body = batch(1_000)
    answer = await run.post(body)
    assert answer.json()["n_accepted"] == 1_000
    assert (await run.look(answer.json()["batch_id"]))["waiting"] == 996
    body["requests"].append({"idempotency_key": "one too many", "request": CUP})
    refused = await run.post(body)
    assert (refused.status_code, refused.json()["field"]) == (422, "requests")


async def test_a_batch_is_seen_by_its_tenant_alone(run: Run, gateway: Any) -> None:
    batch_id = (await run.post(batch(1))).json()["batch_id"]
    for path in (f"/v1/batches/{batch_id}", "/v1/batches/batch_nothing"):
        answer = await gateway.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "batch.unknown")
    assert (await gateway.http.post(f"/v1/batches/{batch_id}/cancel")).status_code == 404
