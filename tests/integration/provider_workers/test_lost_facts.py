"""Orders whose facts the log lost and got again, at every vendor: nothing is sent twice."""

from datetime import UTC, datetime

from dailies_contracts import (
    TIMERS,
    VIDEO,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipSettled,
    ProviderSubmitted,
    job_filter,
    subject_of,
)
from gateway.adapters.surroundings import INTENTS, Surroundings
from gateway.domain.standing import Around, Fact, nudges, unsure_clips
from runtime.direct_get import DirectGet
from runtime.log import write_again
from testkit.builders import job_requested
from testkit.stories import job_failed


async def lose(facts, order):
    """Let the log lose a job; gives the message of the order."""
    stored = await DirectGet(facts.connection).last_of_each(VIDEO, (subject_of(order),))
    await facts.connection.jetstream().purge_stream(VIDEO, subject=job_filter(order.job_id))
    return stored


async def is_handled(facts, order):
    """Tell whether the worker has settled the order."""
    consumer = f"provider-workers-{order.provider}-{order.FACT}"
    info = await facts.connection.jetstream().consumer_info(VIDEO, consumer)
    return not info.num_pending and not info.num_ack_pending


async def test_an_order_that_comes_back_without_its_submission_is_looked_up(any_adapter, facts, simulator, worker):
    async with worker(any_adapter, poll_scale=1.0):
        order = await facts.order(any_adapter)
        await facts.next(ProviderSubmitted)
    stored = await lose(facts, order)
    async with worker(any_adapter):
        await write_again(facts.connection, order.job_id, stored, expected_sequence=0)
        await facts.next(ClipRequested, n=2)
        end = await facts.next(ClipReady, ClipFailed)
    assert isinstance(end, ClipReady) or end.kind == "outcome_unknown"
    assert len(await simulator.tasks()) == 1


async def test_an_order_whose_intent_is_lost_too_is_watched_and_not_sent(any_adapter, facts, simulator, worker, until):
    async with worker(any_adapter, poll_scale=1.0):
        order = await facts.order(any_adapter)
        await facts.next(ProviderSubmitted)
    stored = await lose(facts, order)
    await facts.connection.jetstream().delete_stream(INTENTS)
    now = datetime.now(UTC)
    unsure = unsure_clips([Fact(order, subject_of(order), 1)], now=now, intents_since=None)
    async with worker(any_adapter) as desk:
        await Surroundings(facts.connection).write_again(order.job_id, stored, unsure, expected_sequence=0)
        if desk.adapter.can_find:
            assert (await facts.next(ClipSettled)).charged_usd_micros > 0
        else:
            await until(lambda: is_handled(facts, order))
    assert len(await simulator.tasks()) == 1


async def test_a_late_clip_whose_timer_was_lost_is_still_paid(facts, simulator, worker):
    async with worker("kling"):
        order = await facts.order("kling", "a ball [[fault:stuck]]", deadline_s=2.0)
        assert (await facts.next(ClipFailed)).may_still_bill
        await facts.connection.jetstream().purge_stream(TIMERS)
        (task,) = await simulator.tasks()
        await simulator.tell(f"tasks/{task['vendor']}/{task['id']}/finish", state="succeeded")
        history = await facts.log.history(order.job_id)
        job = job_requested(order.job_id)
        known = [Fact(each, subject_of(each), n) for n, each in enumerate((job, *history.events, job_failed(job)))]
        (told,) = nudges(known, Around({}, frozenset()), is_patient=False)
        await Surroundings(facts.connection).tell(order.job_id, told)
        assert (await facts.next(ClipSettled)).charged_usd_micros > 0
    assert len(await simulator.tasks()) == 1
