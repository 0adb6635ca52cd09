"""The whole pipeline with vendors that answer at once and a constant-time scorer, next to raw publishes of its events.

The vendors are the adapter `instant`, the scorer is the engine `constant`, and vendors have slots enough: what is
measured is orchestration.
"""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import nats
from dailies_contracts import (
    TIMERS,
    VIDEO,
    AnyEvent,
    JobRequested,
    VideoRequest,
    cloudevents_headers,
    decode,
    derive_job_id,
    encode,
    subject_of,
)
from nats.aio.client import Client
from runtime.catalog import load_catalog
from testkit.stack import Options, TestStack, local_stack

from measures.figures import Figure, percentile

CATALOG = Path(__file__).parents[3] / "deploy" / "catalog.toml"
N_AT_ONCE = 400
N_ALONE = 40
SHOWN_MS = 1.0
"""Processes that use less of a job's time are left out of the list."""
TERMINAL = {"job_completed", "job_failed", "job_cancelled"}
# The asset store encodes video beside the pipeline and holds nothing of it up; `assets.py` measures it.
WITHOUT = frozenset({"simulator", "spans", "assets"})
SERVICES = ("GATEWAY", "PROJECTOR", "COMPILER", "ROUTER", "WORKER", "EVALUATOR", "NOTIFIER")
WORKERS = tuple(f"worker-{vendor.name}" for vendor in load_catalog(CATALOG).provider)
PROCESSES = ("gateway", "projector", "compiler", "router", *WORKERS, "evaluator", "notifier")


async def measure(runs: int) -> list[Figure]:
    """Measure jobs per second with many at once, and the time of a job alone."""
    rates, medians, tails, spent = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        catalog = Path(folder, "catalog.toml")
        plenty = re.sub(r"slots = \d+", "slots = 1000", CATALOG.read_text())
        catalog.write_text(re.sub(r"(tenant_budget_usd_micros) = [\d_]+", r"\1 = 1_000_000_000_000", plenty))
        options = Options(without=WITHOUT, env=_environment(), catalog=catalog)
        async with local_stack(Path(folder), options) as stack:
            connection = await nats.connect(stack.facts["nats_url"])
            await _run_jobs(connection, "warm", 10, at_once=10)
            for number in range(runs):
                await _all_handled(connection)
                seconds = await _run_jobs(connection, f"alone{number}", N_ALONE, at_once=1)
                medians.append(1_000 * percentile(seconds, 0.5))
                tails.append(1_000 * percentile(seconds, 0.99))
                await _all_handled(connection)
                before, started = _cpu_ms(stack), time.perf_counter()
                await _run_jobs(connection, f"many{number}", N_AT_ONCE, at_once=N_AT_ONCE)
                rates.append(N_AT_ONCE / (time.perf_counter() - started))
                await _all_handled(connection)
                spent.append({name: (ms - before[name]) / N_AT_ONCE for name, ms in _cpu_ms(stack).items()})
            events = await _history(connection, derive_job_id("bench", "many0-0"))
            raw = [await _publish_raw(connection, events) for _ in range(runs)]
            await connection.close()
    note = f"vendors: instant, scorer: constant; {len(events)} events a job"
    return [
        Figure("pipeline_jobs_per_s", "1/s", tuple(rates), percentile(raw, 0.5), f"{note}; baseline: raw publishes"),
        Figure("orchestration_p50_ms", "ms", tuple(medians), note="one job at a time"),
        Figure("orchestration_p99_ms", "ms", tuple(tails), note="one job at a time"),
        Figure("pipeline_cpu_ms_per_job", "ms", tuple(sum(each.values()) for each in spent), note=_by_process(spent)),
    ]


def _environment() -> dict[str, dict[str, str]]:
    env: dict[str, dict[str, str]] = {}
    for process in PROCESSES:
        prefix = next(name for name in SERVICES if process.upper().startswith(name))
        env[process] = {f"{prefix}_OTLP_ENDPOINT": "", f"{prefix}_LOG_LEVEL": "WARNING"}
    for worker in WORKERS:
        env[worker]["WORKER_ADAPTER"] = "instant"
    env["evaluator"]["EVALUATOR_ENGINE"] = "constant"
    return env


def _cpu_ms(stack: TestStack) -> dict[str, float]:
    """Read how much processor time each process of the stack has used."""
    used = {}
    for process in stack.stack.processes:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        used[process.spec.name] = 1_000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def _by_process(spent: Sequence[dict[str, float]]) -> str:
    medians = {name: percentile([each[name] for each in spent], 0.5) for name in spent[0]}
    ranked = sorted(medians.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {ms:.1f}" for name, ms in ranked if ms >= SHOWN_MS)


async def _run_jobs(connection: Client, name: str, n: int, *, at_once: int) -> list[float]:
    """Publish jobs and wait until each has ended; gives the seconds of each."""
    ended: dict[str, asyncio.Event] = {}
    kinds: dict[str, str] = {}
    jetstream = connection.jetstream()
    limit = asyncio.Semaphore(at_once)

    async def on_message(message) -> None:  # type: ignore[no-untyped-def]
        _, _, job_id, fact, *_ = message.subject.split(".")
        if fact in TERMINAL and job_id in ended:
            kinds[job_id] = fact
            ended[job_id].set()

    async def run_one(number: int) -> float:
        async with limit:
            job_id = derive_job_id("bench", f"{name}-{number}")
            ended[job_id] = asyncio.Event()
            event = JobRequested(
                job_id=job_id,
                tenant_id=f"bench{number % 8}",
                occurred_at=datetime.now(UTC),
                request=VideoRequest(
                    prompt="A red ball on a table", quality="premium", budget_usd_micros=50_000_000, reuse="off"
                ),
            )
            started = time.perf_counter()
            headers = cloudevents_headers(event, source="/bench")
            await jetstream.publish(subject_of(event), encode(event), headers=headers)
            async with asyncio.timeout(120):
                await ended[job_id].wait()
            return time.perf_counter() - started

    subscription = await connection.subscribe("video.v1.>", cb=on_message)
    seconds = await asyncio.gather(*(run_one(number) for number in range(n)))
    await subscription.unsubscribe()
    if set(kinds.values()) != {"job_completed"}:
        raise RuntimeError(f"not every job completed: {sorted(set(kinds.values()))}")
    return list(seconds)


async def _all_handled(connection: Client) -> None:
    """Wait until no consumer has anything left of the jobs before."""
    jetstream = connection.jetstream()
    async with asyncio.timeout(120):
        while True:
            consumers = [info for stream in (VIDEO, TIMERS) for info in await jetstream.consumers_info(stream)]
            if not any((info.num_pending or 0) + (info.num_ack_pending or 0) for info in consumers):
                return
            await asyncio.sleep(0.1)


async def _history(connection: Client, job_id: str) -> list[AnyEvent]:
    jetstream = connection.jetstream()
    subscription = await jetstream.pull_subscribe(f"video.v1.{job_id}.>", stream=VIDEO)
    return [decode(message.data) for message in await subscription.fetch(100, timeout=1)]


async def _publish_raw(connection: Client, events: Sequence[AnyEvent]) -> float:
    """Publish as many jobs' worth of the same bytes as fast as one process can, 64 in flight, to a stream aside."""
    jetstream = connection.jetstream()
    await jetstream.add_stream(name="RAW", subjects=["raw.>"])
    prefix = f"raw.{time.time_ns()}"
    left = iter([(number, event) for number in range(N_AT_ONCE) for event in events])

    async def publisher() -> None:
        for number, event in left:
            headers = cloudevents_headers(event, source="/bench")
            await jetstream.publish(f"{prefix}.{number}.{event.FACT}", encode(event), headers=headers)

    started = time.perf_counter()
    await asyncio.gather(*(publisher() for _ in range(64)))
    return N_AT_ONCE / (time.perf_counter() - started)
