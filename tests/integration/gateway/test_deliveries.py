"""The delivery log, replays and the feed: gateway, projector and notifier together, as a client sees them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from gateway.app import build_app
from gateway.projector import run_rebuild
from gateway.settings import GatewaySettings, ProjectorSettings
from local_stack.webhook_sink import Answer, WebhookSink
from motor.motor_asyncio import AsyncIOMotorClient
from notifier import app as notifier
from notifier.settings import Settings
from runtime.service import open_service
from testkit.builders import job_requested
from testkit.servers import Server
from testkit.stories import job_failed, promoted_job

pytestmark = pytest.mark.asyncio(loop_scope="module")

DELIVERIES = "/v1/webhook-deliveries"


def failed_story(job_id: str, *, tenant_id: str, **request: Any) -> tuple[Any, ...]:
    requested = job_requested(job_id, tenant_id=tenant_id, **request)
    return requested, msgspec.structs.replace(job_failed(requested), occurred_at=datetime.now(UTC))


@pytest_asyncio.fixture(loop_scope="module")
async def local(told: Any, tenant: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The tenant's client of a gateway that takes http:// addresses, as on one machine."""
    settings = told.settings.model_copy(update={"allow_http_webhooks": True})
    transport = httpx.ASGITransport(build_app(settings, told.parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=tenant.headers) as http:
        yield http


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(projecting: Any, settings: GatewaySettings) -> AsyncIterator[Any]:
    """The gateway and the projector with a notifier beside them that gives up after two attempts."""
    changes = Settings(
        nats_url=settings.nats_url,
        allow_private_addresses=True,
        allow_http=True,
        retry_delays_s=(0.01,),
        timeout_s=2.0,
        standing_age_s=0.0,
        circuit_failures=1_000,
    )
    async with open_service("notifier", changes) as service, notifier.installed(service, changes):
        task = asyncio.create_task(service.run(timer_concurrency=8))
        yield projecting
        service.stop()
        await task


@pytest_asyncio.fixture(loop_scope="module")
async def sink(tenant: httpx.AsyncClient) -> AsyncIterator[WebhookSink]:
    """A server of the tenant's."""
    secret = (await tenant.get("/v1/webhook-secret")).json()["webhook_secret"]
    async with WebhookSink(secrets=(secret,)) as opened:
        yield opened


@pytest.fixture
def happen(told: Any, tenant: Any) -> Callable[..., Any]:
    """Lets the tenant have a job; gives its id."""

    async def tell(story: Callable[..., Any] = promoted_job, **request: Any) -> str:
        job_id = f"job_{uuid.uuid4().hex}"
        events = story(job_id, tenant_id=tenant.headers["X-Tenant"], **request)
        for event in events if isinstance(events, tuple) else (events,):
            await told.parts.service.log.append_fact(event)
        return job_id

    return tell


@pytest.fixture
def listed(tenant: Any, until: Any) -> Callable[..., Any]:
    """Waits until the log shows so many deliveries, and gives them."""

    async def wait(n: int, query: str = "limit=100") -> list[dict[str, Any]]:
        async def enough() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = (await tenant.get(f"{DELIVERIES}?{query}")).json()["deliveries"]
            return found if len(found) >= n else []

        shown: list[dict[str, Any]] = await until(enough)
        assert len(shown) == n
        return shown

    return wait


async def test_every_delivery_of_a_job_is_shown_with_its_attempts(
    tenant: Any, happen: Any, listed: Any, sink: WebhookSink
) -> None:
    sink.answer(Answer(status=503, body=b"not now"))
    job_id = await happen(webhook_url=f"{sink.url}?key=secret")
    lines = await listed(12, "state=delivered&limit=100")
    assert {each["topic_id"] for each in lines} == {job_id}
    assert {each["type"] for each in lines} >= {"job.queued", "job.ready", "clip.scored"}
    first = next(each for each in lines if each["sequence"] == 1)
    view = (await tenant.get(f"{DELIVERIES}/{first['id']}")).json()
    assert [(each["number"], each["outcome"], each["response"]) for each in view["attempts"]] == [
        (1, "http.503", "not now"),
        (2, "http.204", ""),
    ]
    assert view["id"] == sink.deliveries[0].webhook_id
    assert "secret" not in str(view)
    assert (await tenant.get(f"{DELIVERIES}?limit=100&type=job.ready")).json()["deliveries"][0]["sequence"] == 12


async def test_pages_go_on_where_the_last_one_ended(tenant: Any, happen: Any, listed: Any, sink: WebhookSink) -> None:
    await happen(webhook_url=sink.url)
    whole, seen, cursor = await listed(12), [], ""
    while cursor is not None:
        page = (await tenant.get(f"{DELIVERIES}?limit=5{cursor and '&cursor=' + cursor}")).json()
        seen += page["deliveries"]
        cursor = page["next_cursor"]
    assert seen == whole


async def test_another_tenant_sees_and_replays_nothing(told: Any, happen: Any, listed: Any, sink: WebhookSink) -> None:
    await happen(job_requested, webhook_url=sink.url)
    (line,) = await listed(1)
    answers = [
        await told.http.get(f"{DELIVERIES}/{line['id']}"),
        await told.http.post(f"{DELIVERIES}/{line['id']}/replay"),
    ]
    assert [each.status_code for each in answers] == [404, 404]
    assert line not in (await told.http.get(f"{DELIVERIES}?limit=100")).json()["deliveries"]


async def test_one_delivery_is_replayed_with_its_id(tenant: Any, happen: Any, listed: Any, sink: WebhookSink) -> None:
    await happen(job_requested, webhook_url=sink.url)
    (line,) = await listed(1)
    assert (await tenant.post(f"{DELIVERIES}/{line['id']}/replay")).status_code == 202
    await sink.wait_for(lambda all_: len(all_) == 2)
    first, second = sink.deliveries
    assert (first.webhook_id, first.body, second.verified) == (second.webhook_id, second.body, True)


async def test_all_that_failed_since_a_time_is_replayed(
    tenant: Any, happen: Any, listed: Any, sink: WebhookSink
) -> None:
    sink.usual_answer = Answer(status=500)
    job_ids = {await happen(job_requested, webhook_url=sink.url) for _ in range(3)}
    await listed(3, "state=failed")
    async with WebhookSink() as other:
        other.usual_answer = Answer(status=500)
        await happen(job_requested, webhook_url=other.url)
        failed = await listed(4, "state=failed")
        mine = next(each["endpoint_id"] for each in failed if each["target"] == sink.url)
        sink.usual_answer = Answer()
        n_before, n_elsewhere = len(sink.deliveries), len(other.deliveries)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        none = await tenant.post(f"{DELIVERIES}/replay", json={"since": tomorrow.isoformat()})
        since = {"since": "2026-01-01T00:00:00Z", "endpoint_id": mine}
        accepted = await tenant.post(f"{DELIVERIES}/replay", json=since)
        await sink.wait_for(lambda all_: len(all_) == n_before + 3)
        assert len(other.deliveries) == n_elsewhere
    assert (none.json()["n_replayed"], accepted.json()) == (0, {"n_replayed": 3, "next_since": None})
    again = sink.deliveries[n_before:]
    assert {each.payload["data"]["job_id"] for each in again} == job_ids
    assert {each.webhook_id for each in again} == {each.webhook_id for each in sink.deliveries[:n_before]}
    await listed(3, "state=delivered")


async def test_a_registered_endpoint_is_told_and_tested(
    local: Any, happen: Any, tenant: Any, until: Any, sink: WebhookSink
) -> None:
    body = {"url": sink.url, "events": ["job.failed"]}
    made = (await local.post("/v1/webhook-endpoints", json=body)).json()
    sink.trust(made["webhook_secret"])
    test = (await local.post(f"/v1/webhook-endpoints/{made['id']}/test")).json()
    delivery = await sink.next()
    assert (delivery.type, delivery.verified, delivery.webhook_id) == ("endpoint.test", True, test["delivery_id"])

    async def shown() -> Any:
        answer = await tenant.get(f"{DELIVERIES}/{test['delivery_id']}")
        return answer.status_code == 200 and answer.json()

    assert (await until(shown))["state"] == "delivered"
    job_id = await happen(failed_story)
    told = await sink.next()
    assert (told.type, told.verified, told.payload["data"]["job_id"]) == ("job.failed", True, job_id)


async def test_the_feed_is_read_in_order_and_goes_on_where_it_was_left(tenant: Any, happen: Any, until: Any) -> None:
    job_id = await happen()

    async def all_there() -> bool:
        return len((await tenant.get("/v1/events?limit=100")).json()["events"]) == 12

    await until(all_there)
    seen: list[dict[str, Any]] = []
    after = "0"
    while True:
        page = (await tenant.get(f"/v1/events?limit=5&after={after}")).json()
        seen += page["events"]
        after = page["next_after"]
        if not page["has_more"]:
            break
    assert [each["data"]["sequence"] for each in seen] == list(range(1, 13))
    assert {each["data"]["job_id"] for each in seen} == {job_id}
    assert (await tenant.get(f"/v1/events?after={after}")).json() == {
        "events": [],
        "next_after": after,
        "has_more": False,
    }
    resumed = (await tenant.get(f"/v1/events?limit=100&after={seen[6]['cursor']}")).json()["events"]
    assert resumed == seen[7:]
    second = await happen(job_requested)

    async def next_there() -> Any:
        return (await tenant.get(f"/v1/events?after={after}")).json()["events"]

    assert [each["data"]["job_id"] for each in await until(next_there)] == [second]


async def test_the_feed_can_be_narrowed_to_some_types(tenant: Any, happen: Any, until: Any) -> None:
    await happen()

    async def both() -> Any:
        found = (await tenant.get("/v1/events?types=job.queued,job.ready&limit=1")).json()
        rest = (await tenant.get(f"/v1/events?types=job.queued,job.ready&after={found['next_after']}")).json()
        types = [each["type"] for each in (*found["events"], *rest["events"])]
        return types if len(types) == 2 else None

    assert await until(both) == ["job.queued", "job.ready"]


@pytest.mark.parametrize("query", ["after=x", "after=-1", "limit=0", "types=job.unheard_of", "page=2"])
async def test_a_feed_that_cannot_be_read_is_refused(told: Any, query: str) -> None:
    assert (await told.http.get(f"/v1/events?{query}")).status_code == 422


@pytest.mark.parametrize("query", ["state=lost", "since=yesterday", "since=2026-01-01", "cursor=x", "endpoint=1"])
async def test_a_log_that_cannot_be_read_is_refused(told: Any, query: str) -> None:
    assert (await told.http.get(f"{DELIVERIES}?{query}")).status_code == 422


async def test_a_lost_delivery_log_is_written_again_from_its_stream(
    tenant: Any, happen: Any, listed: Any, sink: WebhookSink, projector_settings: ProjectorSettings
) -> None:
    sink.answer(Answer(status=503))
    await happen(job_requested, webhook_url=sink.url)
    (line,) = await listed(1, "state=delivered")
    before = (await tenant.get(f"{DELIVERIES}/{line['id']}")).json()
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(projector_settings.mongo_url)
    for name in ("webhook_deliveries", "webhook_attempts"):
        await client[projector_settings.mongo_database][name].delete_many({})
    client.close()
    await run_rebuild(projector_settings, drop=False)
    assert (await tenant.get(f"{DELIVERIES}/{line['id']}")).json() == before
    assert len(before["attempts"]) == 2


async def test_while_mongo_is_away_deliveries_go_on_and_none_is_missing_later(
    tenant: Any, happen: Any, listed: Any, sink: WebhookSink, mongo_process: Server
) -> None:
    await mongo_process.kill()
    job_id = await happen(webhook_url=sink.url)
    await sink.wait_for(lambda all_: len(all_) == 12)
    away = await tenant.get(DELIVERIES)
    await mongo_process.start()
    assert (away.status_code, away.json()["code"]) == (503, "projection.unavailable")
    assert {each["topic_id"] for each in await listed(12)} == {job_id}
