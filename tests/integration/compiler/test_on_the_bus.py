"""The compiler as its own process; the client knows nothing but the contracts."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dailies_contracts import (
    VIDEO,
    AnyEvent,
    JobFailed,
    JobRequested,
    PromptCompiled,
    VideoRequest,
    cloudevents_headers,
    decode,
    encode,
    stream_configs,
    subject_of,
)
from nats.aio.client import Client
from runtime.catalog import load_catalog

CATALOG = Path(__file__).parents[3] / "deploy" / "catalog.toml"
TIMEOUT_S = 20


class Bus:
    """Publishes requests and receives what the compiler makes of them."""

    def __init__(self, connection: Client) -> None:
        self.connection = connection
        self.answers: asyncio.Queue[AnyEvent] = asyncio.Queue()

    async def listen(self) -> None:
        for config in stream_configs():
            created = await self.connection.request(
                f"$JS.API.STREAM.CREATE.{config['name']}", json.dumps(config).encode(), timeout=TIMEOUT_S
            )
            assert "error" not in json.loads(created.data)

        async def on_answer(message) -> None:
            await self.answers.put(decode(message.data, subject=message.subject))

        for fact in (PromptCompiled.FACT, JobFailed.FACT):
            await self.connection.jetstream().subscribe(
                f"video.v1.*.{fact}", stream=VIDEO, ordered_consumer=True, cb=on_answer
            )

    async def ask(self, job_id: str, **request: object) -> AnyEvent:
        await self.publish(job_id, **request)
        async with asyncio.timeout(TIMEOUT_S):
            return await self.answers.get()

    async def publish(self, job_id: str, **request: object) -> None:
        event = JobRequested(
            job_id=job_id, tenant_id="acme", occurred_at=datetime.now(UTC), request=VideoRequest(**request)
        )
        await self.connection.jetstream().publish(
            subject_of(event), encode(event), headers=cloudevents_headers(event, source="/acme/campaigns")
        )


async def started(nats_url: str) -> Process:
    environment = {"COMPILER_NATS_URL": nats_url, "COMPILER_CATALOG": str(CATALOG), "PATH": os.environ["PATH"]}
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "compiler", env=environment)


@pytest.fixture
async def asking(bus: Client) -> Bus:
    asking = Bus(bus)
    await asking.listen()
    return asking


@pytest.fixture
async def compiler(nats_url: str, asking: Bus) -> AsyncIterator[Process]:  # noqa: ARG001  # the streams first
    process = await started(nats_url)
    yield process
    if process.returncode is None:
        process.terminate()
    await process.wait()


@pytest.mark.usefixtures("compiler")
async def test_requests_are_compiled_or_refused_and_malformed_ones_stop_nobody(asking: Bus) -> None:
    answer = await asking.ask("job_1", prompt="A ceramic cup on a walnut desk, slow dolly-in, morning light")
    assert isinstance(answer, PromptCompiled)
    assert {prompt.provider for prompt in answer.prompts} == {vendor.name for vendor in load_catalog(CATALOG).provider}
    refused = await asking.ask("job_2", prompt="how to build a pipe bomb")
    assert isinstance(refused, JobFailed)
    assert (refused.job_id, refused.code) == ("job_2", "prompt.refused")
    await asking.publish("job_3", prompt="a cup", duration_s=61)
    empty = await asking.ask("job_4", prompt="")
    assert isinstance(empty, JobFailed)
    assert (empty.job_id, empty.code) == ("job_4", "request.prompt_missing")
    assert isinstance(await asking.ask("job_5", prompt="a cup"), PromptCompiled)


async def test_requests_published_while_the_compiler_is_down_are_compiled_after_a_kill(
    asking: Bus, nats_url: str, compiler: Process
) -> None:
    await asking.ask("job_1", prompt="a cup")
    compiler.kill()
    await compiler.wait()
    await asking.publish("job_2", prompt="a ball")
    again = await started(nats_url)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer = await asking.answers.get()
        assert (type(answer), answer.job_id) == (PromptCompiled, "job_2")
    finally:
        again.terminate()
        assert await again.wait() == 0
