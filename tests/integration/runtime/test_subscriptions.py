import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import nats
import pytest
from dailies_contracts import AnyEvent, JobRequested, VideoRequest, cloudevents_headers, encode, subject_of
from runtime import pull
from runtime.dead_letters import DeadLetter, list_dead_letters, replay
from runtime.errors import Permanent, Transient
from runtime.service import Service, open_service
from runtime.settings import ServiceSettings
from runtime.timers import Due

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def requested(job_id: str) -> JobRequested:
    return JobRequested(job_id=job_id, tenant_id="acme", occurred_at=NOW, request=VideoRequest(prompt="a red ball"))


class PickyHandler:
    """Handles jobs but those that are broken: they never work."""

    def __init__(self, *broken: str) -> None:
        self.broken = set(broken)
        self.seen: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, event: JobRequested) -> None:
        if event.job_id in self.broken:
            raise Permanent("test.never", "It never works.")
        await self.seen.put(event.job_id)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(service.run())
        async with asyncio.timeout(10):
            while not service.ready and not task.done():
                await asyncio.sleep(0.01)
        try:
            yield
        finally:
            service.stop()


async def test_a_handled_event_is_acknowledged_and_a_transient_failure_comes_again(service: Service) -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()
    failures = {"job_a": 2}

    async def on_job_requested(event: JobRequested) -> None:
        if failures.get(event.job_id, 0):
            failures[event.job_id] -= 1
            raise Transient("test.busy", retry_after_s=0.01)
        await seen.put(event.job_id)

    service.subscribe(JobRequested, on_job_requested)
    async with running(service):
        for job_id in ("job_a", "job_b"):
            await service.log.append_fact(requested(job_id))
        async with asyncio.timeout(5):
            assert {await seen.get(), await seen.get()} == {"job_a", "job_b"}
    info = await service_info(service)
    assert info == (0, 0)


async def test_a_background_loop_that_loses_a_cancellation_does_not_keep_the_service(bus_url: str) -> None:
    n_lost = 0

    async def beat() -> None:
        nonlocal n_lost
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:  # as nats-py and `asyncio.wait_for` do where an answer comes at that moment
                if n_lost:
                    raise
                n_lost += 1

    settings = ServiceSettings(nats_url=bus_url, shutdown_timeout_s=0.1)
    async with open_service("testing", settings) as service, asyncio.timeout(20):
        service.background("beat", beat)
        async with running(service):
            await asyncio.sleep(0.05)
    assert n_lost == 1


async def service_info(service: Service) -> tuple[int, int]:
    connection = await nats.connect(str(service._settings.nats_url))
    try:
        info = await connection.jetstream().consumer_info("VIDEO", "testing-job_requested")
        return info.num_ack_pending or 0, info.num_pending or 0
    finally:
        await connection.close()


async def test_malformed_and_permanent_go_to_the_dead_letters_and_the_rest_goes_on(service: Service) -> None:
    handler = PickyHandler("job_bad")
    service.subscribe(JobRequested, handler)
    async with running(service):
        await service.connection.jetstream().publish("video.v1.job_x.job_requested", b"not json")
        await service.log.append_fact(requested("job_bad"))
        await service.log.append_fact(requested("job_good"))
        async with asyncio.timeout(5):
            assert await handler.seen.get() == "job_good"
            while len(letters := await list_dead_letters(service.connection)) < 2:
                await asyncio.sleep(0.01)
        assert {letter.subject.split(".")[2] for letter in letters} == {"job_x", "job_bad"}
        assert all(letter.service == "testing" for letter in letters)
        permanent = next(letter for letter in letters if "job_bad" in letter.subject)
        assert "test.never" in permanent.reason
        handler.broken.clear()
        await replay(service.connection, permanent.sequence)
        async with asyncio.timeout(5):
            assert await handler.seen.get() == "job_bad"
        assert len(await list_dead_letters(service.connection)) == 1


async def test_a_dead_letter_that_fails_again_can_be_replayed_again(service: Service) -> None:
    handler = PickyHandler("job_bad")

    async def next_letter(*, after: int) -> DeadLetter:
        async with asyncio.timeout(10):
            while not (letters := await list_dead_letters(service.connection, after=after)):
                await asyncio.sleep(0.01)
        return letters[0]

    service.subscribe(JobRequested, handler)
    async with running(service):
        await service.log.append_fact(requested("job_bad"))
        first = await next_letter(after=0)
        await replay(service.connection, first.sequence)
        second = await next_letter(after=first.sequence)
        assert (second.subject, second.consumer) == (first.subject, first.consumer)
        handler.broken.clear()
        await replay(service.connection, second.sequence)
        async with asyncio.timeout(5):
            assert await handler.seen.get() == "job_bad"


async def test_messages_after_a_pause_wait_for_nobody(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "EXPIRES_S", 0.1)
    handler = PickyHandler()
    service.subscribe(JobRequested, handler)
    async with running(service):
        await asyncio.sleep(0.35)  # some requests have ended
        monkeypatch.setattr(pull, "EXPIRES_S", 600.0)
        await asyncio.sleep(0.15)
        for number in range(6):
            await service.log.append_fact(requested(f"job_{number}"))
            await asyncio.sleep(0.003)
        async with asyncio.timeout(20):
            assert {await handler.seen.get() for _ in range(6)} == {f"job_{number}" for number in range(6)}


async def test_a_process_takes_only_what_it_can_handle(service: Service) -> None:
    goes_on, started = asyncio.Event(), asyncio.Semaphore(0)

    async def busy(_: JobRequested) -> None:
        started.release()
        await goes_on.wait()

    service.subscribe(JobRequested, busy, concurrency=2)
    async with running(service), asyncio.timeout(20):
        for number in range(5):
            await service.log.append_fact(requested(f"job_{number}"))
        await started.acquire()
        await started.acquire()
        assert await service_info(service) == (2, 3), "the others are left for other replicas"
        goes_on.set()
        for _ in range(3):
            await started.acquire()


async def test_a_timer_goes_off_when_due_and_a_later_schedule_replaces_it(service: Service) -> None:
    seen: asyncio.Queue[Due] = asyncio.Queue()
    service.on_timer("wake", seen.put)
    async with running(service):
        now = datetime.now(UTC)
        await service.timers.schedule("wake", "k1", at=now + timedelta(hours=1), payload=b"late")
        await service.timers.schedule("wake", "k1", at=now + timedelta(milliseconds=50), payload=b"soon")
        await service.timers.schedule("wake", "k2", at=now + timedelta(milliseconds=20))
        await service.timers.cancel("wake", "k2")
        async with asyncio.timeout(5):
            due = await seen.get()
        assert (due.name, due.key, due.payload) == ("wake", "k1", b"soon")
        await service.timers.fire("wake", "k3", b"now")
        async with asyncio.timeout(5):
            assert (await seen.get()).key == "k3"


async def test_a_batch_with_a_malformed_event_loses_only_that_one(service: Service) -> None:
    seen: set[str] = set()

    async def on_events(events: list[AnyEvent]) -> None:
        seen.update(event.job_id for event in events)

    jetstream = service.connection.jetstream()
    for number in range(5):
        event = requested(f"job_{number}")
        await jetstream.publish(subject_of(event), encode(event), headers=cloudevents_headers(event, source="/test"))
    await jetstream.publish("video.v1.job_x.job_requested", b"{}")
    service.subscribe_batch(on_events)
    async with running(service), asyncio.timeout(10):
        while len(seen) < 5 or not await list_dead_letters(service.connection):
            await asyncio.sleep(0.01)
    assert seen == {f"job_{number}" for number in range(5)}


async def test_an_unacknowledged_event_of_a_dead_process_comes_to_the_next_one(bus_url: str) -> None:
    settings = ServiceSettings(nats_url=bus_url)
    started = asyncio.Event()
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def hang(_: JobRequested) -> None:
        started.set()
        await asyncio.Event().wait()

    async def handle(event: JobRequested) -> None:
        await seen.put(event.job_id)

    async with open_service("testing", settings.model_copy(update={"shutdown_timeout_s": 0.1})) as first:
        first.subscribe(JobRequested, hang, ack_wait_s=0.5)
        async with running(first):
            await first.log.append_fact(requested("job_a"))
            async with asyncio.timeout(5):
                await started.wait()
    async with open_service("testing", settings) as second:
        second.subscribe(JobRequested, handle, ack_wait_s=0.5)
        async with running(second), asyncio.timeout(10):
            assert await seen.get() == "job_a"
