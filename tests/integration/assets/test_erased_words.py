"""With the last file of a job that is deleted on request, its words go too, from the archive and from the stream."""

from operator import methodcaller
from typing import Any

import pytest
from assets.keeping import EraseWish, HoldWish
from dailies_contracts import (
    VIDEO,
    AssetDeleted,
    ClipRequested,
    JobCompleted,
    JobRequested,
    job_filter,
)
from msgspec import json as msgspec_json
from runtime.job_index import requested_jobs
from runtime.timers import Due
from testkit.builders import NOW
from testkit.stories import promoted_job

JOB = "job_old"


async def test_when_all_files_of_a_job_are_erased_so_are_its_words(house: Any) -> None:
    story = promoted_job(JOB, prompt="a secret garden")
    await house.store.tell(*story)
    await house.replica().round()
    assert b"secret garden" in house.read(house.parts()[0])
    orders = [event for event in story if isinstance(event, ClipRequested)]
    await house.desk.holds.begin_erasure(JOB, tuple(order.clip_id for order in orders))
    handlers = type(house.store.handlers)(house.desk, house.replica())
    for order in orders:
        wish = EraseWish(job_id=JOB, clip_id=order.clip_id, reason="asked for")
        await handlers.on_erase_due(Due("erase", order.clip_id, msgspec_json.encode(wish), {}))
    assert (await house.mark()).erased
    assert "job_requested" not in await house.facts_in_stream()
    bodies = house.every_version()
    stream = await house.reader.last_of_each(VIDEO, (job_filter(JOB),))
    assert len(bodies) == 1
    assert not any(b"secret" in body for body in (*bodies, *(each.body for each in stream)))
    after = await house.log.history(JOB)
    assert [type(event) for event in after.events[: len(story)]] == [type(event) for event in story]
    assert len(after.all(AssetDeleted)) == len(orders)
    assert after.first(JobCompleted).cost_usd_micros == 620_000
    assert after.first(JobRequested).request.prompt == ""
    assert [job_id async for page in requested_jobs(house.bus) for job_id in page] == [JOB]
    assert await house.facts_in_stream() == ["job_archived"]
    assert await house.replica().round() == 0


@pytest.mark.parametrize("after", [False, True])
async def test_killed_at_any_write_while_words_are_erased_none_are_left_in_the_end(house: Any, *, after: bool) -> None:
    n, died = 0, True
    while died:
        n += 1
        job_id = f"job_erased_{n}"
        story = promoted_job(job_id, prompt="a secret garden")
        await house.store.tell(*story)
        await house.replica().round()
        await house.tell_deletions(*(event for event in story if isinstance(event, ClipRequested)))
        before = await house.log.history(job_id)
        died = await house.dies_at(n, methodcaller("erase_words", job_id), after=after)
        await house.replica().erase_words(job_id)
        await house.replica().round()
        bodies = [*house.every_version(job_id), await house.whole_stream(job_id)]
        assert not any(b"secret" in body for body in bodies)
        assert [e.id for e in (await house.log.history(job_id)).events] == [e.id for e in before.events]
        assert await house.facts_in_stream(job_id) == ["job_archived"]
    assert n > 3


async def test_the_words_of_a_job_that_was_erased_before_are_never_archived(house: Any) -> None:
    story = promoted_job(JOB, prompt="a secret garden")
    await house.store.tell(*story)
    await house.tell_deletions(*(event for event in story if isinstance(event, ClipRequested)))
    await house.replica().round()
    assert not any(b"secret" in body for body in [*house.every_version(), await house.whole_stream()])
    assert len((await house.log.history(JOB)).events) == len(story) + 3


async def test_a_job_of_which_one_clip_is_left_keeps_its_words(house: Any) -> None:
    before = await house.tell_job()
    await house.tell_deletions(before.first(ClipRequested))
    await house.replica().round()
    assert (await house.log.history(JOB)).first(JobRequested) == before.first(JobRequested)
    assert not (await house.mark()).erased


async def test_the_archive_of_a_held_job_is_kept(house: Any) -> None:
    before = await house.tell_job()
    await house.desk.holds.place(JOB, reason="a dispute", now=NOW)
    await house.replica().round()
    await house.store.handlers.on_hold_due(Due("hold", JOB, msgspec_json.encode(HoldWish(job_id=JOB)), {}))
    for order in before.all(ClipRequested):
        wish = EraseWish(job_id=JOB, clip_id=order.clip_id)
        await house.store.handlers.on_erase_due(Due("erase", order.clip_id, msgspec_json.encode(wish), {}))
    assert house.same(before, await house.log.history(JOB))
    assert not (await house.mark()).erased
