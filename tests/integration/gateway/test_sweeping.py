"""Jobs that stand still are driven again, once, on a real bus and a real document store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from assets.archiving import Archiving
from dailies_contracts import (
    TERMINAL_EVENTS,
    TIMERS,
    VIDEO,
    AnyEvent,
    AssetDeleted,
    ClipFailed,
    ClipRequested,
    Event,
    JobCancelRequested,
    JobRequested,
    PromptCompiled,
    job_filter,
    stream_configs,
)
from gateway.adapters.mongo import JobDocuments, open_database
from gateway.adapters.surroundings import Surroundings
from gateway.projection.projector import Projector
from gateway.projection.sweeping import Sweeper
from msgspec.structs import replace
from runtime.clock import utc_clock
from runtime.direct_get import DirectGet, Stored
from runtime.errors import Permanent
from runtime.jetstream import declare_stream, request
from runtime.objects import open_objects
from runtime.service import Service, open_service
from runtime.settings import S3Settings, ServiceSettings
from runtime.timers import Due
from testkit.builders import (
    NOW,
    clip_failed,
    clip_ready,
    clip_scored,
    clip_settled,
    job_requested,
    prompt_compiled,
    provider_submitted,
)
from testkit.stories import clip_requested, job_cancelled, job_completed, job_failed, promoted_job

JOB = "job_standing"
REQUESTED = job_requested(JOB)
COMPILED = prompt_compiled(JOB)
DRAFT = clip_requested(JOB)
RUNNING = (REQUESTED, COMPILED, DRAFT, provider_submitted(DRAFT))
PATIENCE, WATCHED_FOR = timedelta(minutes=5), timedelta(days=2)
SOON, LATE = timedelta(minutes=10), timedelta(hours=2)
"""After the one, a consumer that has not come to a job is still waited for; after the other not."""


class Settings(ServiceSettings, S3Settings):
    """Of a service that reads archived jobs."""


class House:
    """A log, its projection, and replicas of the sweeper."""

    def __init__(self, service: Service, documents: JobDocuments, collection: Any) -> None:
        self.service = service
        self.documents = documents
        self.collection = collection
        self.reader = DirectGet(service.connection)

    async def tell(self, *events: AnyEvent, project: bool = True) -> None:
        """Write facts, and let the projection show them."""
        for event in events:
            await self.service.log.append_fact(event)
        if project:
            await self.project(events[-1])

    async def project(self, event: AnyEvent) -> None:
        """Let a projector that has just started hear of a job."""
        projector = Projector(log=self.service.log, documents=self.documents, n_loads=4, linger_s=0)
        await projector.on_events([event])

    def replica(self, *, after: timedelta = SOON) -> Sweeper:
        """One more sweeper, that looks some time from now."""
        return Sweeper(
            log_of_jobs=self.service.log,
            bus=Surroundings(self.service.connection),
            documents=self.documents,
            clock=lambda: utc_clock() + after,
            patience=PATIENCE,
            watched_for=WATCHED_FOR,
        )

    async def sweep(self, *, after: timedelta = SOON, n_replicas: int = 1) -> int:
        """Let replicas sweep at once; say how often a job was driven again."""
        return sum(await asyncio.gather(*(self.replica(after=after).sweep() for _ in range(n_replicas))))

    async def lose(self, *subjects: str) -> None:
        """Let the log lose what is on some subjects: by default all of the job."""
        for subject in subjects or (job_filter(JOB),):
            await request(
                self.service.connection, f"$JS.API.STREAM.PURGE.{VIDEO}", msgspec.json.encode({"filter": subject})
            )

    async def facts(self) -> list[Stored]:
        """What the stream has of the job."""
        return await self.reader.last_of_each(VIDEO, (job_filter(JOB),))

    async def timers(self) -> list[tuple[str, int]]:
        """Every timer that is set or not handled, and how often."""
        info = await self.service.connection.jetstream().stream_info(TIMERS, subjects_filter=">")
        return sorted((info.state.subjects or {}).items())

    async def document(self) -> dict[str, Any]:
        """The job's document."""
        found: dict[str, Any] = await self.collection.find_one({"_id": JOB})
        return found


@pytest.fixture
async def house(bus_url: str, s3: Any, s3_bucket: str, mongo_url: str, mongo_database: str) -> AsyncIterator[House]:
    settings = Settings(nats_url=bus_url, **s3.settings(s3_bucket))
    async with (
        open_service("testing", settings) as service,
        open_database(mongo_url, mongo_database, timeout_s=20) as database,
    ):
        yield House(service, JobDocuments(database), database["jobs"])


@pytest.fixture
def running(bus_url: str) -> Callable[..., Any]:
    """Run a service of some name with handlers of the test's own while the block runs."""

    @asynccontextmanager
    async def beside(
        name: str, *handlers: tuple[type[Event], Callable[[Any], Any]], **timers: Callable[[Due], Any]
    ) -> AsyncIterator[Service]:
        async with open_service(name, ServiceSettings(nats_url=bus_url)) as service, asyncio.TaskGroup() as tasks:
            for kind, handler in handlers:
                service.subscribe(kind, handler)
            for timer, on_due in timers.items():
                service.on_timer(timer, on_due)
            tasks.create_task(service.run())
            try:
                yield service
            finally:
                service.stop()

    return beside


async def test_a_job_that_the_log_lost_is_written_again_as_it_was(house: House) -> None:
    await house.service.bucket("submissions")
    await house.tell(*RUNNING)
    before, history = await house.facts(), await house.service.log.history(JOB)
    await house.lose()
    assert await house.facts() == []
    assert await house.sweep(n_replicas=2) == 1
    after = await house.facts()
    assert [(each.subject, msgspec.json.decode(each.body)) for each in after] == [
        (each.subject, msgspec.json.decode(each.body)) for each in before
    ]
    assert [each.headers["ce-id"] for each in after] == [each.headers["ce-id"] for each in before]
    assert after[-1].sequence == before[-1].sequence + len(before), "nothing was written twice"
    assert (await house.service.log.history(JOB)).events == history.events
    await house.project(REQUESTED)
    assert (await house.document())["last_sequence"] == after[-1].sequence
    assert await house.sweep(n_replicas=2) == 0


async def test_the_end_of_what_the_log_has_of_a_job_is_written_again(house: House) -> None:
    await house.service.bucket("submissions")
    await house.tell(*RUNNING)
    before = await house.facts()
    await house.lose(before[2].subject, before[3].subject)
    assert await house.sweep(n_replicas=2) == 1
    assert [each.subject for each in await house.facts()] == [each.subject for each in before]


async def test_what_the_projection_knows_outlives_what_the_log_tells_of_less(house: House) -> None:
    await house.service.bucket("submissions")
    await house.tell(*RUNNING)
    before = await house.facts()
    await house.lose()
    again = job_requested(JOB, at=NOW + timedelta(minutes=1))  # a client sends it again with its idempotency key
    await house.tell(again)
    assert (await house.document())["last_sequence"] == before[-1].sequence
    assert await house.sweep(n_replicas=2) == 1
    assert (await house.service.log.history(JOB)).events == (again, *RUNNING[1:])
    await house.project(again)
    assert (await house.document())["last_sequence"] == (await house.facts())[-1].sequence


async def test_jobs_come_back_when_the_whole_stream_is_lost_and_are_shown_to_their_end(house: House) -> None:
    others = [job_requested(f"job_{number}") for number in range(5)]
    await house.tell(*others, project=False)
    await house.tell(*RUNNING)
    jetstream = house.service.connection.jetstream()
    for name in (VIDEO, TIMERS):
        await jetstream.delete_stream(name)
    for config in stream_configs():
        await declare_stream(house.service.connection, config)
    await house.service.bucket("submissions")
    assert await house.sweep(n_replicas=2) == 1
    assert [each.sequence for each in await house.facts()] == [1, 2, 3, 4]
    # Now the places in the log happen to be those of before: nothing tells the two logs apart but the facts.
    await house.tell(*others[:4], job_completed(DRAFT))
    assert (await house.document())["last_sequence"] == 9 == (await house.facts())[-1].sequence
    assert (await house.document())["state"] == "generating"
    await house.sweep(after=LATE)
    assert (await house.document())["state"] == "ready"


async def test_a_clip_that_may_have_been_sent_is_not_sent_again_where_its_intent_is_lost_too(house: House) -> None:
    await house.tell(*RUNNING[:3])
    await house.lose()
    await house.service.bucket("submissions")  # a new one: whatever was in it is gone
    assert await house.sweep() == 1
    (failed,) = (await house.service.log.history(JOB)).all(ClipFailed)
    assert (failed.clip_id, failed.kind, failed.may_still_bill) == (DRAFT.clip_id, "outcome_unknown", True)


@pytest.mark.parametrize("end", [job_cancelled(REQUESTED), job_failed(REQUESTED), job_completed(DRAFT)])
async def test_a_job_that_ended_is_left_alone(house: House, end: AnyEvent) -> None:
    await house.tell(*RUNNING, clip_ready(DRAFT), end)
    assert "facts" not in await house.document(), "what may have to be erased is not kept here"
    await house.collection.update_one({"_id": JOB}, {"$unset": {"next_look_at": 1}})
    assert await house.sweep(after=LATE) == 0
    await house.lose()
    assert await house.sweep(after=LATE) == 0
    assert (await house.facts(), await house.timers()) == ([], [])


@pytest.mark.parametrize("end", [job_cancelled(REQUESTED), job_failed(REQUESTED), job_completed(DRAFT)])
async def test_a_job_whose_end_the_projection_missed_is_shown_ended_and_left_alone(house: House, end: AnyEvent) -> None:
    await house.tell(*RUNNING)
    await house.tell(clip_ready(DRAFT), end, project=False)
    before = await house.facts()
    assert await house.sweep(after=LATE, n_replicas=2) == 0
    assert (await house.facts(), await house.timers()) == (before, [])
    assert ((await house.document())["ended_at"] is not None, "facts" in await house.document()) == (True, False)


@pytest.mark.parametrize("erased", [False, True])
async def test_an_archived_and_an_erased_job_are_left_alone(
    house: House, s3: Any, s3_bucket: str, archiving_beside: Any, *, erased: bool
) -> None:
    story = promoted_job(JOB, prompt="a secret garden")
    await house.tell(*story[:5])  # the projection has missed what follows
    await house.tell(*story[5:], project=False)
    if erased:
        about = ("job_id", "tenant_id", "clip_id", "provider", "model", "stage")
        orders = [event for event in story if isinstance(event, ClipRequested)]
        deleted = [
            AssetDeleted(**{name: getattr(order, name) for name in about}, occurred_at=NOW, sha256s=("0" * 64,))
            for order in orders
        ]
        await house.tell(*deleted, project=False)
    async with open_objects(Settings(**s3.settings(s3_bucket))) as objects:
        archiving: Archiving = await archiving_beside(house.service, objects)
        assert await archiving.round() == 1
    before = await house.facts()
    assert len(before) == 1 if erased else 2
    assert await house.sweep(after=LATE, n_replicas=2) == 0
    assert (await house.facts(), await house.timers()) == (before, [])
    document = await house.document()
    assert (document["state"], "facts" in document, "secret" in str(document)) == ("ready", False, not erased)


@pytest.mark.parametrize("late", [True, False])
async def test_what_a_vendor_may_still_bill_of_a_job_that_ended_is_looked_at(house: House, *, late: bool) -> None:
    given_up = (clip_failed(DRAFT, kind="timed_out", may_still_bill=True),) if late else ()
    await house.tell(*RUNNING, *given_up, replace(job_failed(REQUESTED), occurred_at=utc_clock()))
    timer = f"timers.due.provider-workers-kling.{'watch' if late else 'poll'}.{DRAFT.clip_id}"
    assert await house.sweep(after=LATE, n_replicas=2) == 1
    assert await house.timers() == [(timer, 1)]
    assert await house.sweep(after=2 * LATE) == 0, "the first is not handled yet"
    await house.service.connection.jetstream().purge_stream(TIMERS)
    assert await house.sweep(after=WATCHED_FOR + LATE) == 0, "the worker has given it to a person by now"
    assert await house.sweep(after=3 * LATE) == 1
    await house.tell(clip_settled(DRAFT))
    assert await house.sweep(after=5 * LATE) == 0


async def test_two_replicas_tell_a_worker_once_and_then_wait_longer(house: House, running: Any) -> None:
    async def pass_over(_: Any) -> None:
        """Take the event, and do nothing: whatever was to follow got lost."""

    async with running("provider-workers-kling", (ClipRequested, pass_over)):
        await house.tell(*RUNNING)
        await handled(house, "provider-workers-kling-clip_requested")
    poll, deadline = f"timers.due.provider-workers-kling.poll.{DRAFT.clip_id}", f"timers.at.router.deadline.{JOB}"
    await house.service.timers_of("router").schedule("deadline", JOB, at=utc_clock() + timedelta(hours=9))
    assert await house.sweep(n_replicas=3) == 1
    assert await house.timers() == [(deadline, 1), (poll, 1)]
    for after in (SOON, 2 * SOON, LATE):
        assert await house.sweep(after=after, n_replicas=2) == 0, "the first is not handled yet"
    assert await house.timers() == [(deadline, 1), (poll, 1)]


async def test_a_clip_whose_timer_was_lost_moves_on(house: House, running: Any, until: Any) -> None:
    async def pass_over(_: Any) -> None:
        """The timer that follows gets lost."""

    async def poll(due: Due) -> None:
        asked = msgspec.json.decode(due.payload)
        assert asked == {"job_id": JOB, "clip_id": DRAFT.clip_id}
        await house.service.log.append_fact(clip_ready(DRAFT))

    async with running("provider-workers-kling", (ClipRequested, pass_over), poll=poll):
        await house.tell(*RUNNING)
        await handled(house, "provider-workers-kling-clip_requested")
        assert await house.sweep(n_replicas=2) == 1

        async def has_come() -> bool:
            return any(".clip_ready." in each.subject for each in await house.facts())

        assert await until(has_come)


async def test_a_request_that_became_a_dead_letter_is_compiled_after_all(
    house: House, running: Any, until: Any
) -> None:
    n_tries = 0

    async def compile_request(event: JobRequested) -> None:
        nonlocal n_tries
        n_tries += 1
        if n_tries == 1:
            raise Permanent("test.broken", "A bug that is mended meanwhile.")
        await house.service.log.append_fact(prompt_compiled(event.job_id))

    async with running("compiler", (JobRequested, compile_request)):
        await house.tell(REQUESTED)
        await handled(house, "compiler-job_requested")
        assert await house.sweep(n_replicas=2) == 1

        async def is_compiled() -> bool:
            return (await house.service.log.history(JOB)).first(PromptCompiled) is not None

        assert await until(is_compiled)
    assert n_tries == 2


async def test_a_cancellation_and_a_deadline_that_the_router_missed_reach_it(house: House, running: Any) -> None:
    looks: asyncio.Queue[str] = asyncio.Queue()

    async def look(due: Due) -> None:
        await looks.put(f"{due.name} {due.key}")

    async def on_job_requested(event: JobRequested) -> None:
        await looks.put(f"deadline {event.job_id}")

    asked = JobCancelRequested(job_id=JOB, tenant_id="acme", occurred_at=NOW)
    await house.tell(*RUNNING, asked)
    async with running("router", (JobRequested, on_job_requested), look=look):
        assert await looks.get() == f"deadline {JOB}"  # of the request itself; it sets nothing here
        await handled(house, "router-job_requested")
        assert await house.sweep() == 1, "the request alone: nobody has come to the rest yet"
        assert await looks.get() == f"deadline {JOB}"
        assert await house.sweep(after=LATE, n_replicas=2) == 1, "nobody is waited for like this for ever"
        assert {await looks.get() for _ in range(2)} == {f"deadline {JOB}", f"look {JOB}"}


async def test_a_job_that_moves_is_not_looked_at(house: House) -> None:
    await house.tell(*RUNNING)
    assert await house.sweep(after=timedelta(0)) == 0
    assert await house.timers() == []
    await house.tell(clip_ready(DRAFT), clip_scored(DRAFT), project=False)
    assert await house.sweep(after=timedelta(0)) == 0
    assert not any(isinstance(event, TERMINAL_EVENTS) for event in (await house.service.log.history(JOB)).events)


async def handled(house: House, consumer: str) -> None:
    """Wait until a consumer has settled all that it was sent."""
    async with asyncio.timeout(20):
        while True:
            info = await house.service.connection.jetstream().consumer_info(VIDEO, consumer)
            if not info.num_pending and not info.num_ack_pending:
                return
            await asyncio.sleep(0.02)
