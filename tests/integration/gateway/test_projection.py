"""The projection: lists follow the log, and can be built anew from it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import bson
import msgspec
import pytest
import pytest_asyncio
from gateway.adapters.mongo import JobDocuments, open_documents
from gateway.domain.views import job_view
from gateway.projection.documents import document_of
from gateway.projector import run_rebuild
from gateway.settings import GatewaySettings
from motor.motor_asyncio import AsyncIOMotorClient
from runtime.dead_letters import list_dead_letters
from testkit.builders import job_requested
from testkit.stories import promoted_job

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUP = {"prompt": "a ceramic cup on a walnut desk"}


@pytest_asyncio.fixture(loop_scope="module")
async def stored(settings: GatewaySettings) -> AsyncIterator[Any]:
    """The collection itself."""
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(settings.mongo_url, tz_aware=True)
    yield client[settings.mongo_database]["jobs"]
    client.close()


@pytest_asyncio.fixture(loop_scope="module")
async def documents(settings: GatewaySettings) -> AsyncIterator[JobDocuments]:
    async with open_documents(settings.mongo_url, settings.mongo_database, timeout_s=10) as opened:
        yield opened


async def tell(gateway: Any, *events: Any) -> None:
    for event in events:
        await gateway.parts.service.log.append_fact(event)


async def listed(http: Any, query: str = "") -> list[str]:
    answer = await http.get(f"/v1/jobs?{query}")
    return [job["job_id"] for job in answer.json()["jobs"]]


async def test_jobs_are_listed_newest_first(projecting: Any, tenant: Any, until: Any) -> None:
    posted = [(await tenant.post("/v1/jobs", json={**CUP, "metadata": {"n": str(n)}})).json() for n in range(3)]
    newest_first = [each["job_id"] for each in reversed(posted)]

    async def all_are_there() -> bool:
        return await listed(tenant) == newest_first

    assert await until(all_are_there)
    page = (await tenant.get("/v1/jobs")).json()
    assert (page["jobs"][0]["state"], page["jobs"][0]["request"]["metadata"]) == ("queued", {"n": "2"})
    assert page["next_cursor"] is None
    assert (await projecting.http.get(f"/v1/jobs/{newest_first[0]}")).status_code == 404


@pytest.mark.usefixtures("projecting")
async def test_pages_go_on_where_the_last_one_ended(tenant: Any, until: Any) -> None:
    for _ in range(5):
        await tenant.post("/v1/jobs", json=CUP)

    async def five_are_there() -> bool:
        return len(await listed(tenant)) == 5

    await until(five_are_there)
    whole, seen, cursor = await listed(tenant), [], ""
    while cursor is not None:
        page = (await tenant.get(f"/v1/jobs?limit=2{cursor and '&cursor=' + cursor}")).json()
        seen += [job["job_id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
    assert seen == whole


async def test_jobs_are_listed_by_state(projecting: Any, tenant: Any, until: Any, job_id: str) -> None:
    name = tenant.headers["x-tenant"]
    await tell(projecting, *promoted_job(job_id, tenant_id=name), job_requested(f"{job_id}-2", tenant_id=name))

    async def both_are_there() -> bool:
        return await listed(tenant, "state=ready") == [job_id] and await listed(tenant, "state=queued") == [
            f"{job_id}-2"
        ]

    assert await until(both_are_there)
    line = (await tenant.get("/v1/jobs?state=ready")).json()["jobs"][0]
    job = (await tenant.get(f"/v1/jobs/{job_id}")).json()
    assert {name: job[name] for name in line} == line


@pytest.mark.usefixtures("projecting")
async def test_a_list_says_how_fresh_it_is(tenant: Any, until: Any) -> None:
    async def is_fresh() -> bool:
        page = (await tenant.get("/v1/jobs")).json()
        return page["stale"] is False and page["as_of"] is not None

    assert await until(is_fresh)


async def test_a_job_published_on_the_bus_is_listed_like_any_other(
    projecting: Any, tenant: Any, until: Any, job_id: str
) -> None:
    await tell(projecting, job_requested(job_id, tenant_id=tenant.headers["x-tenant"]))

    async def is_there() -> bool:
        return await listed(tenant) == [job_id]

    assert await until(is_there)


async def test_an_older_document_never_overwrites_a_newer_one(
    documents: JobDocuments, stored: Any, job_id: str
) -> None:
    newer, older = job_view(promoted_job(job_id)), job_view(promoted_job(job_id)[:3])
    assert newer is not None
    assert older is not None
    for view, sequence in ((newer, 13), (older, 3), (newer, 13), (older, 12)):
        await documents.save([document_of(view, last_sequence=sequence)])
    found = await stored.find_one({"_id": job_id})
    assert (found["state"], found["last_sequence"]) == ("ready", 13)


async def test_a_malformed_event_and_a_job_that_cannot_be_stored_are_dead_letters(
    projecting: Any, tenant: Any, until: Any, job_id: str
) -> None:
    name = tenant.headers["x-tenant"]
    connection = projecting.parts.service.connection
    await connection.jetstream().publish(f"video.v1.{job_id}.nonsense", b"{")
    unstorable = job_requested(f"{job_id}-null", tenant_id=name, metadata={"a\x00b": "1"})
    await tell(projecting, unstorable, job_requested(job_id, tenant_id=name))

    async def the_good_one_is_there() -> bool:
        return await listed(tenant) == [job_id]

    async def both_are_dead_letters() -> bool:
        letters = [each for each in await list_dead_letters(connection) if each.consumer == "projector"]
        return {letter.subject.split(".")[2] for letter in letters} >= {job_id, unstorable.job_id}

    assert await until(the_good_one_is_there)
    assert await until(both_are_dead_letters)


async def test_a_rebuild_gives_the_same_documents_byte_for_byte(
    projecting: Any, tenant: Any, until: Any, job_id: str, stored: Any, projector_settings: Any
) -> None:
    name = tenant.headers["x-tenant"]
    stories = [
        promoted_job(f"{job_id}-{n}", tenant_id=name, metadata={"b.c": "1", "$a": "2"})[: n + 1] for n in range(13)
    ]
    for story in stories:
        await tell(projecting, *story)
    last = {story[0].job_id: len(story) for story in stories}

    async def documents_now() -> dict[str, bytes]:
        return {each["_id"]: bson.encode(each) async for each in stored.find({"tenant_id": name})}

    async def all_are_written() -> bool:
        found = {each["_id"]: len(each["timeline"]) async for each in stored.find({"tenant_id": name})}
        return found == last

    await until(all_are_written)
    before = await documents_now()
    await stored.insert_one({"_id": "job_leftover", "tenant_id": name, "last_sequence": 1})
    await stored.update_one({"_id": stories[0][0].job_id}, {"$set": {"state": "wrong"}})
    await run_rebuild(projector_settings, drop=False)
    assert set(await documents_now()) == {*before, "job_leftover"}  # it may be all that is left of a job
    await run_rebuild(projector_settings, drop=True)
    assert await documents_now() == before


async def test_replicas_that_start_together_on_an_empty_store_all_write(mongo_url: str, mongo_database: str) -> None:
    view = job_view(promoted_job("job_first"), trace_id="")
    assert view is not None
    document = document_of(view, last_sequence=1)
    async with AsyncExitStack() as stack:
        opened = [open_documents(mongo_url, mongo_database, timeout_s=20) for _ in range(4)]
        replicas = [await stack.enter_async_context(each) for each in opened]
        await asyncio.gather(*(each.save([document]) for each in replicas))
        client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(mongo_url)
        jobs = client[mongo_database]["jobs"]
        assert await jobs.count_documents({}) == 1
        assert {"newest", "newest_by_state", "standing", "owed"} <= set(await jobs.index_information())
        client.close()


@pytest.mark.usefixtures("projecting")
async def test_a_list_is_stale_while_a_rebuild_has_not_ended(documents: JobDocuments, tenant: Any) -> None:
    await documents.save_rebuilding(True)
    assert (await tenant.get("/v1/jobs")).json()["stale"] is True
    await documents.save_rebuilding(False)


async def test_the_trace_of_a_job_is_in_its_view(gateway: Any) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    posted = await gateway.http.post("/v1/jobs", json=CUP, headers=headers)
    job = (await gateway.http.get(f"/v1/jobs/{posted.json()['job_id']}")).json()
    assert job["trace_id"] == trace_id
    assert msgspec.json.decode(msgspec.json.encode(job)) == job
