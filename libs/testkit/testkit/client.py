"""A client with an API key, and an eye on the simulated vendors' ledger: what end-to-end tests see of the product."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx

TERMINAL = {"ready", "failed", "cancelled"}
SETTLED = {"scored", "failed"}
CUP = "A ceramic cup on a walnut desk, slow dolly-in, morning light"


class AwayError(Exception):
    """A part behind the gateway does not answer: the same request may be sent again."""


class Client:
    """Asks for jobs and waits for them.

    Attributes:
        http: The gateway, logged in.
        simulator: The vendors' control API.
    """

    def __init__(self, http: httpx.AsyncClient, simulator: httpx.AsyncClient) -> None:
        self.http = http
        self.simulator = simulator

    async def request(self, *, key: str | None = None, **fields: Any) -> str:
        """Ask for a premium clip of a cup, rendered anew; keyword arguments are fields of the request. Gives its id."""
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"prompt": CUP, "quality": "premium", "reuse": "off"} | fields
        answer = await self.http.post("/v1/jobs", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    async def job(self, job_id: str) -> dict[str, Any]:
        """Look at a job."""
        answer = await self.http.get(f"/v1/jobs/{job_id}")
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            raise AwayError(answer.text)
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def until(
        self, job_id: str, holds: Callable[[dict[str, Any]], bool], *, timeout_s: float = 90
    ) -> dict[str, Any]:
        """Look at a job until something holds of it; a gateway that is away, or says that a part is, is asked again."""
        view: dict[str, Any] = {}
        give_up_at = time.monotonic() + timeout_s
        while time.monotonic() < give_up_at:
            try:
                view = await self.job(job_id)
                if holds(view):
                    return view
            except (httpx.TransportError, AwayError):
                pass  # it was just killed: the caller starts it again
            await asyncio.sleep(0.1)
        raise AssertionError(f"after {timeout_s} s the job is {view.get('state')}: {view.get('timeline')}")

    async def ended(self, job_id: str, *, timeout_s: float = 90) -> dict[str, Any]:
        """Wait for the end of a job."""
        return await self.until(job_id, lambda view: view["state"] in TERMINAL, timeout_s=timeout_s)

    async def settled(self, job_id: str, *, timeout_s: float = 120) -> dict[str, Any]:
        """Wait for the end of every clip: a job may be ready before its last draft, and its bill, have come."""
        return await self.until(
            job_id,
            lambda view: view["state"] in TERMINAL and all(clip["state"] in SETTLED for clip in view["clips"]),
            timeout_s=timeout_s,
        )

    async def batch_ended(self, batch_id: str, *, timeout_s: float = 120) -> dict[str, Any]:
        """Wait for the end of a batch; a gateway that is away is asked again."""
        view: dict[str, Any] = {}
        give_up_at = time.monotonic() + timeout_s
        while time.monotonic() < give_up_at:
            try:
                answer = await self.http.get(f"/v1/batches/{batch_id}")
                view = answer.json()
                if answer.status_code == HTTPStatus.OK and view["state"] in {"ended", "cancelled"}:
                    return view
            except httpx.TransportError:
                pass  # the gateway was just killed: the caller starts it again
            await asyncio.sleep(0.2)
        raise AssertionError(f"after {timeout_s} s the batch is {view.get('state')}: {view.get('counts')}")

    async def vendor_tasks(self) -> dict[str, dict[str, Any]]:
        """Everything that the vendors accepted so far, by task id."""
        entries = (await self.simulator.get("/ledger")).json()["entries"]
        return {entry["id"]: entry for entry in entries}


@asynccontextmanager
async def open_client(facts: Mapping[str, Any]) -> AsyncIterator[Client]:
    """Connect to a running stack; faults that the block switched on are switched off behind it."""
    login = {"Authorization": f"Bearer {facts['api_key']}"}
    async with (
        httpx.AsyncClient(base_url=facts["gateway_url"], headers=login, timeout=30, trust_env=False) as http,
        httpx.AsyncClient(base_url=facts["simulator_control_url"], timeout=30, trust_env=False) as simulator,
    ):
        yield Client(http, simulator)
        await simulator.delete("/faults")
