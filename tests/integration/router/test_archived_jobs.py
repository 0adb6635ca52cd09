"""What the router makes of jobs whose facts were archived: money, and what is learned."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest
from assets.archiving import Archiving
from dailies_contracts import ClipRequested
from router.adapters.bookkeeping import Bookkeeping
from router.adapters.market import MarketBoard
from router.app import open_shared
from router.learning import Learning
from router.relearn import relearn
from runtime.archive import open_archive
from runtime.catalog import Catalog
from runtime.objects import open_objects
from runtime.service import Service, open_service
from runtime.settings import S3Settings, ServiceSettings
from testkit.builders import NOW, clip_ready, clip_scored, clip_settled, job_requested, prompt_compiled
from testkit.servers import S3Server
from testkit.stories import promoted_job


class Settings(ServiceSettings, S3Settings):
    """Of a service that reads archived jobs."""


@pytest.fixture
def settings(bus_url: str, s3: S3Server, s3_bucket: str) -> Settings:
    return Settings(
        nats_url=bus_url,
        **s3.settings(s3_bucket),
    )


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with open_service("testing", settings) as opened:
        yield opened


@pytest.fixture
async def archiving(service: Service, settings: Settings, archiving_beside: Any) -> AsyncIterator[Archiving]:
    async with open_objects(settings) as objects:
        yield await archiving_beside(service, objects)


async def test_a_refund_after_the_archive_is_booked_once_and_the_books_can_be_rebuilt(
    desk: Any, catalog: Catalog, archiving: Archiving, service: Service
) -> None:
    desk.clock.now = NOW
    advance = await desk.advance(service.log, desk.replica(), catalog)
    for event in (job_requested("job_a", quality="draft"), prompt_compiled("job_a")):
        await service.log.append_fact(event)
    await advance("job_a")
    drafts = (await service.log.history("job_a")).all(ClipRequested)
    for draft in drafts:
        for fact in (clip_ready(draft), clip_scored(draft)):
            await service.log.append_fact(fact)
    await advance("job_a")
    await service.timers.cancel("look", "job_a")  # it went off when the job was running
    assert await archiving.round() == 1
    spent = (await desk.record()).spent_usd_micros
    await service.log.append_fact(clip_settled(drafts[0]))
    for _ in range(2):
        await advance("job_a")
    refunded = spent - (await desk.record()).spent_usd_micros
    assert 0 < refunded < spent
    assert await archiving.round() == 1
    await advance("job_a")
    books = Bookkeeping(log_of_jobs=service.log, connection=service.connection, budgets=desk.budgets, clock=desk.clock)
    assert await books.check() == []
    for entry in await desk.budgets.entries():
        await desk.budgets.delete(entry.key)
    await books.rebuild()
    assert spent - (await desk.record()).spent_usd_micros == refunded


async def test_what_was_learned_is_learned_again_from_the_archive(
    service: Service, settings: Settings, catalog: Catalog, archiving: Archiving
) -> None:
    story = promoted_job("job_a")
    for event in story:
        await service.log.append_fact(event)
    shared = await open_shared(service)

    def fresh() -> Learning:
        board = MarketBoard(shared.market, shared.turns, learning=lambda: catalog.policy.learning)
        return Learning(log=service.log, board=board, catalog=lambda: catalog)

    await fresh().on_events(story)
    before = {each.key: msgspec.json.decode(each.value) for each in await shared.market.entries()}
    assert before
    await archiving.round()
    for key in before:
        await shared.market.delete(key)
    async with AsyncExitStack() as stack:
        archive = open_archive(settings, stack)
        for _ in range(2):
            assert await relearn(fresh(), service.connection, archive) > 0
    assert {each.key: msgspec.json.decode(each.value) for each in await shared.market.entries()} == before
