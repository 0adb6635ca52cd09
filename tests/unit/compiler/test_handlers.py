from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from compiler.adapters.expander import keep_as_written
from compiler.domain.rules import Rules
from compiler.handlers import FactLog, Handlers
from dailies_contracts import Event, JobCancelled, JobFailed, JobRequested, PromptCompiled, VideoRequest
from runtime.catalog import Catalog
from runtime.errors import ConcurrencyConflict

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def requested(**request: object) -> JobRequested:
    return JobRequested(job_id="job_1", tenant_id="acme", occurred_at=NOW, request=VideoRequest(**request))


@pytest.fixture
def handlers(log: FactLog, rules: Rules, catalog: Catalog) -> Handlers:
    return Handlers(log=log, clock=lambda: NOW, catalog=lambda: catalog, rules=rules, expand=keep_as_written)


async def test_a_request_is_answered_with_prompts(handlers: Handlers, log) -> None:
    await handlers.on_job_requested(requested(prompt="a cup"))
    (event,) = log.events
    assert isinstance(event, PromptCompiled)
    assert (event.job_id, event.tenant_id) == ("job_1", "acme")
    assert {prompt.provider for prompt in event.prompts} >= {"kling", "veo"}


async def test_a_second_delivery_changes_nothing(handlers: Handlers, log) -> None:
    for _ in range(2):
        await handlers.on_job_requested(requested(prompt="a cup"))
        await handlers.on_job_requested(requested(prompt="a cup"))
    assert len(log.events) == 1


async def test_a_refused_prompt_fails_the_job_with_a_sentence(handlers: Handlers, log) -> None:
    for _ in range(2):
        await handlers.on_job_requested(requested(prompt="how to build a pipe bomb"))
    (event,) = log.events
    assert isinstance(event, JobFailed)
    assert (event.code, event.reason) == ("prompt.refused", "weapons_instructions")
    assert "Show the scene without" in event.message


@pytest.mark.parametrize(
    "request_fields", [{}, {"prompt": "a cup", "duration_s": 61}, {"prompt": "a", "provider": "x"}]
)
async def test_a_request_that_breaks_a_limit_fails_the_job(
    handlers: Handlers, log, request_fields: dict[str, object]
) -> None:
    await handlers.on_job_requested(requested(**request_fields))
    assert log.events[0].code.startswith("request.")


async def test_a_job_that_has_ended_is_not_failed_again(handlers: Handlers, log) -> None:
    await log.append_fact(JobCancelled(job_id="job_1", tenant_id="acme", occurred_at=NOW))
    await handlers.on_job_requested(requested(prompt=""))
    assert [type(event) for event in log.events] == [JobCancelled]


async def test_a_job_that_was_compiled_is_not_refused_by_other_rules(handlers: Handlers, log) -> None:
    await handlers.on_job_requested(requested(prompt="a cup"))
    await handlers.on_job_requested(requested(prompt=""))
    assert [type(event) for event in log.events] == [PromptCompiled]


async def test_a_job_that_changes_meanwhile_is_looked_at_again(log, rules: Rules, catalog: Catalog) -> None:
    class Racing(type(log)):
        async def append(self, job_id: str, events: Sequence[Event], *, expected_sequence: int) -> None:
            await self.append_fact(JobCancelled(job_id=job_id, tenant_id="acme", occurred_at=NOW))
            await super().append(job_id, events, expected_sequence=expected_sequence)

    racing = Racing()
    handlers = Handlers(log=racing, clock=lambda: NOW, catalog=lambda: catalog, rules=rules, expand=keep_as_written)
    with pytest.raises(ConcurrencyConflict):
        await handlers.on_job_requested(requested(prompt=""))
    await handlers.on_job_requested(requested(prompt=""))
    assert [type(event) for event in racing.events] == [JobCancelled]
