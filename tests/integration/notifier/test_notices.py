"""What belongs to no state of a job: budgets, disabled endpoints, test events; and what is told again on request."""

import json
from typing import Any

from dailies_contracts import (
    FEED,
    NOTICE,
    REPLAY,
    WEBHOOKS,
    BudgetThresholdReached,
    Notice,
    Replay,
    WebhookAttempt,
    encode_message,
    feed_filter,
)
from dailies_contracts.tenant_events import BudgetScope
from local_stack.webhook_sink import Answer, WebhookSink
from msgspec.json import decode
from nats.aio.client import Client
from notifier.domain.notifications import notifications
from runtime.direct_get import DirectGet
from runtime.service import Service
from testkit.builders import NOW, TENANT, job_requested
from testkit.stories import promoted_job


async def tenant_settings(service: Service, **settings: object) -> None:
    await (await service.bucket("tenants")).put(TENANT, json.dumps(settings).encode())


async def attempts_of(bus: Client, *, until: int) -> list[WebhookAttempt]:
    """Wait for so many attempts in the log."""
    subscription = await bus.jetstream().subscribe("webhooks.v1.>", stream=WEBHOOKS, ordered_consumer=True)
    found = [decode((await subscription.next_msg(timeout=5)).data, type=WebhookAttempt) for _ in range(until)]
    await subscription.unsubscribe()
    return found


async def fed(bus: Client, *, until: int, tenant: str = TENANT) -> list[dict[str, Any]]:
    """Wait for so many events in the feed of a tenant."""
    subscription = await bus.jetstream().subscribe(feed_filter(tenant), stream=FEED, ordered_consumer=True)
    found = [json.loads((await subscription.next_msg(timeout=5)).data) for _ in range(until)]
    await subscription.unsubscribe()
    return found


def threshold(percent: int = 80, *, scope: BudgetScope = "day") -> BudgetThresholdReached:
    return BudgetThresholdReached(
        tenant_id=TENANT,
        occurred_at=NOW,
        scope=scope,
        period="2026-11-22",
        limit_usd_micros=10_000_000,
        percent=percent,  # type: ignore[arg-type]
        spent_usd_micros=8_000_000,
        held_usd_micros=100_000,
    )


async def test_a_budget_threshold_is_told_to_registered_endpoints_and_in_the_feed(
    notifier, happen, bus: Client, sink: WebhookSink
) -> None:
    async with notifier() as service:
        await tenant_settings(service, endpoints=[{"id": "ep_1", "url": sink.url, "events": ["budget.threshold"]}])
        await happen([threshold(), threshold(100)])
        first, second = await sink.next(), await sink.next()
        events = await fed(bus, until=2)
    assert {first.type, second.type} == {"budget.threshold"}
    assert first.verified
    percents = [each.payload["data"]["budget"]["percent"] for each in (first, second)]
    assert sorted(percents) == [80, 100]
    assert {each["type"] for each in events} == {"budget.threshold"}


async def test_an_endpoint_that_fails_for_too_long_is_disabled_and_its_owner_told_elsewhere(
    notifier, happen, written, sink: WebhookSink
) -> None:
    sink.usual_answer = Answer(status=500)
    async with notifier(disable_after_s=0.8, standing_age_s=0.0) as service, WebhookSink() as other:
        endpoints = [
            {"id": "ep_dead", "url": sink.url, "events": ["job.queued"]},
            {"id": "ep_good", "url": other.url, "events": ["endpoint.disabled"]},
        ]
        await tenant_settings(service, webhook_secret="whsec_" + "A" * 44, endpoints=endpoints)
        await happen([job_requested("job_1")])
        told = await other.next()
        await written("endpoints", lambda record: "disabled_at" in record)
        n_attempts = len(sink.deliveries)
        await happen([job_requested("job_2")])
        await written("deliveries", lambda record: record.get("reason") == "endpoint.disabled")
    assert told.payload["data"]["endpoint"] == {"id": "ep_dead", "url": sink.url}
    assert "http.500" in told.payload["data"]["reason"]
    assert len(sink.deliveries) == n_attempts
    assert len(other.deliveries) == 1


async def test_an_endpoint_that_is_enabled_again_is_told_what_it_missed_of_a_job(
    notifier, happen, written, sink: WebhookSink
) -> None:
    requested, *rest = promoted_job()
    endpoint = {"id": "ep_1", "url": sink.url, "enabled": False}
    async with notifier() as service:
        await tenant_settings(service, endpoints=[endpoint])
        await happen([requested])
        await written("deliveries", lambda record: record.get("reason") == "endpoint.disabled")
    async with notifier() as service:
        await tenant_settings(service, endpoints=[endpoint | {"enabled": True}])
        await happen(rest)
        await sink.wait_for(lambda all_: len(all_) == 12)
    assert [each.payload["data"]["sequence"] for each in sink.deliveries] == list(range(1, 13))


async def test_a_test_event_goes_to_one_endpoint_once_even_where_it_is_disabled(
    notifier, bus: Client, sink: WebhookSink
) -> None:
    sink.usual_answer = Answer(status=500, body=b"no such route")
    async with notifier() as service, WebhookSink() as other:
        endpoints = [
            {"id": "ep_1", "url": sink.url, "enabled": False, "events": ["job.ready"]},
            {"id": "ep_2", "url": other.url},
        ]
        await tenant_settings(service, endpoints=endpoints)
        notice = Notice(id="notice_test", tenant_id=TENANT, kind="endpoint.test", occurred_at=NOW, only="ep_1")
        await service.timers.fire(NOTICE, notice.id, encode_message(notice))
        delivery = await sink.next()
        (attempt,) = await attempts_of(bus, until=1)
    assert (delivery.type, delivery.verified) == ("endpoint.test", True)
    assert (attempt.outcome, attempt.state, attempt.response) == ("http.500", "failed", "no such route")
    assert other.deliveries == []


async def test_every_attempt_is_in_the_log_with_what_the_endpoint_answered(
    notifier, happen, bus: Client, sink: WebhookSink
) -> None:
    sink.answer(Answer(status=503, body="später".encode() * 1_000), Answer(status=200, body=b"thanks"))
    async with notifier():
        await happen([job_requested(webhook_url=f"{sink.url}?token=secret")])
        first, second = await attempts_of(bus, until=2)
    assert [(each.number, each.outcome, each.state) for each in (first, second)] == [
        (1, "http.503", "retrying"),
        (2, "http.200", "delivered"),
    ]
    assert first.webhook_id == second.webhook_id == sink.deliveries[0].webhook_id
    assert first.next_at is not None
    assert first.next_at <= second.at
    assert len(first.response) <= 1_000
    assert second.response == "thanks"
    assert "secret" not in first.target


async def test_what_was_told_is_told_again_on_request_with_the_same_id(
    notifier, happen, bus: Client, sink: WebhookSink
) -> None:
    async with notifier() as service:
        await happen(promoted_job(webhook_url=sink.url))
        await sink.wait_for(lambda all_: len(all_) == 12)
        original = await attempts_of(bus, until=12)
        sink.answer(Answer(status=500))
        order = Replay(topic_id="job_test", endpoint_id=original[0].endpoint_id, sequence=3)
        await service.timers.fire(REPLAY, "any", encode_message(order))
        await sink.wait_for(lambda all_: len(all_) == 14)
        attempts = await attempts_of(bus, until=14)
    again = sink.deliveries[12:]
    assert [(each.webhook_id, each.body) for each in again] == [(sink.deliveries[2].webhook_id, again[0].body)] * 2
    assert again[0].body == sink.deliveries[2].body
    assert [(each.replayed, each.state) for each in attempts[12:]] == [(True, "retrying"), (True, "delivered")]


async def test_a_replay_of_what_was_given_up_goes_on_with_everything_behind_it(
    notifier, happen, written, bus: Client, sink: WebhookSink
) -> None:
    sink.answer(Answer(status=500), Answer(status=500))
    async with notifier(retry_delays_s=(0.01,)) as service:
        requested, *rest = promoted_job(webhook_url=sink.url)
        await happen([requested])
        await written("deliveries", lambda record: record["phase"] == "stopped")
        await happen(rest)
        (given_up, *_) = await attempts_of(bus, until=2)
        order = Replay(topic_id="job_test", endpoint_id=given_up.endpoint_id, sequence=1)
        await service.timers.fire(REPLAY, "any", encode_message(order))
        await sink.wait_for(lambda all_: len(all_) == 14)
    assert [each.payload["data"]["sequence"] for each in sink.deliveries] == [1, 1, *range(1, 13)]


async def test_the_feed_has_every_notification_once_and_in_order_whoever_is_told(notifier, happen, bus: Client) -> None:
    jobs = [promoted_job(f"job_{n}") for n in range(8)]
    async with notifier(), notifier():
        for facts in zip(*jobs, strict=True):
            await happen(facts)
        events = await fed(bus, until=96)
    async with notifier():
        await happen([job_requested("job_late")])
        assert [each["data"]["job_id"] for each in (await fed(bus, until=97))[96:]] == ["job_late"]
    wanted = [each.type for each in notifications(jobs[0])]
    for job in jobs:
        mine = [each for each in events if each["data"]["job_id"] == job[0].job_id]
        assert [each["type"] for each in mine] == wanted
        assert [each["data"]["sequence"] for each in mine] == list(range(1, 13))
    assert len({each["id"] for each in events}) == 96


async def test_a_page_of_the_feed_is_one_request(notifier, happen, bus: Client) -> None:
    async with notifier():
        await happen([*promoted_job("job_a"), job_requested("job_b", tenant_id="umbrella")])
        await fed(bus, until=12)
        await fed(bus, until=1, tenant="umbrella")
        reader = DirectGet(bus)
        first = await reader.following(FEED, feed_filter(TENANT), after=0, limit=5)
        rest = await reader.following(FEED, feed_filter(TENANT), after=first[-1].sequence, limit=100)
        assert await reader.following(FEED, feed_filter(TENANT), after=rest[-1].sequence, limit=5) == []
    sequences = [json.loads(each.body)["data"]["sequence"] for each in (*first, *rest)]
    assert (len(first), sequences) == (5, list(range(1, 13)))
