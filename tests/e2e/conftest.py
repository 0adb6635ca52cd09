"""One whole stack for the session, with two routers, seen over HTTP, the bus and the simulator's ledger."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from local_stack.plan import Options
from local_stack.stack import Stack
from testkit.sinks import WebhookSink

TERMINAL = {"ready", "failed", "cancelled"}
CUP = "A ceramic cup on a walnut desk, slow dolly-in, morning light"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, running; processes that a test killed are started again by that test."""
    options = Options(default_ports=False, replicas={"router": 2})
    running = Stack(tmp_path_factory.mktemp("stack"), options)
    running.start()
    try:
        yield running
    finally:
        running.stop()


class Client:
    """A client with an API key, and an eye on the simulator's ledger."""

    def __init__(self, http: httpx.AsyncClient, simulator: httpx.AsyncClient) -> None:
        self.http = http
        self.simulator = simulator

    async def request(self, *, key: str | None = None, **fields: Any) -> str:
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = await self.http.post("/v1/jobs", json={"prompt": CUP, "quality": "premium"} | fields, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    async def job(self, job_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def until(
        self, job_id: str, holds: Callable[[dict[str, Any]], bool], *, timeout_s: float = 90
    ) -> dict[str, Any]:
        view: dict[str, Any] = {}
        give_up_at = time.monotonic() + timeout_s
        while time.monotonic() < give_up_at:
            try:
                view = await self.job(job_id)
                if holds(view):
                    return view
            except httpx.TransportError:
                pass  # the gateway was just killed: the caller starts it again
            await asyncio.sleep(0.1)
        raise AssertionError(f"after {timeout_s} s the job is {view.get('state')}: {view.get('timeline')}")

    async def ended(self, job_id: str, *, timeout_s: float = 90) -> dict[str, Any]:
        return await self.until(job_id, lambda view: view["state"] in TERMINAL, timeout_s=timeout_s)

    async def vendor_tasks(self) -> dict[str, dict[str, Any]]:
        """Everything that the vendors accepted so far, by task id."""
        entries = (await self.simulator.get("/ledger")).json()["entries"]
        return {entry["id"]: entry for entry in entries}


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    login = {"Authorization": f"Bearer {stack.facts['api_key']}"}
    gateway, control = stack.facts["gateway_url"], stack.facts["simulator_control_url"]
    async with (
        httpx.AsyncClient(base_url=gateway, headers=login, timeout=30, trust_env=False) as http,
        httpx.AsyncClient(base_url=control, timeout=30, trust_env=False) as simulator,
    ):
        yield Client(http, simulator)
        await simulator.delete("/faults")


@pytest.fixture
async def webhooks(client: Client) -> AsyncIterator[WebhookSink]:
    secret = (await client.http.get("/v1/webhook-secret")).json()["webhook_secret"]
    async with WebhookSink(secrets=(secret,)) as sink:
        yield sink
