"""The document store is stopped: jobs finish, lists say that they are stale, and catch up."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest
from local_stack.stack import Stack

pytestmark = pytest.mark.timeout(240)


async def test_jobs_finish_without_the_document_store_and_the_list_catches_up(client: Any, stack: Stack) -> None:
    first = await client.request(quality="draft")
    await client.ended(first)
    await listed(client, first)
    await asyncio.to_thread(stack.kill, "mongo")
    try:
        job_id = await client.request(quality="draft")
        view = await client.ended(job_id)
        assert view["state"] == "ready"
        answer = await client.http.get("/v1/jobs?limit=20")
        if answer.status_code == 200:
            assert answer.json()["stale"] is True
        else:
            assert (answer.status_code, answer.json()["code"]) == (503, "projection.unavailable")
    finally:
        await asyncio.to_thread(stack.restart, "mongo")
    await listed(client, job_id)


async def listed(client: Any, job_id: str) -> None:
    async with asyncio.timeout(60):
        while True:
            answer = await client.http.get("/v1/jobs?limit=20")
            if answer.status_code == 200 and not answer.json()["stale"]:
                states = {job["job_id"]: job["state"] for job in answer.json()["jobs"]}
                if states.get(job_id) == "ready":
                    return
            await asyncio.sleep(0.2)


def is_at_rest(view: dict[str, Any]) -> bool:
    """Nothing is being rendered or scored any more."""
    return all(clip["state"] not in {"queued", "generating", "evaluating"} for clip in view["clips"])


async def quiet_list(client: Any) -> Any:
    """Give the list once every clip has ended and it has not changed for five seconds: facts about files come last."""
    last, n_same = None, 0
    async with asyncio.timeout(120):
        for job in (await client.http.get("/v1/jobs?limit=100")).json()["jobs"]:
            await client.until(job["job_id"], is_at_rest)
        while n_same < 25:
            jobs = (await client.http.get("/v1/jobs?limit=100")).json()["jobs"]
            last, n_same = jobs, n_same + 1 if jobs == last else 0
            await asyncio.sleep(0.2)
    return last


async def test_a_rebuild_from_the_log_gives_the_same_documents(client: Any, stack: Stack) -> None:
    job_id = await client.request(quality="draft")
    await client.ended(job_id)
    await listed(client, job_id)
    before = await quiet_list(client)
    projector = stack.process("projector")
    command = [sys.executable, "-m", "gateway.projector", "rebuild", "--drop"]
    environment = {**os.environ, **projector.spec.env, "PROJECTOR_HEALTH_PORT": "0"}
    run = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert run.returncode == 0, run.stderr
    after = (await client.http.get("/v1/jobs?limit=100")).json()["jobs"]
    assert after == before
