"""Kill the notifier with SIGKILL again and again through 2,000 events: every endpoint ends with the full set, in order.

`SEED` in the environment changes the run; the seed is printed with a failure.
"""

import asyncio
import os
import random
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dailies_contracts import FEED, WEBHOOKS, WebhookAttempt, feed_filter, stream_configs
from local_stack.ports import LOOPBACK, free_ports
from local_stack.process import Process, ProcessSpec
from local_stack.webhook_sink import Answer, Delivery, WebhookSink
from nats.aio.client import Client
from runtime.buckets import open_bucket
from runtime.direct_get import DirectGet
from runtime.jetstream import declare_stream
from runtime.log import EventLog
from testkit.builders import TENANT
from testkit.clients import connect
from testkit.servers import nats_server
from testkit.stories import promoted_job

SEED = int(os.environ.get("SEED", "1"))
N_JOBS = 167  # twelve notifications each: 2,004 events
N_EVENTS = 12 * N_JOBS
FLAKY = 0.1
SECRET = "whsec_" + "A" * 43 + "="
SETTINGS = {
    "WEBHOOK_SECRET": SECRET,
    "ALLOW_PRIVATE_ADDRESSES": "true",
    "ALLOW_HTTP": "true",
    "RETRY_DELAYS_S": "[0.05, 0.2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]",
    "CIRCUIT_FAILURES": "1000",
    "MAX_PER_S": "1000",
    "TIMEOUT_S": "2",
    "LEASE_MARGIN_S": "0.5",
    "LOOK_AGAIN_S": "2.6",
    "LOG_LEVEL": "ERROR",
}


@pytest.mark.timeout(900)
async def test_killed_again_and_again_every_endpoint_ends_with_the_full_set(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    async with nats_server(tmp_path / "nats") as bus, WebhookSink() as one, WebhookSink() as two:
        connection = await connect(bus.url)
        await register(connection, {"ep_one": one.url, "ep_two": two.url})
        process = notifier(bus.url, tmp_path)
        await asyncio.to_thread(process.start)
        telling = asyncio.create_task(tell(connection))
        while min(n_told(one), n_told(two)) < N_EVENTS:
            await asyncio.sleep(rng.uniform(0.3, 2.0))
            for sink in (one, two):
                sink.answer(*(Answer(status=500) for _ in range(int(FLAKY * 20))))
            await asyncio.to_thread(process.kill)
            await asyncio.to_thread(process.start)
            # A process that was just started gets the time to do something before the next kill.
            await progress(one, two)
        await telling
        events = await feed_of(connection)
        attempts = await n_attempts(connection)
        await asyncio.to_thread(process.stop)
        await connection.close()

    for sink in (one, two):
        check(sink.deliveries)
    assert len({each["id"] for each in events}) == len(events) == N_EVENTS, f"seed {SEED}"
    # What was answered is logged, but for attempts that a kill cut short before they could be.
    assert attempts >= 2 * N_EVENTS, f"seed {SEED}"


def n_told(sink: WebhookSink) -> int:
    return len({each.webhook_id for each in sink.deliveries})


async def progress(*sinks: WebhookSink) -> None:
    """Wait until somebody was told something new, or there is nothing new to tell."""
    before = sum(n_told(sink) for sink in sinks)
    for _ in range(100):
        now = sum(n_told(sink) for sink in sinks)
        if now > before or now == len(sinks) * N_EVENTS:
            return
        await asyncio.sleep(0.1)


def check(deliveries: list[Delivery]) -> None:
    sequences: dict[str, list[int]] = defaultdict(list)
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for delivery in deliveries:
        content = delivery.payload["data"]
        sequences[content["job_id"]].append(content["sequence"])
        bodies[delivery.webhook_id].add(delivery.body)
    assert len(bodies) == N_EVENTS, f"seed {SEED}"
    assert all(len(each) == 1 for each in bodies.values()), "the same id carries the same body"
    for told in sequences.values():
        assert (told[0], told[-1]) == (1, 12), f"seed {SEED}"
        assert all(later - earlier in (0, 1) for earlier, later in pairwise(told)), f"seed {SEED}: {told}"


async def register(connection: Client, endpoints: dict[str, str]) -> None:
    for config in stream_configs():
        await declare_stream(connection, config)
    tenants = await open_bucket(connection, DirectGet(connection), "tenants")
    registered = [{"id": name, "url": url} for name, url in endpoints.items()]
    await tenants.put(TENANT, msgspec.json.encode({"endpoints": registered}))


async def tell(connection: Client) -> None:
    log = EventLog(connection, source="chaos")
    for n in range(N_JOBS):
        for event in promoted_job(f"job_{n}"):
            await log.append_fact(event)


async def feed_of(connection: Client) -> list[dict[str, Any]]:
    """Read the whole feed; the notifier may still be writing its end."""
    reader, found, after = DirectGet(connection), [], 0
    async with asyncio.timeout(30):
        while len(found) < N_EVENTS:
            page = await reader.following(FEED, feed_filter(TENANT), after=after, limit=500)
            found += [msgspec.json.decode(each.body) for each in page]
            after = page[-1].sequence if page else after
            await asyncio.sleep(0.05)
    return found


async def n_attempts(connection: Client) -> int:
    """Count the accepted attempts in the log."""
    reader, n_accepted, after = DirectGet(connection), 0, 0
    while page := await reader.following(WEBHOOKS, "webhooks.v1.>", after=after, limit=500):
        attempts = [msgspec.json.decode(each.body, type=WebhookAttempt) for each in page]
        n_accepted += sum(each.state == "delivered" for each in attempts)
        after = page[-1].sequence
    return n_accepted


def notifier(nats_url: str, folder: Path) -> Process:
    (port,) = free_ports(1)
    environment = {f"NOTIFIER_{name}": value for name, value in SETTINGS.items()}
    spec = ProcessSpec(
        name="notifier",
        argv=(sys.executable, "-m", "notifier"),
        env={**environment, "NOTIFIER_NATS_URL": nats_url, "NOTIFIER_HEALTH_PORT": str(port)},
        ready_url=f"http://{LOOPBACK}:{port}/readyz",
        log=folder / "notifier.log",
    )
    return Process(spec)
