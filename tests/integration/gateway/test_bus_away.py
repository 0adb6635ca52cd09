"""The bus stops: requests get an honest 503 and no half-made job; when it is back the gateway goes on by itself."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from gateway.settings import GatewaySettings
from testkit.servers import NatsServer, nats_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUP = {"prompt": "a ceramic cup on a walnut desk"}
SAME = {"Idempotency-Key": "once"}


class Setup(NamedTuple):
    gateway: Any
    nats: NatsServer


@pytest_asyncio.fixture(loop_scope="module")
async def setup(settings: GatewaySettings, open_another: Any) -> AsyncIterator[Setup]:
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(nats_server())
        own = settings.model_copy(update={"nats_url": nats.url, "api_key_ttl_s": 600.0})
        yield Setup(await open_another(own, stack), nats)


async def test_a_request_that_may_be_lost_can_be_sent_again(setup: Setup, until: Any) -> None:
    http = setup.gateway.http
    job_id = (await http.post("/v1/jobs", json=CUP)).json()["job_id"]
    await setup.nats.kill()

    for answer in (await http.post("/v1/jobs", json=CUP, headers=SAME), await http.get(f"/v1/jobs/{job_id}")):
        assert (answer.status_code, answer.json()["code"]) == (503, "service.unavailable")
        assert int(answer.headers["retry-after"]) >= 1

    await setup.nats.start()

    async def is_taken() -> Any:
        answer = await http.post("/v1/jobs", json=CUP, headers=SAME)
        return answer if answer.status_code == 202 else None

    again = await until(is_taken, timeout_s=60)
    assert (await http.get(f"/v1/jobs/{again.json()['job_id']}")).json()["state"] == "queued"
    assert (await http.get(f"/v1/jobs/{job_id}")).json()["state"] == "queued"
