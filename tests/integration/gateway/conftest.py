"""The gateway on real servers: NATS, SecantusDB and SeaweedFS, spoken to over ASGI."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from gateway import projector
from gateway.app import Parts, build_app, open_parts
from gateway.settings import GatewaySettings, ProjectorSettings
from pydantic import SecretStr
from testkit.clients import delete_all_streams, drop_database
from testkit.servers import NatsServer, S3Server, Server

KEY = "dk_test"
ADMIN_KEY = "admin-test"
CALLBACK_SECRET = "callback-test"
TENANT = "acme"
CATALOG = Path(__file__).parents[3] / "deploy" / "catalog.toml"


class Gateway(NamedTuple):
    """A gateway as a test uses it.

    Attributes:
        http: A tenant's client.
        admin: An administrator's client.
        stranger: A client without a key.
    """

    http: httpx.AsyncClient
    admin: httpx.AsyncClient
    stranger: httpx.AsyncClient
    parts: Parts
    settings: GatewaySettings


@pytest.fixture(scope="module")
def settings(nats_process: NatsServer, mongo_process: Server, s3: S3Server) -> Iterator[GatewaySettings]:
    """A gateway of the module's own: an empty bus, a database and a bucket that nobody else uses."""
    asyncio.run(delete_all_streams(nats_process.url))
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield GatewaySettings(
        nats_url=nats_process.url,
        mongo_url=mongo_process.url,
        mongo_database=name,
        **s3.settings(name),
        admin_key=SecretStr(ADMIN_KEY),
        callback_secret=SecretStr(CALLBACK_SECRET),
        bootstrap_api_key=SecretStr(KEY),
        bootstrap_tenant=TENANT,
        catalog=CATALOG,
        api_key_ttl_s=0.0,
        port=0,
    )
    drop_database(mongo_process.url, name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """Opening a gateway takes most of a second, so a module shares one; its tests use jobs of their own."""
    async with AsyncExitStack() as stack:
        yield await open_gateway(settings, stack)


@pytest.fixture
def job_id() -> str:
    """A job that no other test of the module knows."""
    return f"job_{uuid.uuid4().hex}"


async def open_gateway(settings: GatewaySettings, stack: AsyncExitStack) -> Gateway:
    parts = await open_parts(settings, stack)
    transport = httpx.ASGITransport(build_app(settings, parts), raise_app_exceptions=False)

    async def client(key: str | None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)
        )

    return Gateway(await client(KEY), await client(ADMIN_KEY), await client(None), parts, settings)


@pytest.fixture(scope="module")
def projector_settings(settings: GatewaySettings) -> ProjectorSettings:
    return ProjectorSettings(
        nats_url=settings.nats_url,
        mongo_url=settings.mongo_url,
        mongo_database=settings.mongo_database,
        s3_url=settings.s3_url,
        s3_access_key=settings.s3_access_key,
        s3_secret_key=settings.s3_secret_key,
        s3_bucket=settings.s3_bucket,
        linger_s=0.01,
        heartbeat_s=0.1,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def projecting(gateway: Gateway, projector_settings: ProjectorSettings) -> AsyncIterator[Gateway]:
    """The gateway with a projector at work beside it."""
    async with running(projector.run(projector_settings)):
        yield gateway


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run something beside the test, and stop it afterwards."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture(scope="session")
def run_beside() -> Callable[[Coroutine[Any, Any, None]], AbstractAsyncContextManager[None]]:
    return running


@pytest.fixture(scope="session")
def until() -> Callable[..., Awaitable[Any]]:
    """Ask again until the answer is truthy, and give it."""

    async def asked(holds: Callable[[], Awaitable[Any]], *, timeout_s: float = 30) -> Any:
        async with asyncio.timeout(timeout_s):
            while not (found := await holds()):
                await asyncio.sleep(0.02)
        return found

    return asked


@pytest.fixture(scope="session")
def open_another() -> Callable[[GatewaySettings, AsyncExitStack], Awaitable[Gateway]]:
    """Open a gateway of the test's own."""
    return open_gateway


@pytest_asyncio.fixture(loop_scope="module")
async def tenant(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a tenant that has no jobs yet."""
    name = f"tenant-{uuid.uuid4().hex[:12]}"
    made = await gateway.admin.post(f"/v1/admin/tenants/{name}/keys", json={"name": "test"})
    headers = {"Authorization": f"Bearer {made.json()['key']}", "X-Tenant": name}
    async with httpx.AsyncClient(transport=gateway.http._transport, base_url="http://gateway", headers=headers) as http:
        yield http
