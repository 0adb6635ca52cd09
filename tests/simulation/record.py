"""`make record`: run a handful of jobs on the whole local stack and keep their logs, with the catalogue they ran by.

The logs are what `test_recorded_jobs.py` replays. Record anew after a change of the contracts or of the policy.
"""

import asyncio
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats
from dailies_contracts import (
    TERMINAL_EVENTS,
    Event,
    JobRequested,
    ProviderSubmitted,
    ReviewRequested,
    VideoRequest,
    derive_job_id,
    encode,
    subject_of,
)
from local_stack.plan import Options
from local_stack.stack import Stack
from nats.aio.client import Client as Bus
from runtime.log import EventLog
from testkit.client import Client, open_client

ROOT = Path(__file__).parents[2]
OUT = Path(__file__).parent / "recorded"
WAIT_S = 240.0
SETTLE_S = 4.0
"""Facts go on coming after a job's end: what was withdrawn, previews, the stored final."""


class Studio:
    """What a story needs of the running stack."""

    def __init__(self, client: Client, bus: Bus) -> None:
        self.client = client
        self.bus = bus
        self.log = EventLog(bus, source="record")

    async def until(self, job_id: str, *kinds: type[Event]) -> Event:
        """Wait until the log has an event of one of these types; gives it."""
        async with asyncio.timeout(WAIT_S):
            while True:
                events = (await self.log.history(job_id)).events
                found = next((event for event in events if isinstance(event, kinds)), None)
                if found is not None:
                    return found
                await asyncio.sleep(0.3)

    async def fault(self, kind: str, **fields: Any) -> None:
        """Switch a fault of the vendors on."""
        answer = await self.client.simulator.post("/faults", json={"kind": kind} | fields)
        answer.raise_for_status()

    async def post(self, job_id: str, action: str, **body: Any) -> None:
        """Cancel or review a job."""
        answer = await self.client.http.post(f"/v1/jobs/{job_id}/{action}", json=body or None)
        answer.raise_for_status()


async def happy(studio: Studio) -> str:
    return await studio.client.request()


async def draft(studio: Studio) -> str:
    return await studio.client.request(quality="draft")


async def standard(studio: Studio) -> str:
    return await studio.client.request(quality="standard", prompt="a fox runs over a snowy field")


async def refused(studio: Studio) -> str:
    return await studio.client.request(prompt="a fox runs over a snowy field [[fault: refused_at_submit]]")


async def failed_over(studio: Studio) -> str:
    await studio.fault("failed_at_completion", count=2)
    return await studio.client.request()


async def bad_final(studio: Studio) -> str:
    for vendor in ("runway", "veo"):
        await studio.fault("defect", vendor=vendor, defect="noise", strength=1.0, count=1)
    return await studio.client.request(deny_providers=["veo"], prompt="a brass lamp on a shelf, slow dolly in")


async def cancelled(studio: Studio) -> str:
    job_id = await studio.client.request()
    await studio.until(job_id, ProviderSubmitted)
    await studio.post(job_id, "cancel")
    return job_id


async def reviewed(studio: Studio) -> str:
    job_id = await studio.client.request(quality="draft", review=True)
    asked = await studio.until(job_id, ReviewRequested)
    assert isinstance(asked, ReviewRequested)
    await asyncio.sleep(SETTLE_S)
    await studio.post(job_id, "review", clip_id=asked.clip_id, approved=True, reviewer="ada")
    return job_id


async def too_late(studio: Studio) -> str:
    await studio.fault("stuck", count=4)
    return await studio.client.request(quality="draft", deadline_s=60)


async def unpaid(studio: Studio) -> str:
    return await studio.client.request(budget_usd_micros=1_000)


async def from_the_bus(studio: Studio) -> str:
    event = JobRequested(
        job_id=derive_job_id("demo", uuid.uuid4().hex),
        tenant_id="demo",
        occurred_at=datetime.now(UTC),
        request=VideoRequest(prompt="A red ball on a wooden table, camera static", quality="premium", reuse="off"),
    )
    await studio.bus.jetstream().publish(subject_of(event), encode(event))
    return event.job_id


Story = Callable[[Studio], Awaitable[str]]
STORIES: tuple[Story, ...] = (
    happy,
    draft,
    standard,
    refused,
    failed_over,
    bad_final,
    cancelled,
    reviewed,
    too_late,
    unpaid,
    from_the_bus,
)


@asynccontextmanager
async def studio_of(stack: Stack) -> AsyncIterator[Studio]:
    """Connect to everything that a story needs."""
    bus = await nats.connect(stack.facts["nats_url"])
    async with open_client(stack.facts) as client:
        yield Studio(client, bus)
    await bus.close()


async def record(stack: Stack) -> None:
    """Play every story, one after another, and write its log."""
    for path in OUT.glob("*.jsonl"):
        path.unlink()
    shutil.copy(ROOT / "deploy" / "catalog.toml", OUT / "catalog.toml")
    async with studio_of(stack) as studio:
        for number, story in enumerate(STORIES):
            job_id = await story(studio)
            ended = await studio.until(job_id, *TERMINAL_EVENTS)
            await studio.client.simulator.delete("/faults")
            await asyncio.sleep(SETTLE_S)
            events = (await studio.log.history(job_id)).events
            path = OUT / f"{number:02}-{story.__name__}.jsonl"
            path.write_bytes(b"".join(encode(event) + b"\n" for event in events))
            sys.stdout.write(f"{path.name}: {len(events)} events, {type(ended).__name__}\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), Options(default_ports=False))
        stack.start()
        try:
            asyncio.run(record(stack))
        finally:
            stack.stop()


if __name__ == "__main__":
    main()
