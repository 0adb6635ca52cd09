"""A fresh NATS server and a service on it, for the tests that need the runtime and nothing else."""

from collections.abc import AsyncIterator

import pytest
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
