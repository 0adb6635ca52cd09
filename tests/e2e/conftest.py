"""One whole stack for the session, two routers and two projectors in it, seen over HTTP, the bus and the ledger."""

from collections.abc import AsyncIterator, Iterator

import pytest
from local_stack.plan import Options
from local_stack.stack import Stack
from testkit.client import Client, open_client
from testkit.sinks import WebhookSink

SWEEPS_OFTEN = {"PROJECTOR_SWEEP_EVERY_S": "1", "PROJECTOR_STANDING_S": "5"}
"""A minute and five minutes in life: what is simulated lives faster."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, running; processes that a test killed are started again by that test."""
    options = Options(default_ports=False, replicas={"router": 2, "projector": 2}, env={"projector": SWEEPS_OFTEN})
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
