"""Whatever moment the notifier is killed in, every endpoint ends with everything, in order."""

import asyncio
from itertools import pairwise

import pytest
from local_stack.webhook_sink import Answer, WebhookSink
from runtime.telemetry import joined
from testkit.builders import job_requested
from testkit.sinks import otlp_receiver
from testkit.stories import promoted_job

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_a_crash_between_post_and_record_repeats_the_same_message(
    notifier_process, happen, sink: WebhookSink
) -> None:
    process = notifier_process()
    await asyncio.to_thread(process.start)
    sink.answer(Answer(delay_s=60))
    await happen([job_requested(webhook_url=sink.url)])
    first = await sink.next()
    await asyncio.to_thread(process.kill)
    await asyncio.to_thread(process.start)
    second = await sink.next(timeout_s=20)
    assert (first.webhook_id, first.body) == (second.webhook_id, second.body)
    assert second.verified


@pytest.mark.slow
async def test_killed_while_it_tells_it_tells_everything_in_order(notifier_process, happen, sink: WebhookSink) -> None:
    """A slice; `tests/chaos/test_notifier_kills.py` kills it through 2,000 events and several endpoints."""
    n_jobs = 25
    process = notifier_process()
    await asyncio.to_thread(process.start)
    telling = asyncio.gather(*(happen(promoted_job(f"job_{n}", webhook_url=sink.url)) for n in range(n_jobs)))
    for n_told in (60, 180):
        await sink.wait_for(lambda all_, n=n_told: len(all_) >= n, timeout_s=30)
        await asyncio.to_thread(process.kill)
        await asyncio.to_thread(process.start)
    await telling
    await sink.wait_for(lambda all_: len({each.webhook_id for each in all_}) == 12 * n_jobs, timeout_s=60)
    await asyncio.to_thread(process.stop)
    told: dict[str, list[int]] = {}
    for delivery in sink.deliveries:
        content = delivery.payload["data"]
        told.setdefault(content["job_id"], []).append(content["sequence"])
    assert len(told) == n_jobs
    for sequences in told.values():
        assert (sequences[0], sequences[-1]) == (1, 12)
        assert all(later - earlier in (0, 1) for earlier, later in pairwise(sequences))


async def test_each_attempt_is_a_span_in_the_trace_of_the_job(notifier_process, happen, sink: WebhookSink) -> None:
    async with otlp_receiver() as tap:
        process = notifier_process(otlp_endpoint=tap.url)
        await asyncio.to_thread(process.start)
        sink.answer(Answer(status=500))
        with joined({"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}, job_id="job_traced"):
            await happen([job_requested("job_traced", webhook_url=sink.url)])
        await tap.wait_for(lambda spans: sum(span.name == "webhook.deliver" for span in spans) == 2)
        attempts = [span for span in tap.spans if span.name == "webhook.deliver"]
    assert {span.trace_id for span in attempts} == {TRACE}
    assert {span.attributes["job.id"] for span in attempts} == {"job_traced"}
    assert [span.attributes["dailies.webhook.outcome"] for span in attempts] == ["http.500", "http.204"]
    assert {each.headers["traceparent"].split("-")[1] for each in sink.deliveries} == {TRACE}
    assert all("baggage" not in each.headers for each in sink.deliveries)
