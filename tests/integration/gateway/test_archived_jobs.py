"""A job whose facts were archived is shown, listed, rated, erased and rebuilt as before."""

from collections.abc import Callable
from typing import Any

import bson
import pytest
import pytest_asyncio
from assets.archiving import Archiving
from dailies_contracts import VIDEO, ClipRequested, FeedbackGiven
from gateway.projector import run_rebuild
from gateway.settings import GatewaySettings
from motor.motor_asyncio import AsyncIOMotorClient
from runtime.direct_get import DirectGet
from testkit.stories import feedback_given, promoted_job

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def archiving(gateway: Any, archiving_beside: Any) -> Archiving:
    made: Archiving = await archiving_beside(gateway.parts.service, gateway.parts.objects)
    return made


@pytest_asyncio.fixture(loop_scope="module")
async def old_job(
    projecting: Any, tenant: Any, archiving: Archiving, until: Callable[..., Any], job_id: str
) -> tuple[Any, ...]:
    """A job that ended, and was archived once the projector had heard of it."""
    story = promoted_job(job_id, tenant_id=tenant.headers["x-tenant"])
    service = projecting.parts.service
    for event in story:
        await service.log.append_fact(event)

    async def is_archived() -> bool:
        await archiving.round()
        stored = await DirectGet(service.connection).last_of_each(VIDEO, (f"video.v1.{job_id}.>",))
        return [each.subject.split(".")[3] for each in stored] == ["job_requested", "job_archived"]

    await until(is_archived)
    return story


async def test_it_is_shown_with_its_whole_timeline(tenant: Any, old_job: tuple[Any, ...], job_id: str) -> None:
    job = (await tenant.get(f"/v1/jobs/{job_id}")).json()
    assert [entry["event"] for entry in job["timeline"]] == [type(event).__name__ for event in old_job]
    assert job["state"] == "ready"
    asset_id = next(event for event in old_job if isinstance(event, ClipRequested)).clip_id
    answer = await tenant.get(f"/v1/assets/{asset_id}/provenance")
    assert answer.json()["code"] == "asset.no_record", "the clip leads to its job; nobody wrote a record of it"
    assert (await tenant.get("/v1/assets/clip_of_nobody/provenance")).json()["code"] == "asset.unknown"


async def test_it_is_rated_once_also_when_the_rating_is_archived(
    gateway: Any, tenant: Any, archiving: Archiving, old_job: tuple[Any, ...], job_id: str, until: Callable[..., Any]
) -> None:
    given = feedback_given(next(event for event in old_job if isinstance(event, ClipRequested)))
    body = {"clip_id": given.clip_id, "author": given.author, "rating": given.rating}

    async def rating_is_archived() -> bool:
        await archiving.round()
        stored = await DirectGet(gateway.parts.service.connection).last_of_each(VIDEO, (f"video.v1.{job_id}.>",))
        return all("feedback_given" not in each.subject for each in stored)

    answer = await tenant.post(f"/v1/jobs/{job_id}/feedback", json=body)
    assert answer.is_success, answer.text
    await until(rating_is_archived)
    assert (await tenant.post(f"/v1/jobs/{job_id}/feedback", json=body)).status_code == answer.status_code
    assert (await tenant.post(f"/v1/jobs/{job_id}/feedback", json={**body, "rating": 1})).status_code == 409
    history = await gateway.parts.service.log.history(job_id)
    assert [each.rating for each in history.all(FeedbackGiven)] == [given.rating]


async def test_its_idempotency_key_still_names_it(
    gateway: Any, tenant: Any, archiving: Archiving, until: Callable[..., Any]
) -> None:
    body, key = {"prompt": "a ceramic cup"}, {"Idempotency-Key": "the-same"}
    first = await tenant.post("/v1/jobs", json=body, headers=key)
    job_id = first.json()["job_id"]
    for event in promoted_job(job_id, tenant_id=tenant.headers["x-tenant"])[1:]:
        await gateway.parts.service.log.append_fact(event)

    async def is_archived() -> bool:
        await archiving.round()
        stored = await DirectGet(gateway.parts.service.connection).last_of_each(VIDEO, (f"video.v1.{job_id}.>",))
        return len(stored) == 2

    await until(is_archived)
    assert (await tenant.post("/v1/jobs", json=body, headers=key)).json()["job_id"] == job_id
    other = await tenant.post("/v1/jobs", json={"prompt": "a tin cup"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency.key_reused")


@pytest.mark.usefixtures("old_job")
async def test_a_rebuild_from_archive_and_stream_gives_the_same_documents(
    settings: GatewaySettings,
    tenant: Any,
    projector_settings: Any,
    until: Callable[..., Any],
    job_id: str,
    gateway: Any,
) -> None:
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(settings.mongo_url, tz_aware=True)
    stored = client[settings.mongo_database]["jobs"]
    last = (await gateway.parts.service.log.history(job_id)).last_sequence
    live = next(iter(promoted_job(f"{job_id}-live", tenant_id=tenant.headers["x-tenant"])))
    await gateway.parts.service.log.append_fact(live)

    async def documents() -> dict[str, bytes]:
        query = {"tenant_id": tenant.headers["x-tenant"]}
        return {each["_id"]: bson.encode(each) async for each in stored.find(query)}

    async def both_are_current() -> bool:
        found = await stored.find_one({"_id": job_id})
        return found is not None and found["last_sequence"] == last and len(await documents()) == 2

    await until(both_are_current)
    before = await documents()
    await run_rebuild(projector_settings, drop=True)
    assert await documents() == before
    client.close()
