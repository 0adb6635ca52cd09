"""Admission: `POST /v1/jobs` at 16 connections, next to a bare JetStream publish of the same bytes."""

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import nats
from dailies_contracts import JobRequested, VideoRequest, cloudevents_headers, derive_job_id, encode, subject_of
from testkit.stack import Options, local_stack

from measures.figures import Figure, percentile
from measures.load import post_from_own_process

CONNECTIONS = 16
REQUESTS = 6_000
OTHERS = frozenset(
    {
        "projector",
        "compiler",
        "router",
        "worker-kling",
        "worker-veo",
        "evaluator",
        "assets",
        "notifier",
        "simulator",
        "spans",
    }
)
REQUEST = VideoRequest(prompt="A ceramic cup on a walnut desk, slow dolly-in, morning light", quality="premium")


async def measure(runs: int) -> list[Figure]:
    """Measure requests per second and latency of the gateway alone (no other service takes its cores)."""
    rates, medians, tails, bare = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        options = Options(
            without=OTHERS, env={"gateway": {"GATEWAY_OTLP_ENDPOINT": "", "GATEWAY_LOG_LEVEL": "WARNING"}}
        )
        async with local_stack(Path(folder), options) as stack:
            await _round(stack.facts, 500)
            for number in range(runs):
                bare.append(await _publish(stack.facts["nats_url"], number))
                result = await _round(stack.facts, REQUESTS)
                if set(result["statuses"]) != {"202"}:
                    raise RuntimeError(f"not every request was accepted: {result['statuses']}")
                rates.append(REQUESTS / result["seconds"])
                medians.append(1_000 * percentile(result["latencies"], 0.5))
                tails.append(1_000 * percentile(result["latencies"], 0.99))
    baseline = sorted(bare)[len(bare) // 2]
    return [
        Figure("admission_rps", "1/s", tuple(rates), baseline, f"{CONNECTIONS} connections; baseline: bare publish"),
        Figure("admission_p50_ms", "ms", tuple(medians)),
        Figure("admission_p99_ms", "ms", tuple(tails)),
    ]


async def _round(facts: dict[str, Any], requests: int) -> dict[str, Any]:
    url = urlsplit(facts["gateway_url"])
    headers = {"authorization": f"Bearer {facts['api_key']}", "content-type": "application/json"}
    body = msgspec.json.encode(REQUEST)
    return await post_from_own_process(
        str(url.hostname), int(url.port or 80), "/v1/jobs", headers, body, connections=CONNECTIONS, requests=requests
    )


async def _publish(url: str, number: int) -> float:
    connection = await nats.connect(url)
    jetstream = connection.jetstream()
    left = iter(range(REQUESTS))

    async def publisher() -> None:
        for index in left:
            event = JobRequested(
                job_id=derive_job_id("bench", f"{number}-{index}"),
                tenant_id="bench",
                occurred_at=datetime.now(UTC),
                request=REQUEST,
            )
            headers = cloudevents_headers(event, source="/bench")
            await jetstream.publish(subject_of(event), encode(event), headers=headers)

    started = time.perf_counter()
    await asyncio.gather(*(publisher() for _ in range(CONNECTIONS)))
    seconds = time.perf_counter() - started
    await connection.close()
    return REQUESTS / seconds
