"""One whole stack for the session, with two routers, seen over HTTP, the bus and the simulator's ledger."""

from collections.abc import AsyncIterator, Iterator

import pytest
from local_stack.plan import Options
from local_stack.stack import Stack
from testkit.client import Client, open_client
from testkit.sinks import WebhookSink


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, running; processes that a test killed are started again by that test."""
    options = Options(default_ports=False, replicas={"router": 2})
    running = Stack(tmp_path_factory.mktemp("stack"), options)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    async with open_client(stack.facts) as opened:
        yield opened


@pytest.fixture
async def webhooks(client: Client) -> AsyncIterator[WebhookSink]:
    secret = (await client.http.get("/v1/webhook-secret")).json()["webhook_secret"]
    async with WebhookSink(secrets=(secret,)) as sink:
        yield sink
