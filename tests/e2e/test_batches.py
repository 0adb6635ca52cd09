"""A batch on the whole product: killed in the middle, every job ends once, and what was billed is booked once."""

from typing import Any

import pytest

pytestmark = pytest.mark.timeout(240)
N_JOBS = 5


async def test_a_batch_survives_the_death_of_the_gateway(stack: Any, client: Any) -> None:
    before = await client.vendor_tasks()
    budget_before = (await client.http.get("/v1/budget")).json()["budgets"][2]
    requests = [
        {"idempotency_key": f"batch-{n}", "request": {"prompt": f"a red ball, take {n}", "quality": "draft"}}
        for n in range(N_JOBS)
    ]
    answer = await client.http.post("/v1/batches", json={"requests": requests}, headers={"Idempotency-Key": "batch"})
    assert answer.status_code == 202, answer.text
    batch_id = answer.json()["batch_id"]
    stack.kill("gateway")
    stack.restart("gateway")
    view = await client.batch_ended(batch_id)
    assert view["counts"]["ready"] == N_JOBS, view
    jobs = [await client.job(item["job_id"]) for item in view["items"]]
    tasks = [task for task_id, task in (await client.vendor_tasks()).items() if task_id not in before]
    n_paid = sum(clip["cost_usd_micros"] > 0 for job in jobs for clip in job["clips"])
    assert sum(task["billed_usd_micros"] > 0 for task in tasks) == n_paid >= N_JOBS
    spent = sum(job["costs"]["spent_usd_micros"] for job in jobs)
    n_scored = sum(clip["scores"] is not None for job in jobs for clip in job["clips"])
    assert spent == sum(task["billed_usd_micros"] for task in tasks) + n_scored * 400
    budget = (await client.http.get("/v1/budget")).json()["budgets"][2]
    assert budget["spent_usd_micros"] - budget_before["spent_usd_micros"] == spent
    assert all(job["batch_id"] == batch_id and job["costs"]["estimate"] for job in jobs)
