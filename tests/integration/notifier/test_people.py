"""People are told through Apprise, off the webhooks' path."""

import asyncio
import json
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from typing import Any

import pytest
from dailies_contracts import CHANNEL_SCHEMES, WEBHOOKS, BudgetThresholdReached, WebhookAttempt
from local_stack.webhook_sink import Answer, WebhookSink
from msgspec.json import decode
from pydantic import SecretStr
from runtime.service import Service
from testkit.builders import NOW, TENANT
from testkit.stories import promoted_job

# Apprise reads pictures with a module that Python 3.13 no longer has, and does without it there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

LOCAL = CHANNEL_SCHEMES | {"json"}  # Apprise's plain HTTP: what an operator may allow, and no tenant by default


class MailSink:
    """A mail server on loopback that takes everything."""

    def __init__(self) -> None:
        self.mails: asyncio.Queue[tuple[list[str], bytes]] = asyncio.Queue()
        self.url = ""

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipients: list[str] = []
        writer.write(b"220 sink\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line[:4].upper()
            if verb == "RCPT":
                recipients.append(line.partition("<")[2].partition(">")[0])
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                body = await reader.readuntil(b"\r\n.\r\n")
                self.mails.put_nowait((recipients, body))
            writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n")
            if verb == "QUIT":
                break
        writer.close()


@pytest.fixture
async def mail() -> AsyncIterator[MailSink]:
    sink = MailSink()
    server = await asyncio.start_server(sink.converse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sink.url = f"mailto://127.0.0.1:{port}?from=dailies@example.com&smtp=127.0.0.1&mode=insecure"
    yield sink
    server.close()


async def people(service: Service, *channels: dict[str, Any], **settings: Any) -> None:
    value = json.dumps({"channels": channels, **settings}).encode()
    await (await service.bucket("tenants")).put(TENANT, value)


async def attempts_at(bus: Any, channel: str, *, until: int) -> list[WebhookAttempt]:
    subscription = await bus.jetstream().subscribe("webhooks.v1.>", stream=WEBHOOKS, ordered_consumer=True)
    found: list[WebhookAttempt] = []
    while len(found) < until:
        attempt = decode((await subscription.next_msg(timeout=10)).data, type=WebhookAttempt)
        found += [attempt] if attempt.endpoint_id == channel else []
    await subscription.unsubscribe()
    return found


async def test_people_hear_what_they_asked_for_and_nothing_of_every_clip(
    notifier, happen, bus: Any, sink: WebhookSink, capfd: pytest.CaptureFixture[str]
) -> None:
    url = sink.url.replace("http", "json", 1) + "?verify=no"
    async with notifier(channel_schemes=LOCAL) as service:
        await people(service, {"id": "ch_1", "url": url, "events": ["job.ready", "budget.threshold"]})
        await happen(promoted_job())
        await happen(
            [
                BudgetThresholdReached(
                    tenant_id=TENANT, occurred_at=NOW, scope="total", period="total", limit_usd_micros=10,
                    percent=80, spent_usd_micros=8, held_usd_micros=0,
                )
            ]
        )  # fmt: skip
        deliveries = [await sink.next(timeout_s=10), await sink.next(timeout_s=10)]
        logged = await attempts_at(bus, "ch_1", until=2)
    assert {each.payload["title"] for each in deliveries} == {"Your video is ready", "Budget warning"}
    assert len(sink.deliveries) == 2
    assert {(each.kind, each.outcome, each.target) for each in logged} == {
        ("job.ready", "channel.accepted", "json:…"),
        ("budget.threshold", "channel.accepted", "json:…"),
    }
    assert "/webhooks" not in capfd.readouterr().err  # of a channel's address the logs say nothing


async def test_mail_goes_by_the_installations_own_server_to_the_address_alone(
    notifier, happen, bus: Any, mail: MailSink
) -> None:
    async with notifier(mail_relay_url=SecretStr(mail.url)) as service:
        await people(service, {"id": "ch_1", "url": "mailto:ann@example.com", "events": ["job.ready"]})
        await happen(promoted_job())
        recipients, body = await asyncio.wait_for(mail.mails.get(), 10)
        await attempts_at(bus, "ch_1", until=1)
    assert recipients == ["ann@example.com"]
    message = message_from_bytes(body, policy=policy.default)
    assert message["Subject"] == "Your video is ready"
    assert "/v1/jobs/job_test" in str(message.get_body().get_content())  # type: ignore[union-attr]


async def test_a_channel_that_may_not_be_used_is_given_up_and_says_why(
    notifier, happen, bus: Any, sink: WebhookSink
) -> None:
    async with notifier() as service:
        await people(service, {"id": "ch_1", "url": sink.url.replace("http", "json", 1), "events": ["job.ready"]})
        await happen(promoted_job())
        (attempt,) = await attempts_at(bus, "ch_1", until=1)
    assert (attempt.outcome, attempt.state) == ("channel.scheme_not_allowed", "failed")
    assert sink.deliveries == []


async def test_a_channel_that_hangs_delays_no_webhook_and_is_tried_again(
    notifier, happen, bus: Any, sink: WebhookSink
) -> None:
    quick = {"channel_schemes": LOCAL, "channel_timeout_s": 0.3, "channel_retry_delays_s": (0.05,), "patience_s": 0.05}
    async with notifier(**quick) as service, WebhookSink() as slow:
        slow.answer(Answer(delay_s=2))
        await people(
            service,
            {"id": "ch_1", "url": slow.url.replace("http", "json", 1), "events": ["job.ready"]},
            endpoints=[{"id": "ep_1", "url": sink.url}],
        )
        await happen(promoted_job())
        await sink.wait_for(lambda all_: len(all_) == 12)
        attempts = await attempts_at(bus, "ch_1", until=2)
    assert [each.outcome for each in attempts] == ["channel.timed_out", "channel.accepted"]
