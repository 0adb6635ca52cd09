from typing import Any

import pytest
from dailies_contracts import ClipRequested, Event
from router.adapters.bookkeeping import Bookkeeping
from router.domain.books import tenant_key
from runtime.catalog import Catalog
from testkit.builders import NOW, clip_failed, clip_ready, clip_scored, clip_settled, job_requested, prompt_compiled


@pytest.fixture
async def books(desk: Any, catalog: Catalog) -> Bookkeeping:
    """The records of three jobs, as routers left them: one ended, one with a lost clip, one at its beginning."""
    desk.clock.now = NOW
    log = desk.service.log
    advance = await desk.advance(log, desk.replica(total=1_000_000_000), catalog)

    async def happens(*events: Event) -> list[ClipRequested]:
        for event in events:
            await log.append_fact(event)
        await advance(events[0].job_id)
        return [each for each in (await log.history(events[0].job_id)).events if isinstance(each, ClipRequested)]

    for job_id in ("job_ended", "job_lost", "job_new"):
        drafts = await happens(job_requested(job_id, quality="draft"), prompt_compiled(job_id))
        if job_id == "job_ended":
            await happens(*(fact for draft in drafts for fact in (clip_ready(draft), clip_scored(draft))))
            await happens(clip_settled(drafts[0]))
        if job_id == "job_lost":
            await happens(clip_failed(drafts[0], kind="outcome_unknown", may_still_bill=True))
    return Bookkeeping(log_of_jobs=log, connection=desk.service.connection, budgets=desk.budgets, clock=desk.clock)


async def all_records(desk: Any) -> dict[str, Any]:
    sums = await desk.record()
    clips = {job: await desk.accounts(job) for job in ("job_ended", "job_lost", "job_new")}
    return {"sums": (sums.spent_usd_micros, sums.held_usd_micros, sums.periods)} | clips


async def test_a_rebuild_of_lost_records_gives_the_same_ledger(desk: Any, books: Bookkeeping) -> None:
    assert await books.check() == []
    before = await all_records(desk)
    assert min(before["sums"][:2]) > 0
    for entry in await desk.budgets.entries():
        await desk.budgets.delete(entry.key)
    assert len(await books.check()) > 1
    await books.rebuild()
    assert await books.check() == []
    assert await all_records(desk) == before


async def test_a_record_that_was_tampered_with_is_found_and_put_right(desk: Any, books: Bookkeeping) -> None:
    found = await desk.budgets.get(tenant_key("acme"))
    await desk.budgets.put(found.key, found.value.replace(b'"spent_usd_micros":', b'"spent_usd_micros":1', 1))
    assert [each.key for each in await books.check()] == [tenant_key("acme")]
    assert len(await books.rebuild()) == 1
    assert await books.check() == []


async def test_the_ledger_goes_on_from_rebuilt_records(desk: Any, books: Bookkeeping, catalog: Catalog) -> None:
    for entry in await desk.budgets.entries():
        await desk.budgets.delete(entry.key)
    await books.rebuild()
    advance = await desk.advance(desk.service.log, desk.replica(), catalog)
    history = await desk.service.log.history("job_new")
    for order in history.all(ClipRequested):
        for fact in (clip_ready(order), clip_scored(order)):
            await desk.service.log.append_fact(fact)
    await advance("job_new")
    assert await books.check() == []
