"""The demo's view of the gateway: what it calls of the HTTP API."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

import httpx

JSON = dict[str, Any]
TERMINAL_STATES = frozenset({"ready", "failed", "cancelled"})
POLL_S = 0.4  # a person sees it as live; the gateway answers in milliseconds


class Refused(Exception):
    """The gateway answered with a problem."""


class NotFinished(Exception):
    """The job did not end in time."""


class Gateway:
    """The gateway as a client with an API key sees it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    def connect(cls, facts: Mapping[str, Any]) -> Self:
        """Open a connection to the gateway of a running stack."""
        login = {"Authorization": f"Bearer {facts['api_key']}"}
        return cls(httpx.AsyncClient(base_url=facts["gateway_url"], headers=login, timeout=30, trust_env=False))

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def webhook_secret(self) -> str:
        """Ask for the secret that the tenant's webhooks are signed with (`whsec_…`)."""
        answer = await self._call("GET", "/v1/webhook-secret")
        return str(answer["webhook_secret"])

    async def request(self, job: Mapping[str, Any]) -> JSON:
        """Ask for a video; the key makes a repeated call harmless."""
        return await self._call("POST", "/v1/jobs", json=job, headers={"Idempotency-Key": str(uuid.uuid4())})

    async def follow(self, job_id: str, *, timeout_s: float) -> AsyncIterator[JSON]:
        """Look at a job again and again until it has ended; the last view is the ended job.

        Raises:
            NotFinished: it did not end in time.
        """
        give_up_at = time.monotonic() + timeout_s
        while True:
            job = await self._call("GET", f"/v1/jobs/{job_id}")
            yield job
            if job["state"] in TERMINAL_STATES:
                return
            if time.monotonic() > give_up_at:
                raise NotFinished(f"job {job_id} is still {job['state']} after {timeout_s:.0f} s")
            await asyncio.sleep(POLL_S)

    async def delivered_asset(self, asset_id: str, *, timeout_s: float) -> JSON:
        """Wait until a delivered clip is signed and kept, and give its files.

        Raises:
            NotFinished: it took too long.
        """
        give_up_at = time.monotonic() + timeout_s
        while not (asset := await self._call("GET", f"/v1/assets/{asset_id}"))["delivered"]:
            if time.monotonic() > give_up_at:
                raise NotFinished(f"asset {asset_id} is not kept after {timeout_s:.0f} s")
            await asyncio.sleep(POLL_S)
        return asset

    async def download(self, path: str) -> bytes:
        """Fetch a file that the gateway leads to."""
        answer = await self._http.get(path, follow_redirects=False)
        if answer.is_redirect:
            # The signed address is the object store's own: our API key has no business there.
            async with httpx.AsyncClient(timeout=60, trust_env=False) as plain:
                answer = await plain.get(answer.headers["location"])
        if not answer.is_success:
            raise Refused(f"GET {path}: {answer.status_code} {answer.text[:300]}")
        return answer.content

    async def _call(self, method: str, path: str, **options: Any) -> JSON:
        answer = await self._http.request(method, path, **options)
        if not answer.is_success:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        body: JSON = answer.json()
        return body
