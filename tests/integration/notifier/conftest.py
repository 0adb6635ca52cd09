"""A notifier inside the test, on a real bus, telling real sinks on loopback."""

import asyncio
import json
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver
from dailies_contracts import AnyEvent, stream_configs
from local_stack.ports import LOOPBACK, free_ports
from local_stack.process import Process, ProcessSpec
from local_stack.webhook_sink import WebhookSink
from nats.aio.client import Client
from notifier.app import installed
from notifier.settings import Settings
from runtime.jetstream import declare_stream
from runtime.log import EventLog
from runtime.service import Service, open_service

SECRET = "whsec_" + b64encode(b"s" * 32).decode()
Notifier = Callable[..., AbstractAsyncContextManager[Service]]
Happen = Callable[[Iterable[AnyEvent]], Awaitable[None]]
Written = Callable[[str, Callable[[dict[str, Any]], bool]], Awaitable[None]]


@pytest.fixture
def secret() -> str:
    """The secret that signs unless a tenant has its own."""
    return SECRET


@pytest.fixture
async def sink() -> AsyncIterator[WebhookSink]:
    """A client's server."""
    async with WebhookSink(secrets=(SECRET,)) as opened:
        yield opened


@pytest.fixture
def notifier(nats_url: str) -> Notifier:
    """Runs a notifier; keyword arguments are settings. Retries are quick, private addresses allowed."""
    quick: dict[str, Any] = {
        "nats_url": nats_url,
        "webhook_secret": SECRET,
        "allow_private_addresses": True,
        "allow_http": True,
        "retry_delays_s": (0.05,) * 7,
        "timeout_s": 2.0,
        "look_again_s": 3.0,
        "lease_margin_s": 1.0,
        "circuit_failures": 1_000,
    }

    @asynccontextmanager
    async def running(*, resolver: AbstractResolver | None = None, **changes: Any) -> AsyncIterator[Service]:
        settings = Settings(**(quick | changes))
        async with open_service("notifier", settings) as service, installed(service, settings, resolver=resolver):
            task = asyncio.create_task(service.run(timer_concurrency=8))
            yield service
            service.stop()
            await task

    return running


@pytest.fixture
async def happen(bus: Client) -> Happen:
    """Writes facts to the log in order."""
    for config in stream_configs():
        await declare_stream(bus, config)
    log = EventLog(bus, source="test")

    async def append(events: Iterable[AnyEvent]) -> None:
        for event in events:
            await log.append_fact(event)

    return append


@pytest.fixture
def written(bus: Client) -> Written:
    """Waits until a bucket holds a record of which something holds."""

    async def wait(bucket: str, holds: Callable[[dict[str, Any]], bool]) -> None:
        watcher = await (await bus.jetstream().key_value(bucket)).watchall()
        async with asyncio.timeout(5):
            async for entry in watcher:
                if entry is not None and entry.value and holds(json.loads(entry.value)):
                    break
        await watcher.stop()  # type: ignore[no-untyped-call]

    return wait


@pytest.fixture
async def notifier_process(nats_url: str, tmp_path: Path) -> AsyncIterator[Callable[..., Process]]:
    """Describes a notifier as its own process, not started yet; keyword arguments are settings."""
    processes: list[Process] = []

    def describe(**settings: str) -> Process:
        (port,) = free_ports(1)
        quick = {
            "nats_url": nats_url,
            "health_port": str(port),
            "webhook_secret": SECRET,
            "allow_private_addresses": "true",
            "allow_http": "true",
            "retry_delays_s": "[0.05, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]",
            "timeout_s": "2",
            "lease_margin_s": "0.5",
            "patience_s": "0.1",
            "look_again_s": "2.6",
            "circuit_failures": "1000",
        }
        environment = {f"NOTIFIER_{name.upper()}": value for name, value in (quick | settings).items()}
        spec = ProcessSpec(
            name=f"notifier-{len(processes)}",
            argv=(sys.executable, "-m", "notifier"),
            env=environment,
            ready_url=f"http://{LOOPBACK}:{port}/readyz",
            log=tmp_path / "notifier.log",
        )
        processes.append(Process(spec))
        return processes[-1]

    yield describe
    for process in processes:
        await asyncio.to_thread(process.kill)
