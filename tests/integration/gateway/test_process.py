"""The gateway as a process: starts with sentences, serves over TCP, tells its spans, stops without losing a request."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from gateway.settings import GatewaySettings
from local_stack.ports import free_ports
from testkit.sinks import otlp_receiver

CUP = {"prompt": "a ceramic cup on a walnut desk"}
HEADERS = {"Authorization": "Bearer dk_test"}


def environment(settings: GatewaySettings, **changes: str) -> Mapping[str, str]:
    names = ("nats_url", "mongo_url", "mongo_database", "s3_url", "s3_bucket")
    plain = {f"GATEWAY_{name.upper()}": str(getattr(settings, name)) for name in names}
    secret = {
        "GATEWAY_S3_ACCESS_KEY": settings.s3_access_key.get_secret_value(),
        "GATEWAY_S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
        "GATEWAY_BOOTSTRAP_API_KEY": "dk_test",
        "GATEWAY_BOOTSTRAP_TENANT": "acme",
    }
    return {**os.environ, **plain, **secret, **changes}


@asynccontextmanager
async def gateway_process(settings: GatewaySettings, **changes: str) -> AsyncIterator[tuple[Any, httpx.AsyncClient]]:
    (port,) = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", env=environment(settings, GATEWAY_PORT=str(port), **changes)
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=HEADERS, timeout=30) as http:
            async with asyncio.timeout(60):
                while not await is_ready(http):
                    await asyncio.sleep(0.1)
            yield process, http
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def test_the_process_serves_and_stops_on_sigterm(settings: GatewaySettings) -> None:
    async with gateway_process(settings) as (process, http):
        assert (await http.post("/v1/jobs", json=CUP)).status_code == 202
        large = await http.post("/v1/jobs", json={"prompt": "x" * 10_000_000})
        assert (large.status_code, large.json()["code"]) == (413, "request.too_large")

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 100_000

        endless = await http.post("/v1/jobs", content=chunks())
        assert endless.status_code == 413
        assert (await http.post("/v1/jobs", json=CUP)).status_code == 202, "the connection is still good"

        posts = [asyncio.create_task(http.post("/v1/jobs", json=CUP)) for _ in range(20)]
        await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        process.send_signal(signal.SIGTERM)
        answers = await asyncio.gather(*posts, return_exceptions=True)
        assert await asyncio.wait_for(process.wait(), 30) == 0
        answered = [answer for answer in answers if isinstance(answer, httpx.Response)]
        assert {answer.status_code for answer in answered} == {202}
        refused = [answer for answer in answers if not isinstance(answer, httpx.Response)]
        assert all(isinstance(answer, httpx.TransportError) for answer in refused)


async def test_the_span_of_a_request_continues_the_callers_trace(settings: GatewaySettings) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "baggage": "job.id=forged"}
    async with otlp_receiver() as tap, gateway_process(settings, GATEWAY_OTLP_ENDPOINT=tap.url) as (_, http):
        posted = await http.post("/v1/jobs", json=CUP, headers=headers)
        refused = await http.post("/v1/jobs", json={})
        await tap.wait_for(lambda spans: sum(span.name == "POST /v1/jobs" for span in spans) >= 2)
    (span,) = [each for each in tap.spans if each.trace_id == trace_id]
    assert span.parent_id == "00f067aa0ba902b7"
    assert span.attributes["job.id"] == posted.json()["job_id"]
    assert span.attributes["http.route"] == "/v1/jobs"
    assert refused.json()["trace_id"] in {each.trace_id for each in tap.spans}


async def test_a_port_that_is_taken_is_said_in_a_sentence(settings: GatewaySettings) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        env=environment(settings, GATEWAY_PORT=str(port)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    taken.close()
    assert process.returncode == 1
    assert b"set GATEWAY_PORT" in told


async def test_a_bootstrap_key_without_a_tenant_stops_the_start(settings: GatewaySettings) -> None:
    (port,) = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        env=environment(settings, GATEWAY_PORT=str(port), GATEWAY_BOOTSTRAP_TENANT=""),
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    assert process.returncode == 1
    assert b"tenant.invalid_id" in told
