"""A fresh NATS server and a service on it, for the tests that need the runtime and nothing else."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from assets.adapters.stream import FactStream
from assets.archiving import Archiving
from runtime.clock import utc_clock
from runtime.legal_holds import BUCKET, LegalHolds
from runtime.objects import ObjectStore
from runtime.retention import Retention
from runtime.service import Service, open_service
from runtime.settings import ServiceSettings
from testkit.servers import nats_server


@pytest.fixture
async def bus_url() -> AsyncIterator[str]:
    async with nats_server() as server:
        yield server.url


@pytest.fixture
async def service(bus_url: str) -> AsyncIterator[Service]:
    async with open_service("testing", ServiceSettings(nats_url=bus_url)) as opened:
        yield opened


@pytest.fixture(scope="session")
def archiving_beside() -> Callable[[Service, ObjectStore], Awaitable[Archiving]]:
    """Make what archives jobs, on the connection of another service, four days on: what a test wrote is old then."""

    async def made(service: Service, objects: ObjectStore) -> Archiving:
        return Archiving(
            stream=FactStream(service.connection),
            log_of_jobs=service.log,
            objects=objects,
            keeper=Retention(objects),
            holds=LegalHolds(await service.bucket(BUCKET)),
            clock=lambda: utc_clock() + timedelta(days=4),
            hot=timedelta(hours=72),
        )

    return made
