"""A vendor's worker on a real bus, a real object store and the simulator; facts are watched as they are written."""

import asyncio
import os
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import msgspec
import pytest
from provider_workers.app import build_desk, register
from provider_workers.handlers import Handlers
from provider_workers.settings import Settings
from router.adapters.ledger import Ledger
from router.domain.money import corrections, holds_of
from router.domain.state import fold
from runtime.budgets import Limits
from runtime.catalog import load_catalog
from runtime.clock import utc_clock
from runtime.objects import open_objects
from runtime.service import open_service
from runtime.settings import ServiceSettings
from testkit.lineup import CATALOG, dialects
from testkit.orders import Orders, callback_relay, orders_on
from testkit.simulated import WEBHOOK_SECRETS

SECRET = "callback-secret"
TENANT = "acme"
DIALECTS = dialects()


def pytest_generate_tests(metafunc):
    """Run every test that asks for `any_adapter` over all registered adapters."""
    if "any_adapter" in metafunc.fixturenames:
        metafunc.parametrize("any_adapter", sorted(DIALECTS))


async def holds(condition, *, timeout_s=30):
    """Wait until a condition holds that nothing tells of."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.fixture
def until():
    return holds


class Bus(Orders):
    """Orders by the name of an adapter."""

    async def order(self, adapter, prompt="a red ball on a table", **changes):
        return await super().order(DIALECTS[adapter], prompt, **changes)

    async def order_together(self, adapter, prompt="a red ball on a table", **changes):
        return await super().order_together(DIALECTS[adapter], prompt, **changes)


@pytest.fixture
async def facts(bus):
    async with orders_on(bus, Bus) as watched:
        yield watched


@pytest.fixture
def environment(nats_url, s3, s3_bucket, simulator_url):
    """Settings of a worker by adapter."""

    def settings(adapter, /, **changes):
        provider = DIALECTS[adapter].provider
        return {
            "provider": provider,
            "adapter": adapter,
            "catalog": str(CATALOG),
            "base_url": f"{simulator_url}/{provider}",
            "api_key": f"sim-{provider}-key",
            "webhook_secret": WEBHOOK_SECRETS.get(provider, ""),
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
            desk = await build_desk(settings, lambda: vendor, service=service, objects=objects, client=client)
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
    async with callback_relay(facts, secret=SECRET) as sink:
        yield sink


class Books:
    """The router's own ledger, fed by the facts as the router feeds it."""

    def __init__(self, ledger, log) -> None:
        self.ledger = ledger
        self.log = log

    async def hold(self, *orders):
        """Hold the money for clips of one job."""
        assert await self.ledger.hold(TENANT, orders[0].job_id, holds_of(orders), sequence=0)

    async def settle(self, order):
        """Do what the router does when the fate of a job's clips is known; the scoring is not charged here."""
        history = await self.log.history(order.job_id)
        entries = (await self.ledger.look(TENANT, order.job_id)).entries
        wanted = corrections(entries, fold(history.events).clips, has_ended=False)
        if wanted:
            await self.ledger.correct(TENANT, order.job_id, wanted, sequence=history.last_sequence)

    async def account(self, order):
        return (await self.ledger.look(TENANT, order.job_id)).entries[order.clip_id].account


@pytest.fixture
async def books(nats_url, facts):
    async with open_service("testing", ServiceSettings(nats_url=nats_url)) as service:
        budgets, tenants = await service.bucket("budgets"), await service.bucket("tenants")
        limits = Limits(total=10**12)
        ledger = Ledger(budgets, tenants, tell=facts.log.append_fact, clock=utc_clock, defaults=limits)
        yield Books(ledger, facts.log)
