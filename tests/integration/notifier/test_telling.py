"""Jobs are told: in order, at least once, to whom it concerns."""

import asyncio
import json
from base64 import b64encode
from itertools import groupby

import pytest
from dailies_contracts import AnyEvent
from local_stack.webhook_sink import Answer, Delivery, WebhookSink
from notifier.domain.notifications import notifications
from runtime.service import Service
from testkit.builders import job_requested
from testkit.stories import job_cancelled, job_failed, promoted_job


def types_of(events: tuple[AnyEvent, ...]) -> list[str]:
    return [each.type for each in notifications(events)]


def order_by_job(deliveries: list[Delivery]) -> dict[str, list[int]]:
    """Sequences as they arrived, repeated attempts counted once."""
    jobs: dict[str, list[int]] = {}
    for delivery in deliveries:
        content = delivery.payload["data"]
        jobs.setdefault(content["job_id"], []).append(content["sequence"])
    return {job_id: [sequence for sequence, _ in groupby(sequences)] for job_id, sequences in jobs.items()}


async def tenant_settings(service: Service, **settings: object) -> None:
    await (await service.bucket("tenants")).put("acme", json.dumps(settings).encode())


async def test_a_whole_job_is_told_in_order_and_signed(notifier, happen, sink: WebhookSink) -> None:
    events = promoted_job(webhook_url=sink.url, metadata={"campaign": "spring"})
    async with notifier():
        await happen(events)
        await sink.wait_for(lambda all_: len(all_) == 12)
    assert [each.type for each in sink.deliveries] == types_of(events)
    assert all(each.verified for each in sink.deliveries)
    assert len({each.webhook_id for each in sink.deliveries}) == 12
    assert sink.deliveries[0].headers["content-type"] == "application/json"
    assert sink.deliveries[-1].payload["data"]["metadata"] == {"campaign": "spring"}


async def test_what_happened_while_the_notifier_was_down_is_told_afterwards(
    notifier, happen, sink: WebhookSink
) -> None:
    await happen(promoted_job(webhook_url=sink.url))
    async with notifier():
        await sink.wait_for(lambda all_: len(all_) == 12)
    async with notifier():
        await happen(promoted_job("job_second", webhook_url=sink.url))
        await sink.wait_for(lambda all_: len(all_) == 24)
    assert len({each.webhook_id for each in sink.deliveries}) == 24


async def test_failed_attempts_repeat_the_same_message_and_nothing_overtakes_it(
    notifier, happen, sink: WebhookSink
) -> None:
    sink.answer(Answer(status=500), Answer(status=0), Answer(status=404), Answer(status=200), Answer(status=503))
    async with notifier():
        await happen(promoted_job(webhook_url=sink.url))
        await sink.wait_for(lambda all_: len(all_) == 16)
    first, rest = sink.deliveries[:4], sink.deliveries[4:]
    assert len({(each.webhook_id, each.body) for each in first}) == 1
    assert rest[0].webhook_id == rest[1].webhook_id != first[0].webhook_id
    assert order_by_job(sink.deliveries) == {"job_test": list(range(1, 13))}


async def test_an_endpoint_that_is_gone_is_told_nothing_more_by_any_job(
    notifier, happen, written, sink: WebhookSink
) -> None:
    sink.answer(Answer(status=410))
    async with notifier(), WebhookSink() as other:
        await happen([job_requested("job_1", webhook_url=sink.url)])
        await sink.next()
        await written("endpoints", lambda record: record["reason"] == "http.410")
        await happen([job_cancelled(job_requested("job_1")), *promoted_job("job_2", webhook_url=sink.url)])
        await happen([job_requested("job_3", webhook_url=other.url)])
        await other.next()
    assert len(sink.deliveries) == 1


async def test_retry_after_is_honoured(notifier, happen, sink: WebhookSink) -> None:
    sink.answer(Answer(status=429, headers={"retry-after": "1"}))
    async with notifier():
        await happen([job_requested(webhook_url=sink.url)])
        first, second = await sink.next(), await sink.next()
    assert first.webhook_id == second.webhook_id
    timestamps = [int(each.headers["webhook-timestamp"]) for each in (first, second)]
    assert timestamps[1] - timestamps[0] >= 1


async def test_redirects_are_refused_and_the_endpoint_tried_again(notifier, happen, sink: WebhookSink) -> None:
    async with notifier(), WebhookSink() as elsewhere:
        sink.answer(*(Answer(status=status, headers={"location": elsewhere.url}) for status in (301, 302, 307, 308)))
        await happen([job_requested(webhook_url=sink.url)])
        await sink.wait_for(lambda all_: len(all_) == 5)
    assert elsewhere.deliveries == []
    assert len({each.webhook_id for each in sink.deliveries}) == 1


@pytest.mark.parametrize(("on_exhausted", "told"), [("stop", ["job.queued"]), ("skip", ["job.queued", "job.failed"])])
async def test_after_the_last_attempt_the_job_is_given_up_or_what_is_next_follows(
    notifier, happen, written, sink: WebhookSink, on_exhausted: str, told: list[str]
) -> None:
    sink.answer(Answer(status=500), Answer(status=500), Answer(status=500))
    requested = job_requested(webhook_url=sink.url)
    async with notifier(retry_delays_s=(0.01, 0.01), on_exhausted=on_exhausted):
        await happen([requested])
        await sink.wait_for(lambda all_: len(all_) == 3)
        end = "stopped" if on_exhausted == "stop" else "idle"
        await written("deliveries", lambda record: record["phase"] == end)
        await happen([job_failed(requested), *promoted_job("job_2", webhook_url=sink.url)])
        await sink.wait_for(lambda all_: any(each.type == "job.ready" for each in all_))
    mine = [each for each in sink.deliveries if each.payload["data"]["job_id"] == requested.job_id]
    assert sorted({each.type for each in mine}, key=told.index) == told


async def test_a_registered_endpoint_gets_what_it_asked_for_signed_with_its_own_secret(
    notifier, happen, sink: WebhookSink
) -> None:
    own = "whsec_" + b64encode(b"e" * 32).decode()
    endpoint = {"id": "main", "url": sink.url, "events": ["job.ready", "job.failed"], "webhook_secret": own}
    async with notifier() as service, WebhookSink(secrets=(own,)) as mine:
        await tenant_settings(service, name="Acme", endpoints=[endpoint | {"url": mine.url}])
        await happen(promoted_job())
        delivery = await mine.next()
    assert (delivery.type, delivery.verified, len(mine.deliveries)) == ("job.ready", True, 1)


async def test_during_a_rotation_both_secrets_of_the_tenant_sign(notifier, happen) -> None:
    old, new = ("whsec_" + b64encode(byte * 32).decode() for byte in (b"o", b"n"))
    async with notifier() as service, WebhookSink(secrets=(old,)) as late, WebhookSink(secrets=(new,)) as early:
        await tenant_settings(
            service,
            webhook_secret=new,
            previous_webhook_secret=old,
            previous_webhook_secret_until="2099-01-01T00:00:00Z",
        )
        await happen([job_requested("job_1", webhook_url=late.url), job_requested("job_2", webhook_url=early.url)])
        deliveries = [await late.next(), await early.next()]
    assert all(each.verified for each in deliveries)


async def test_latest_only_tells_the_newest_state_after_an_outage(notifier, happen, sink: WebhookSink) -> None:
    sink.answer(Answer(status=500))
    async with notifier(retry_delays_s=(0.5,) * 3) as service:
        await tenant_settings(service, endpoints=[{"id": "main", "url": sink.url, "latest_only": True}])
        requested, *rest = promoted_job()
        await happen([requested])
        await sink.next()
        await happen(rest)
        await sink.wait_for(lambda all_: len(all_) == 2)
    assert [each.type for each in sink.deliveries] == ["job.queued", "job.ready"]


async def test_private_addresses_are_not_called_unless_allowed(notifier, happen, written, sink: WebhookSink) -> None:
    async with notifier(allow_private_addresses=False):
        await happen([job_requested(webhook_url=sink.url)])
        await written("deliveries", lambda record: record.get("reason") == "webhook.address_refused")
    assert sink.deliveries == []


async def test_a_tenant_whose_id_is_a_wildcard_reads_nobodys_settings(notifier, happen, sink: WebhookSink) -> None:
    async with notifier() as service:
        await tenant_settings(service, endpoints=[{"id": "main", "url": sink.url}])
        await happen([job_requested("job_1", tenant_id="*"), job_requested("job_2")])
        delivery = await sink.next()
    assert delivery.payload["data"]["job_id"] == "job_2"
    assert len(sink.deliveries) == 1


async def test_two_notifiers_tell_each_job_once_and_in_order(notifier, happen, sink: WebhookSink) -> None:
    jobs = [promoted_job(f"job_{n}", webhook_url=sink.url) for n in range(20)]
    async with notifier(), notifier():
        await asyncio.gather(*(happen(job) for job in jobs))
        await sink.wait_for(lambda all_: len(all_) >= 240, timeout_s=20)
    assert order_by_job(sink.deliveries) == {f"job_{n}": list(range(1, 13)) for n in range(20)}
    assert len(sink.deliveries) == 240
