"""Telling: 1,000 endpoints of twenty tenants, a tenth of them dead and a tenth hanging, next to the healthy ones alone.

The figure is what the healthy ones feel: from the fact in the log to the webhook at the receiver, at a steady rate.
The notifier is a process of its own with its usual limits; receivers and facts come from this one.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dailies_contracts import JobRequested, VideoRequest
from local_stack.ports import LOOPBACK, free_ports
from local_stack.process import Process, ProcessSpec
from runtime.clock import utc_clock
from runtime.log import EventLog
from testkit.clients import connect
from testkit.servers import nats_server

from measures.figures import Figure, percentile

ENDPOINTS = 1_000
TENANTS = 20
EVERY_TENTH = 10
WARM_UP = 100
RATE_PER_S = 50  # far from what one process can do, so that the figure is about waiting, not about work
DRAIN_S = 20.0
SECRET = "whsec_" + "A" * 43 + "="
SETTINGS = {
    "WEBHOOK_SECRET": SECRET,
    "ALLOW_PRIVATE_ADDRESSES": "true",
    "ALLOW_HTTP": "true",
    "LOG_LEVEL": "ERROR",
}


class Receivers:
    """Servers on loopback: one answers at once, one never, and one port has nobody."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        (self._dead_port,) = free_ports(1)
        self._servers: list[asyncio.Server] = []

    async def open(self) -> None:
        self._servers = [await asyncio.start_server(serve, LOOPBACK, 0) for serve in (self._answer, self._hang)]

    def close(self) -> None:
        for server in self._servers:
            server.close()

    def url(self, number: int, *, bad: bool) -> str:
        kind = number % EVERY_TENTH if bad else EVERY_TENTH
        ports = {0: self._dead_port, 1: self._port(1)}
        return f"http://{LOOPBACK}:{ports.get(kind, self._port(0))}/hooks/{number}"

    def _port(self, index: int) -> int:
        return int(self._servers[index].sockets[0].getsockname()[1])

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                self.arrived.setdefault(body["data"]["job_id"], time.perf_counter())
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _hang(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass
        writer.close()


class Round(NamedTuple):
    """What the healthy endpoints felt."""

    latencies: Sequence[float]
    n_lost: int


async def measure(runs: int) -> list[Figure]:
    """Measure the latency of healthy endpoints with and without bad ones beside them, by turns."""
    alone, beside = [], []
    for _ in range(runs):
        alone.append(await _round(bad=False))
        beside.append(await _round(bad=True))
    if any(each.n_lost for each in (*alone, *beside)):
        raise RuntimeError("a healthy endpoint was not told in time")
    return [_figure("webhook_p50_ms", 0.5, alone, beside), _figure("webhook_p99_ms", 0.99, alone, beside)]


def _figure(name: str, share: float, alone: list[Round], beside: list[Round]) -> Figure:
    baseline = sorted(1_000 * percentile(each.latencies, share) for each in alone)
    with_bad = tuple(1_000 * percentile(each.latencies, share) for each in beside)
    note = f"{ENDPOINTS} endpoints, 10 % dead, 10 % hanging; baseline: the healthy ones alone"
    return Figure(name, "ms", with_bad, baseline[len(baseline) // 2], note)


async def _round(*, bad: bool) -> Round:
    """Run one load on a bus and a notifier of its own, so that no retry of another round is in the way."""
    receivers = Receivers()
    await receivers.open()
    async with nats_server() as bus:
        with tempfile.TemporaryDirectory() as folder:
            notifier = _notifier(bus.url, Path(folder))
            await asyncio.to_thread(notifier.start)
            connection = await connect(bus.url)
            try:
                log = EventLog(connection, source="bench")
                await _load(log, receivers, range(WARM_UP), prefix="warm", bad=False)
                return await _load(log, receivers, range(ENDPOINTS), prefix="job", bad=bad)
            finally:
                receivers.close()
                await connection.close()
                await asyncio.to_thread(notifier.kill)


async def _load(log: EventLog, receivers: Receivers, endpoints: range, *, prefix: str, bad: bool) -> Round:
    sent: dict[str, float] = {}
    started = time.perf_counter()
    for endpoint in endpoints:
        healthy = endpoint % EVERY_TENTH > 1
        if not (healthy or bad):
            continue
        job_id = f"{prefix}_{endpoint}"
        if healthy:
            sent[job_id] = time.perf_counter()
        await log.append_fact(_job(job_id, endpoint, receivers.url(endpoint, bad=bad)))
        await asyncio.sleep(max(0.0, started + endpoint / RATE_PER_S - time.perf_counter()))
    give_up_at = time.perf_counter() + DRAIN_S
    while not sent.keys() <= receivers.arrived.keys() and time.perf_counter() < give_up_at:
        await asyncio.sleep(0.05)
    latencies = [receivers.arrived[job_id] - at for job_id, at in sent.items() if job_id in receivers.arrived]
    return Round(latencies, len(sent) - len(latencies))


def _job(job_id: str, endpoint: int, url: str) -> JobRequested:
    request = VideoRequest(prompt="a red ball on a table", webhook_url=url)
    tenant = f"tenant-{endpoint // EVERY_TENTH % TENANTS}"
    return JobRequested(job_id=job_id, tenant_id=tenant, occurred_at=utc_clock(), request=request)


def _notifier(nats_url: str, folder: Path) -> Process:
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
