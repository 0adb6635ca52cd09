from datetime import UTC, datetime

from dailies_contracts import ClipReady, JobRequested, PromptCompiled, subject_filter
from runtime.replay import BATCH, replay
from runtime.service import Service
from testkit.builders import job_requested, prompt_compiled

ASKED = (subject_filter(JobRequested),)


async def test_facts_come_in_the_order_of_the_log_and_only_those_asked_for(service: Service) -> None:
    for number in range(BATCH + 10):
        await service.log.append_fact(job_requested(f"job_{number}"))
    await service.log.append_fact(prompt_compiled("job_0"))
    found = [event.job_id async for event in replay(service.connection, ASKED)]
    assert found == [f"job_{number}" for number in range(BATCH + 10)]
    both = (subject_filter(JobRequested), subject_filter(PromptCompiled))
    assert len([event async for event in replay(service.connection, both)]) == BATCH + 11


async def test_older_and_malformed_facts_are_left_out(service: Service) -> None:
    await service.log.append_fact(job_requested("job_old"))
    since = datetime.now(UTC)
    await service.connection.jetstream().publish("video.v1.job_bad.job_requested", b"{")
    await service.log.append_fact(job_requested("job_new"))
    assert [event.job_id async for event in replay(service.connection, ASKED, since=since)] == ["job_new"]


async def test_nothing_is_left_on_the_server_and_nothing_asked_for_is_nothing(service: Service) -> None:
    filters = (subject_filter(ClipReady, provider="kling"),)
    assert [event async for event in replay(service.connection, filters)] == []
    info = await service.connection.jetstream().consumers_info("VIDEO")
    assert [consumer.name for consumer in info] == []
