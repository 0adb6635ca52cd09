"""Pytest fixtures over private servers; pytest loads them wherever testkit is installed.

One server of each kind serves the whole session; every test gets an empty place of its own on it. The clients are
imported by the fixtures that need them: they take most of a second, which unit tests should not wait for.
"""

import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest

from testkit.clock import FakeClock
from testkit.servers import NatsServer, S3Server, Server, new_mongo_server, new_nats_server, new_s3_server, started

if TYPE_CHECKING:
    from nats.aio.client import Client

    from testkit.simulated import SimulatorControl


@pytest.fixture(scope="session")
def nats_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """The session's nats-server, with whatever the last test left on it; tests want `nats_url`."""
    folder = tmp_path_factory.mktemp("nats")
    server = started(lambda: new_nats_server(folder))
    yield server
    server.process.stop()


@pytest.fixture
async def nats_url(nats_process: NatsServer) -> str:
    """Address of a nats-server without any stream, consumer or bucket; not to be killed (use `nats_server`)."""
    from testkit.clients import delete_all_streams  # noqa: PLC0415 - see the module's docstring

    await delete_all_streams(nats_process.url)
    return nats_process.url


@pytest.fixture
async def bus(nats_url: str) -> "AsyncIterator[Client]":
    """A client connected to an empty nats-server."""
    from testkit.clients import connect  # noqa: PLC0415 - see the module's docstring

    client = await connect(nats_url)
    yield client
    await client.close()


@pytest.fixture(scope="session")
def mongo_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The session's document store."""
    folder = tmp_path_factory.mktemp("mongo")
    server = started(lambda: new_mongo_server(folder))
    yield server
    server.process.kill()


@pytest.fixture(scope="session")
def mongo_url(mongo_process: Server) -> str:
    """Address of the session's document store; use a database of your own (`mongo_database`)."""
    return mongo_process.url


@pytest.fixture
def mongo_database(mongo_url: str) -> Iterator[str]:
    """Name of a database that no other test uses; dropped afterwards."""
    from testkit.clients import drop_database  # noqa: PLC0415 - see the module's docstring

    name = f"test_{uuid.uuid4().hex[:12]}"
    yield name
    drop_database(mongo_url, name)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The session's object store; use a bucket of your own (`s3_bucket`)."""
    folder = tmp_path_factory.mktemp("s3")
    server = started(lambda: new_s3_server(folder))
    yield server
    server.process.kill()


@pytest.fixture
def s3_bucket(s3: S3Server) -> Iterator[str]:
    """Name of an empty bucket that no other test uses; gone afterwards, because each takes a volume of the store."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see the module's docstring

    from testkit.clients import s3_client  # noqa: PLC0415

    name = f"test-{uuid.uuid4().hex[:12]}"
    with contextlib.closing(s3_client(s3)) as client:
        client.create_bucket(Bucket=name)
    yield name
    # One that cannot be given back at once stays: there is room for fifty of them.
    with (
        contextlib.closing(s3_client(s3, patience_s=5.0)) as client,
        contextlib.suppress(BotoCoreError, ClientError),
    ):
        client.delete_bucket(Bucket=name)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until it is advanced."""
    return FakeClock()


@pytest.fixture(scope="session")
def simulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the session's simulated vendors: quick, with small clips, with whatever the last test left there."""
    from testkit.simulated import WEBHOOK_SECRETS, simulator_process  # noqa: PLC0415 - see the module's docstring

    folder = tmp_path_factory.mktemp("simulator")
    secrets = [f"--webhook-secret={vendor}={secret}" for vendor, secret in WEBHOOK_SECRETS.items()]
    with simulator_process(folder, "--small-clips", "--time-compression", "400", *secrets) as url:
        yield url


@pytest.fixture
async def simulator(simulator_url: str) -> "AsyncIterator[SimulatorControl]":
    """The session's simulated vendors by their control API, without tasks and faults."""
    from testkit.simulated import SimulatorControl  # noqa: PLC0415 - see the module's docstring

    async with SimulatorControl(simulator_url) as control:
        yield control
