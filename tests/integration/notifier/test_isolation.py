"""One dead or slow server slows nobody else."""

from contextlib import AsyncExitStack

from local_stack.ports import LOOPBACK, free_ports
from local_stack.webhook_sink import Answer, WebhookSink
from testkit.builders import job_requested
from testkit.stories import promoted_job

SILENT = Answer(delay_s=60)


async def test_a_server_that_hangs_delays_no_other(notifier, happen, sink: WebhookSink) -> None:
    async with notifier(concurrency=2, patience_s=0.05, timeout_s=30.0), WebhookSink() as hanging:
        hanging.usual_answer = SILENT
        await happen(job_requested(f"job_h{n}", webhook_url=hanging.url) for n in range(30))
        await happen(promoted_job(webhook_url=sink.url))
        await sink.wait_for(lambda all_: len(all_) == 12, timeout_s=10)
        assert 1 <= len(hanging.deliveries) <= 4  # so many places a server has; none of them is free yet


async def test_more_hanging_servers_than_handlers_delay_no_other(notifier, happen, sink: WebhookSink) -> None:
    async with notifier(concurrency=2, patience_s=0.05, timeout_s=30.0), AsyncExitStack() as stack:
        for n in range(10):
            hanging = await stack.enter_async_context(WebhookSink())
            hanging.usual_answer = SILENT
            await happen([job_requested(f"job_h{n}", webhook_url=hanging.url)])
        await happen(promoted_job(webhook_url=sink.url))
        await sink.wait_for(lambda all_: len(all_) == 12, timeout_s=10)


async def test_a_tenth_dead_and_a_tenth_hanging_keep_nothing_from_the_others(
    notifier, happen, sink: WebhookSink
) -> None:
    """Counted, not timed: every healthy endpoint has everything before a single hanging attempt has ended."""
    (dead_port,) = free_ports(1)
    async with notifier(concurrency=16, timeout_s=30.0), WebhookSink() as hanging:
        hanging.usual_answer = SILENT
        bad = {0: f"http://{LOOPBACK}:{dead_port}/", 1: hanging.url + "/"}
        urls = [f"{bad.get(n % 10, sink.url + '/')}{n}" for n in range(60)]
        for about in range(2):
            await happen(
                job_requested(f"job_{n}_{about}", tenant_id=f"tenant-{n // 10 % 3}", webhook_url=url)
                for n, url in enumerate(urls)
            )
        await sink.wait_for(lambda all_: len(all_) == 96, timeout_s=15)
    assert len({each.path for each in sink.deliveries}) == 48
    assert all(each.verified for each in sink.deliveries)
    assert {each.path for each in hanging.deliveries} <= {f"/webhooks/{n}" for n in range(1, 60, 10)}
    assert len(hanging.deliveries) <= 12  # none was tried again


async def test_a_server_that_keeps_failing_is_left_alone_until_its_circuit_closes(
    notifier, happen, written, sink: WebhookSink
) -> None:
    sink.usual_answer = Answer(status=500)
    open_ = {"circuit_failures": 3, "circuit_cooldown_s": 60.0, "retry_delays_s": (30.0,)}
    async with notifier(**open_):
        for n in range(3):
            await happen([job_requested(f"job_{n}", webhook_url=sink.url)])
            await sink.next()
        await happen([job_requested("job_late", webhook_url=sink.url)])
        await written("deliveries", lambda record: record.get("reason") == "webhook.circuit_open")
    assert len(sink.deliveries) == 3


async def test_a_job_that_waits_for_its_next_attempt_holds_up_no_other_job_of_the_endpoint(
    notifier, happen, sink: WebhookSink
) -> None:
    sink.answer(Answer(status=503, headers={"retry-after": "600"}))
    async with notifier():
        await happen([job_requested("job_stuck", webhook_url=sink.url)])
        await sink.next()
        await happen(promoted_job("job_other", webhook_url=sink.url))
        await sink.wait_for(lambda all_: len(all_) == 13)
    assert [each.payload["data"]["job_id"] for each in sink.deliveries].count("job_stuck") == 1


async def test_a_slow_server_still_gets_everything_in_order(notifier, happen, sink: WebhookSink) -> None:
    sink.usual_answer = Answer(delay_s=0.1)
    async with notifier(patience_s=0.02):
        await happen(promoted_job(webhook_url=sink.url))
        await sink.wait_for(lambda all_: len(all_) == 12)
    assert [each.payload["data"]["sequence"] for each in sink.deliveries] == list(range(1, 13))
