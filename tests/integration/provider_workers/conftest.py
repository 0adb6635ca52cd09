"""A vendor's worker on a real bus, a real object store and the simulator; facts are watched as they are written."""

import asyncio
import os
import subprocess
import sys
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from dailies_contracts import ClipRequested, decode, derive_clip_id, stream_configs
from provider_workers.app import build_desk, register
from provider_workers.domain.callback_url import signature_of
from provider_workers.domain.tick import Hint, Tick, encode_tick
from provider_workers.handlers import Handlers
from provider_workers.settings import Settings
from runtime.catalog import load_catalog
from runtime.jetstream import declare_stream
from runtime.log import EventLog
from runtime.objects import open_objects
from runtime.service import open_service
from runtime.timers import Timers
from testkit.builders import compiled_prompt
from testkit.sinks import Answer, WebhookSink

CATALOG = Path(__file__).parents[3] / "deploy" / "catalog.toml"
SECRET = "callback-secret"
DIALECTS = {
    "kling": ("kling", "kling-2.5-turbo", {"duration_s": 5}),
    "kling-legacy": ("kling", "kling-2.5-turbo", {"duration_s": 5}),
    "veo": ("veo", "veo-3.1-fast-generate-001", {"duration_s": 4}),
    "veo-gemini": ("veo", "veo-3.1-fast-generate-001", {"duration_s": 4, "audio": True}),
    "pika": ("pika", "pika-v2.2", {"duration_s": 5}),
    "runway": ("runway", "gen4.5", {"duration_s": 5}),
    "luma": ("luma", "ray-flash-2", {"duration_s": 5}),
    "minimax": ("minimax", "MiniMax-Hailuo-2.3", {"duration_s": 6}),
}


async def holds(condition, *, timeout_s=30):
    """Wait until a condition holds that nothing tells of."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.fixture
def until():
    return holds


class Bus:
    """Every fact as it is written, and a way to order clips."""

    def __init__(self, connection) -> None:
        self.connection = connection
        self.log = EventLog(connection, source="test")
        self.facts = []
        self._arrived = asyncio.Condition()

    async def on_message(self, message):
        await message.ack()
        async with self._arrived:
            self.facts.append(decode(message.data))
            self._arrived.notify_all()

    def of(self, kind, clip_id=None):
        return [fact for fact in self.facts if isinstance(fact, kind) and clip_id in (None, fact.clip_id)]

    async def next(self, *kinds, clip_id=None, n=1, timeout_s=30):
        """Wait for the nth fact of some kinds."""

        def found():
            return [fact for kind in kinds for fact in self.of(kind, clip_id)]

        async with self._arrived:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait_for(lambda: len(found()) >= n)
            except TimeoutError as err:
                raise TimeoutError(f"no {kinds}: {self.facts}") from err
        return found()[n - 1]

    async def order(self, adapter, prompt="a red ball on a table", *, deadline_s=120, **changes):
        """Order one clip as the router does."""
        provider, model, fields = DIALECTS[adapter]
        job_id = f"job_{uuid.uuid4().hex[:12]}"
        event = ClipRequested(
            **{
                "job_id": job_id,
                "tenant_id": "acme",
                "occurred_at": datetime.now(UTC),
                "clip_id": derive_clip_id(job_id, stage="draft", attempt=1),
                "provider": provider,
                "model": model,
                "stage": "draft",
                "attempt": 1,
                "prompt": compiled_prompt(provider, model, prompt=prompt, **fields),
                "quote_usd_micros": 500_000,
                "deadline_at": datetime.now(UTC) + timedelta(seconds=deadline_s),
            }
            | changes
        )
        await self.log.append_fact(event)
        return event

    async def call_back(self, event, body, headers=None):
        """Do what the gateway does with a callback that carries the right signature."""
        tick = Tick(job_id=event.job_id, clip_id=event.clip_id, hint=Hint(body=body, headers=headers or {}))
        await Timers(self.connection, f"provider-workers-{event.provider}").fire(
            "poll", event.clip_id, encode_tick(tick)
        )


@pytest.fixture
async def facts(bus):
    watched = Bus(bus)
    for config in stream_configs():
        await declare_stream(bus, config)
    subscription = await bus.jetstream().subscribe("video.v1.>", cb=watched.on_message, manual_ack=True)
    yield watched
    await subscription.unsubscribe()


@pytest.fixture
def environment(nats_url, s3, s3_bucket, simulator_url):
    """Settings of a worker by adapter."""

    def settings(adapter, /, **changes):
        provider = DIALECTS[adapter][0]
        return {
            "provider": provider,
            "adapter": adapter,
            "catalog": str(CATALOG),
            "base_url": f"{simulator_url}/{provider}",
            "api_key": f"sim-{provider}-key",
            "access_key": "sim-ak",
            "secret_key": "sim-sk",
            "project": "film",
            "poll_scale": 0.05,
            "submit_timeout_s": 2,
            "visible_after_s": 0.5,
            "nats_url": nats_url,
            "s3_url": s3.url,
            "s3_access_key": s3.access_key,
            "s3_secret_key": s3.secret_key,
            "s3_bucket": s3_bucket,
            "log_level": "ERROR",
        } | changes

    return settings


@pytest.fixture
def worker(environment):
    """Run a worker in this process while the block runs."""

    @asynccontextmanager
    async def running(adapter, /, *, n_slots=None, **changes):
        settings = Settings(**environment(adapter, **changes))
        vendor = load_catalog(settings.catalog).vendor(settings.provider)
        if n_slots is not None:
            vendor = msgspec.structs.replace(vendor, slots=n_slots)
        async with AsyncExitStack() as stack:
            service = await stack.enter_async_context(open_service(f"provider-workers-{vendor.name}", settings))
            objects = await stack.enter_async_context(open_objects(settings))
            client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
            desk = await build_desk(settings, vendor, service=service, objects=objects, client=client)
            register(service, Handlers(desk), settings)
            task = asyncio.create_task(service.run())
            try:
                yield desk
            finally:
                service.stop()
                await task

    return running


@pytest.fixture
def worker_process(environment, tmp_path):
    """Start a worker as its own process; every one that still runs is killed at the end."""
    started = []

    def start(adapter, /, **changes):
        fields = environment(adapter, **changes)
        env = os.environ | {f"WORKER_{name.upper()}": str(value) for name, value in fields.items()}
        log = (tmp_path / f"worker-{len(started)}.log").open("wb")
        argv = [sys.executable, "-m", "provider_workers"]
        process = subprocess.Popen(argv, env=env, stderr=log)  # noqa: S603 (our own words)
        started.append((process, log))
        return process

    yield start
    for process, log in started:
        process.kill()
        process.wait(10)
        log.close()


@pytest.fixture
async def gateway(facts):
    """Stands in for the gateway: takes the vendor's callbacks, checks their address, fires the poll timer."""
    async with WebhookSink() as sink:
        sink.usual_answer = Answer(status=200)  # as the gateway

        async def relay():
            n_taken = 0
            while True:
                await sink.wait_for(lambda all_, n=n_taken: len(all_) > n, timeout_s=600)
                delivery = sink.deliveries[n_taken]
                n_taken += 1
                url = urlsplit(delivery.path)
                *_, provider, job_id, clip_id = url.path.split("/")
                if parse_qs(url.query)["sig"] != [signature_of(clip_id, SECRET)]:
                    continue
                hint = Hint(body=delivery.body.decode(), headers=dict(delivery.headers))
                tick = encode_tick(Tick(job_id=job_id, clip_id=clip_id, hint=hint))
                await Timers(facts.connection, f"provider-workers-{provider}").fire("poll", clip_id, tick)

        task = asyncio.create_task(relay())
        sink.echoes_challenges = True  # as the gateway does
        sink.base_url = sink.url.removesuffix("/webhooks")
        yield sink
        task.cancel()
