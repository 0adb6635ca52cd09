"""MongoDB stops: jobs go on, lists say that they are stale, and when it is back the projection catches up."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from gateway import projector
from gateway.settings import GatewaySettings, ProjectorSettings
from testkit.servers import Server, mongo_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUP = {"prompt": "a ceramic cup on a walnut desk"}


class Setup(NamedTuple):
    gateway: Any
    mongo: Server


@pytest_asyncio.fixture(loop_scope="module")
async def setup(
    settings: GatewaySettings, projector_settings: ProjectorSettings, open_another: Any, run_beside: Any
) -> AsyncIterator[Setup]:
    async with AsyncExitStack() as stack:
        mongo = await stack.enter_async_context(mongo_server())
        own = {"mongo_url": mongo.url, "mongo_timeout_s": 1.0, "projection_stale_s": 2.0}
        gateway = await open_another(settings.model_copy(update=own), stack)
        projecting = projector.run(projector_settings.model_copy(update={"mongo_url": mongo.url}))
        await stack.enter_async_context(run_beside(projecting))
        yield Setup(gateway, mongo)


async def test_jobs_go_on_and_lists_catch_up(setup: Setup, until: Any) -> None:
    http = setup.gateway.http

    async def page(query: str = "") -> Any:
        return (await http.get(f"/v1/jobs{query}")).json()

    first = (await http.post("/v1/jobs", json=CUP)).json()["job_id"]

    async def the_first_is_listed() -> bool:
        seen = await page()
        return [job["job_id"] for job in seen["jobs"]] == [first] and not seen["stale"]

    await until(the_first_is_listed)
    await setup.mongo.kill()

    second = await http.post("/v1/jobs", json=CUP)
    assert second.status_code == 202
    assert (await http.get(f"/v1/jobs/{second.json()['job_id']}")).json()["state"] == "queued"
    seen = await page()
    assert ([job["job_id"] for job in seen["jobs"]], seen["stale"]) == ([first], True)
    unasked = await http.get("/v1/jobs?state=ready")
    assert (unasked.status_code, unasked.json()["code"]) == (503, "projection.unavailable")
    assert int(unasked.headers["retry-after"]) >= 1

    await setup.mongo.start()

    async def both_are_listed() -> bool:
        seen = await page()
        return len(seen.get("jobs", ())) == 2 and not seen["stale"]

    assert await until(both_are_listed, timeout_s=60)
