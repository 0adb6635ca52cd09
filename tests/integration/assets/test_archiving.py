"""Jobs that ended leave the stream for the object store, and nobody who reads the log can tell."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from assets.archiving import Archiving
from assets.restore import restore
from dailies_contracts import (
    VIDEO,
    ClipRequested,
    JobCancelRequested,
    JobCompleted,
    JobRequested,
    PromptCompiled,
    encode,
    job_filter,
    subject_filter,
    subject_of,
)
from nats.js.api import ConsumerConfig
from runtime.archive import facts_of, open_archive
from runtime.clock import utc_clock
from runtime.errors import ConcurrencyConflict, Conflict, DependencyUnavailable, NotFound
from runtime.job_index import requested_jobs
from runtime.log import EventLog
from runtime.replay import replay
from runtime.timers import Timers
from testkit.builders import NOW, clip_failed, clip_settled, job_requested
from testkit.stories import clip_requested, feedback_given, job_failed, promoted_job

JOB = "job_old"


async def test_an_archived_job_reads_as_before_and_leaves_its_request_and_a_note(house: Any) -> None:
    before = await house.tell_job()
    assert await house.replica().round() == 1
    assert await house.facts_in_stream() == ["job_requested", "job_archived"]
    after = await house.log.history(JOB)
    assert house.same(before, after)
    assert after.last_sequence > before.last_sequence
    for event in before.events:
        tokens = subject_of(event).split(".")[4:]
        assert await house.log.find(type(event), JOB, *tokens) == event
    assert await house.log.find(JobCancelRequested, JOB) is None
    clip_id = before.first(ClipRequested).clip_id
    assert await house.log.job_of_clip(clip_id) == JOB
    assert await house.log.job_of_clip("clip_of_nobody") is None
    assert await house.log.facts_of_jobs(JobCompleted, [JOB, "job_nobody"]) == {JOB: before.first(JobCompleted)}
    assert await house.replica().round() == 0


async def test_an_archive_is_one_fact_a_line_that_any_tool_reads(house: Any) -> None:
    before = await house.tell_job()
    stored = await house.reader.last_of_each(VIDEO, (job_filter(JOB),))
    await house.replica().round()
    (key,) = house.parts()
    lines = [json.loads(line) for line in house.read(key).splitlines()]
    assert [(line["subject"], line["sequence"]) for line in lines] == [(x.subject, x.sequence) for x in stored]
    assert [line["payload"] for line in lines] == [json.loads(encode(event)) for event in before.events]
    assert {line["headers"]["ce-type"] for line in lines} > {"dev.dailies.JobRequested.v1"}
    assert not any(name.lower().startswith("nats-") for line in lines for name in line["headers"])
    assert [each.body for each in facts_of(house.read(key))] == [x.body for x in stored]


@pytest.mark.parametrize("after", [False, True])
async def test_killed_at_any_write_the_next_round_loses_nothing_and_repeats_nothing(house: Any, *, after: bool) -> None:
    n, died = 0, True
    while died:
        n += 1
        job_id = f"job_killed_{n}"
        before = await house.tell_job(job_id)
        died = await house.dies_at(n, Archiving.round, after=after)
        assert house.same(before, await house.log.history(job_id))
        await house.replica().round()
        assert house.same(before, await house.log.history(job_id))
        assert await house.facts_in_stream(job_id) == ["job_requested", "job_archived"]
        assert len(house.parts(job_id)) == 1
    assert n > 15


async def test_facts_that_come_late_are_archived_behind_the_others(house: Any) -> None:
    before = await house.tell_job()
    await house.replica().round()
    first = await house.log.history(JOB)
    late = feedback_given(before.first(ClipRequested))
    assert await house.log.append_fact(late)
    with_late = await house.log.history(JOB)
    assert with_late.events == (*before.events, late)
    with pytest.raises(ConcurrencyConflict):
        await house.log.append(JOB, [late], expected_sequence=first.last_sequence)
    assert await house.replica(utc_clock).round() == 0, "it is not old enough"
    assert await house.replica().round() == 1
    assert await house.facts_in_stream() == ["job_requested", "job_archived"]
    assert (await house.log.history(JOB)).events == with_late.events
    assert len((await house.mark()).parts) == len(house.parts()) == 2


async def test_a_decision_on_an_archived_job_is_written_once_whoever_decides(house: Any) -> None:
    before = await house.tell_job()
    await house.replica().round()
    expected = (await house.log.history(JOB)).last_sequence
    settled = clip_settled(before.first(ClipRequested))

    async def decide() -> bool:
        try:
            await house.log.append(JOB, [settled], expected_sequence=expected)
        except ConcurrencyConflict:
            return False
        return True

    assert sorted(await asyncio.gather(*(decide() for _ in range(10)))) == [False] * 9 + [True]
    await house.replica().round()
    with pytest.raises(ConcurrencyConflict):
        await house.log.append(JOB, [settled], expected_sequence=expected)
    assert (await house.log.history(JOB)).events == (*before.events, settled)


async def test_a_decision_made_before_the_job_was_archived_is_refused_after(house: Any) -> None:
    before = await house.tell_job()
    await house.replica().round()
    cancel = JobCancelRequested(job_id=JOB, tenant_id="acme", occurred_at=NOW)
    with pytest.raises(ConcurrencyConflict):
        await house.log.append(JOB, [cancel], expected_sequence=before.last_sequence)


async def test_a_fact_that_is_published_again_does_not_replace_the_archived_one(house: Any) -> None:
    before = await house.tell_job()
    await house.replica().round()
    other = job_requested(JOB, prompt="something else")
    assert not await house.log.append_fact(other), "the request stays, so that nobody can ask again"
    again = before.first(PromptCompiled)
    await house.log.append_fact(type(again)(**{**asdict(again), "fingerprint": "other"}))
    assert house.same(before, await house.log.history(JOB))
    assert await house.log.find(PromptCompiled, JOB) == again
    await house.replica().round()
    assert await house.facts_in_stream() == ["job_requested", "job_archived"]
    assert house.same(before, await house.log.history(JOB))
    assert len(house.parts()) == 1


def asdict(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


async def test_two_replicas_at_once_archive_every_job_once(house: Any) -> None:
    before = {name: await house.tell_job(name) for name in (f"job_{n}" for n in range(12))}
    await asyncio.gather(*(house.replica().round() for _ in range(3)))
    await house.replica().round()
    for name, history in before.items():
        assert house.same(history, await house.log.history(name))
        assert await house.facts_in_stream(name) == ["job_requested", "job_archived"]
        assert len(house.parts(name)) == 1
        assert (await house.mark(name)).n == 1


async def test_a_history_is_whole_whenever_it_is_read_while_jobs_are_archived(house: Any) -> None:
    names = [f"job_{n}" for n in range(8)]
    before = {name: await house.tell_job(name) for name in names}
    archiving = asyncio.create_task(house.replica().round())
    n_reads = 0
    while not archiving.done():
        for name in names:
            assert house.same(before[name], await house.log.history(name))
            n_reads += 1
    assert await archiving == len(names)
    assert n_reads > len(names)


async def test_what_is_not_over_stays(house: Any) -> None:
    running = job_requested("job_running")
    lost = clip_requested("job_lost")
    failed = job_requested("job_lost")
    open_clip = clip_requested("job_open")
    opened = job_requested("job_open")
    await house.store.tell(running, failed, lost, clip_failed(lost, kind="outcome_unknown", may_still_bill=True))
    await house.store.tell(job_failed(failed), opened, open_clip, job_failed(opened))
    assert await house.replica().round() == 0
    await house.store.tell(clip_settled(lost, charged=7))
    assert await house.replica().round() == 1
    assert await house.facts_in_stream("job_lost") == ["job_requested", "job_archived"]
    assert "job_archived" not in [*await house.facts_in_stream("job_open"), *await house.facts_in_stream("job_running")]


async def test_a_recent_job_stays(house: Any) -> None:
    await house.tell_job()
    assert await house.replica(utc_clock).round() == 0
    assert "job_archived" not in await house.facts_in_stream()


async def test_a_job_that_a_timer_is_about_stays(house: Any) -> None:
    before = await house.tell_job()
    clip_id = before.first(ClipRequested).clip_id
    timers = Timers(house.bus, "provider-workers-kling")
    await timers.schedule("watch", clip_id, at=utc_clock() + timedelta(hours=1))
    assert await house.replica().round() == 0
    await timers.cancel("watch", clip_id)
    assert await house.replica().round() == 1


async def test_a_job_that_a_consumer_has_not_heard_of_stays(house: Any) -> None:
    await house.tell_job()
    config = ConsumerConfig(durable_name="slow", filter_subjects=[subject_filter(JobCompleted)], ack_policy="explicit")
    slow = await house.bus.jetstream().add_consumer(VIDEO, config=config)
    assert await house.replica().round() == 0
    waiting = await house.bus.jetstream().pull_subscribe_bind(consumer=slow.name, stream=VIDEO)
    (message,) = await waiting.fetch(1, timeout=5)
    assert await house.replica().round() == 0, "delivered is not handled"
    await message.ack_sync()
    assert await house.replica().round() == 1


async def test_every_job_is_still_listed(house: Any) -> None:
    await house.tell_job()
    await house.tell_job("job_young")
    await house.replica().round()
    assert [job_id async for page in requested_jobs(house.bus) for job_id in page] == [JOB, "job_young"]


async def test_a_malformed_fact_is_archived_as_it_is(house: Any) -> None:
    before = await house.tell_job()
    squatter = f"video.v1.{JOB}.job_cancelled"
    await house.bus.jetstream().publish(squatter, b"\xff not json")
    assert await house.replica().round() == 1
    assert house.same(before, await house.log.history(JOB))
    assert facts_of(house.read(house.parts()[0]))[-1].body == b"\xff not json"


async def test_who_cannot_reach_the_object_store_waits_instead_of_seeing_half_a_job(house: Any) -> None:
    await house.tell_job()
    await house.replica().round()
    without = EventLog(house.bus, source="test")
    with pytest.raises(DependencyUnavailable, match=r"archive\.not_configured"):
        await without.history(JOB)
    assert await without.find(JobRequested, JOB) is not None


async def test_a_report_reads_stream_and_archive_and_gives_each_fact_once(house: Any, settings: Any) -> None:
    before = await house.tell_job()
    await house.replica().round()
    await house.store.tell(*promoted_job("job_young"))
    filters = (subject_filter(ClipRequested, provider="kling"), subject_filter(JobCompleted))
    wanted = [event for event in before.events if isinstance(event, JobCompleted)]
    wanted += [event for event in before.all(ClipRequested) if event.provider == "kling"]
    async with AsyncExitStack() as stack:
        archive = open_archive(settings, stack)
        found = [event async for event in replay(house.bus, filters, archive=archive)]
        assert len(found) == 2 * len(wanted)
        assert {each.id for each in found if each.job_id == JOB} == {each.id for each in wanted}
        assert [event async for event in replay(house.bus, filters, archive=archive, since=house.later())] == []


async def test_a_job_that_the_stream_lost_is_brought_back_whole(house: Any) -> None:
    before = await house.tell_job()
    await house.replica().round()
    late = feedback_given(before.first(ClipRequested))
    await house.log.append_fact(late)
    await house.replica().round()
    parts = {"objects": house.desk.objects, "keeper": house.desk.keeper}
    with pytest.raises(Conflict, match=r"archive\.job_is_there"):
        await restore(JOB, house.bus, **parts)
    await house.bus.jetstream().purge_stream(VIDEO)
    assert (await house.log.history(JOB)).events == ()
    assert await restore(JOB, house.bus, **parts) == len(before.events) + 1
    after = await house.log.history(JOB)
    assert (after.events, after.trace_id) == ((*before.events, late), before.trace_id)
    assert await house.replica().round() == 1
    assert (await house.log.history(JOB)).events == after.events
    with pytest.raises(NotFound):
        await restore("job_nobody", house.bus, **parts)


async def test_an_archived_job_is_read_by_a_service_of_its_own(house: Any, open_store: Any) -> None:
    before = await house.tell_job()
    await house.replica().round()
    async with AsyncExitStack() as stack:
        other = await open_store(stack)
        assert house.same(before, await other.desk.log.history(JOB))
