"""No endpoint gets more than its limits, over every process together; what is put off arrives in order."""

import asyncio
import json
from typing import Any

from local_stack.webhook_sink import WebhookSink
from runtime.service import Service
from testkit.builders import TENANT, job_requested
from testkit.stories import promoted_job


async def endpoint(service: Service, url: str, **fields: Any) -> None:
    settings = {"endpoints": [{"id": "ep_1", "url": url, **fields}]}
    await (await service.bucket("tenants")).put(TENANT, json.dumps(settings).encode())


def stamps(sink: WebhookSink) -> list[int]:
    return sorted(int(each.headers["webhook-timestamp"]) for each in sink.deliveries)


async def test_an_endpoint_gets_no_more_a_second_than_it_asked_for(notifier, happen, sink: WebhookSink) -> None:
    async with notifier() as service, notifier():
        await endpoint(service, sink.url, max_per_s=4)
        await happen(job_requested(f"job_{n}") for n in range(16))
        await sink.wait_for(lambda all_: len(all_) == 16, timeout_s=20)
    sent = stamps(sink)
    assert sent[-1] - sent[0] >= 3
    assert max(sent.count(second) for second in sent) <= 5  # a second by the clock can hold the edges of two


async def test_what_is_put_off_still_arrives_in_order_and_is_no_failure(notifier, happen, sink: WebhookSink) -> None:
    async with notifier() as service:
        await endpoint(service, sink.url, max_per_s=6)
        await asyncio.gather(*(happen(promoted_job(f"job_{n}")) for n in range(2)))
        await sink.wait_for(lambda all_: len(all_) == 24, timeout_s=20)
    for n in range(2):
        mine = [each.payload["data"] for each in sink.deliveries if each.payload["data"]["job_id"] == f"job_{n}"]
        assert [each["sequence"] for each in mine] == list(range(1, 13))


async def test_after_the_last_attempt_of_a_day_an_endpoint_waits_for_the_next(
    notifier, happen, written, sink: WebhookSink
) -> None:
    async with notifier(max_per_day=5) as service, notifier(max_per_day=5), WebhookSink() as other:
        await endpoint(service, sink.url)
        await happen(job_requested(f"job_{n}") for n in range(9))
        await sink.wait_for(lambda all_: len(all_) == 5)
        await written("deliveries", lambda record: record.get("reason") == "webhook.throttled")
        await happen([job_requested("job_other", webhook_url=other.url)])
        await other.next()
    assert len(sink.deliveries) == 5
