import asyncio
from datetime import UTC, datetime

import pytest
from dailies_contracts import JobCancelRequested, JobFailed, JobRequested, PromptCompiled, VideoRequest
from runtime.errors import ConcurrencyConflict
from runtime.service import Service

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def requested(job_id: str, *, prompt: str = "a red ball") -> JobRequested:
    return JobRequested(job_id=job_id, tenant_id="acme", occurred_at=NOW, request=VideoRequest(prompt=prompt))


def failed(job_id: str) -> JobFailed:
    return JobFailed(job_id=job_id, tenant_id="acme", occurred_at=NOW, code="test.failed", message="It failed.")


def compiled(job_id: str) -> PromptCompiled:
    return PromptCompiled(
        job_id=job_id,
        tenant_id="acme",
        occurred_at=NOW,
        compiler_version="1",
        fingerprint="f",
        prompt_class="object",
        prompts=(),
    )


async def test_a_fact_is_written_once_and_keeps_its_first_form(service: Service) -> None:
    assert await service.log.append_fact(requested("job_a", prompt="first"))
    assert not await service.log.append_fact(requested("job_a", prompt="second"))
    history = await service.log.history("job_a")
    assert [event.request.prompt for event in history.all(JobRequested)] == ["first"]


async def test_an_unknown_job_has_an_empty_history(service: Service) -> None:
    history = await service.log.history("job_nobody")
    assert (history.events, history.last_sequence) == ((), 0)
    assert await service.log.find(JobRequested, "job_nobody") is None


async def test_a_decision_is_written_whole_or_not_at_all(service: Service) -> None:
    await service.log.append_fact(requested("job_b"))
    history = await service.log.history("job_b")
    await service.log.append("job_b", [compiled("job_b"), failed("job_b")], expected_sequence=history.last_sequence)
    cancel = JobCancelRequested(job_id="job_b", tenant_id="acme", occurred_at=NOW)
    with pytest.raises(ConcurrencyConflict):
        await service.log.append("job_b", [cancel, compiled("job_b")], expected_sequence=history.last_sequence)
    after = await service.log.history("job_b")
    assert [type(event).__name__ for event in after.events] == ["JobRequested", "PromptCompiled", "JobFailed"]


async def test_of_many_concurrent_decisions_exactly_one_wins(service: Service) -> None:
    await service.log.append_fact(requested("job_c"))
    expected = (await service.log.history("job_c")).last_sequence

    async def decide() -> bool:
        try:
            events = [compiled("job_c"), failed("job_c")]
            await service.log.append("job_c", events, expected_sequence=expected)
        except ConcurrencyConflict:
            return False
        return True

    assert sorted(await asyncio.gather(*(decide() for _ in range(20)))) == [False] * 19 + [True]


async def test_a_single_event_decision_holds_its_expectation_too(service: Service) -> None:
    await service.log.append_fact(requested("job_d"))
    with pytest.raises(ConcurrencyConflict):
        await service.log.append("job_d", [failed("job_d")], expected_sequence=0)
    assert await service.log.find(JobFailed, "job_d") is None


async def test_a_malformed_fact_does_not_hide_the_rest_of_the_history(service: Service) -> None:
    await service.log.append_fact(requested("job_e"))
    await service.connection.jetstream().publish("video.v1.job_e.job_failed", b"not json")
    history = await service.log.history("job_e")
    assert [type(event).__name__ for event in history.events] == ["JobRequested"]
    assert history.last_sequence > 1
