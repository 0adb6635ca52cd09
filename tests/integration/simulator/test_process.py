"""The simulator as a process: ready line, restart with its ledger, clean stop."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

KLING = {"authorization": "Bearer sim-kling-key"}
VEO = {"x-goog-api-key": "sim-veo-key"}


class Running:
    """A simulator process that has said it is ready."""

    def __init__(self, process: asyncio.subprocess.Process, ready: dict) -> None:
        self.process = process
        self.ready = ready
        self.http = httpx.AsyncClient(base_url=ready["base_url"], trust_env=False)

    async def end(self, how: signal.Signals) -> int:
        await self.http.aclose()
        self.process.send_signal(how)
        return await self.process.wait()


@pytest.fixture
async def start(state_dir: Path) -> AsyncIterator[Callable]:
    async with AsyncExitStack() as stack:

        async def run(*arguments: str) -> Running:
            return await stack.enter_async_context(running(state_dir, *arguments))

        yield run


@asynccontextmanager
async def running(state_dir: Path, *arguments: str) -> AsyncIterator[Running]:
    command = (sys.executable, "-m", "simulator", "--port", "0", "--state-dir", str(state_dir), *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    simulator = Running(process, json.loads(await process.stdout.readline()))
    try:
        yield simulator
    finally:
        await simulator.http.aclose()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def small_clips(simulator: Running, **settings: object) -> None:
    await simulator.http.post("/_control/settings", json={"small_clips": True, **settings})


async def ledger(simulator: Running) -> dict:
    return (await simulator.http.get("/_control/ledger")).json()


async def test_sigterm_stops_it_cleanly(start) -> None:
    simulator = await start()
    assert simulator.ready["control_url"] == f"{simulator.ready['base_url']}/_control"
    assert (await simulator.http.get("/healthz")).status_code == 200
    assert await simulator.end(signal.SIGTERM) == 0


async def test_a_killed_simulator_knows_its_tasks_and_goes_on_with_them(start) -> None:
    first = await start()
    await small_clips(first, time_compression=1.0, latency={"kling": {"median_s": 1e6, "p95_s": 1e6}})
    body = {"prompt": "a cup", "options": {"external_task_id": "open"}}
    await first.http.post("/kling/text-to-video/kling-2.6", json=body, headers=KLING)
    await small_clips(first, zero_latency=True)
    path = "/veo/v1beta/models/veo-3.1-fast-generate-preview:predictLongRunning"
    instances = {"instances": [{"prompt": "a cup"}], "parameters": {"durationSeconds": 4}}
    name = (await first.http.post(path, json=instances, headers=VEO)).json()["name"]
    before = await ledger(first)
    await first.end(signal.SIGKILL)

    second = await start()
    assert await ledger(second) == before
    tasks = (await second.http.get("/kling/tasks", params={"external_task_ids": "open"}, headers=KLING)).json()["data"]
    assert tasks[0]["status"] in ("submitted", "processing")
    assert (await second.http.get(f"/veo/v1beta/{name}", headers=VEO)).json()["done"] is True
    again = await second.http.post("/kling/text-to-video/kling-2.6", json=body, headers=KLING)
    assert again.json()["code"] == 1201
    await second.http.post(f"/_control/tasks/kling/{tasks[0]['id']}/finish", json={"state": "succeeded"})
    async with asyncio.timeout(10):
        while (await ledger(second))["totals"]["kling"]["n_billed"] == 0:
            pass
    assert await second.end(signal.SIGTERM) == 0


async def test_half_a_line_at_the_end_of_the_ledger_is_cut_off(start, state_dir: Path) -> None:
    path = state_dir / "ledger.jsonl"
    path.write_bytes(b'{"type":"refused","vendor":"kling","code":"1302"}\n{"type":"task","tas')
    simulator = await start()
    assert (await ledger(simulator))["totals"]["kling"]["n_refused"] == 1
    assert path.read_bytes().count(b"\n") == 1
    assert path.read_bytes().endswith(b"\n")
