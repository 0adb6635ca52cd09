"""The sinks remember what arrives and answer as programmed."""

import json
from datetime import UTC, datetime

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from standardwebhooks.webhooks import Webhook
from testkit.sinks import Answer, Span, WebhookSink, otlp_receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = json.dumps({"type": "job.ready", "data": {"job_id": "j1"}}).encode()


def signed(secret: str = SECRET) -> dict[str, str]:
    now = datetime.now(tz=UTC)
    signature = Webhook(secret).sign("msg_1", now, BODY.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


async def test_a_signed_webhook_is_verified() -> None:
    async with WebhookSink(secrets=(SECRET,)) as sink, httpx.AsyncClient() as http:
        answer = await http.post(sink.url, content=BODY, headers=signed())
        delivery = await sink.next()
    assert answer.status_code == 204
    assert (delivery.verified, delivery.type, delivery.webhook_id) == (True, "job.ready", "msg_1")


async def test_a_webhook_signed_with_another_secret_is_not_verified() -> None:
    async with WebhookSink(secrets=(SECRET,)) as sink, httpx.AsyncClient() as http:
        await http.post(sink.url, content=BODY, headers=signed("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
        await http.post(sink.url, content=BODY)
        first, second = await sink.next(), await sink.next()
    assert not first.verified
    assert not second.verified


async def test_a_secret_learnt_later_counts_from_then_on() -> None:
    async with WebhookSink() as sink, httpx.AsyncClient() as http:
        await http.post(sink.url, content=BODY, headers=signed())
        sink.trust(SECRET)
        await http.post(sink.url, content=BODY, headers=signed())
    assert [delivery.verified for delivery in sink.deliveries] == [False, True]


async def test_answers_come_in_the_programmed_order() -> None:
    async with WebhookSink() as sink, httpx.AsyncClient() as http:
        sink.answer(Answer(status=503, headers={"retry-after": "2"}), Answer(status=0))
        first = await http.post(sink.url, content=BODY)
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post(sink.url, content=BODY)
        third = await http.post(sink.url, content=b"not json")
    assert (first.status_code, first.headers["retry-after"], third.status_code) == (503, "2", 204)
    assert [delivery.type for delivery in sink.deliveries] == ["job.ready", "job.ready", ""]


async def test_a_sender_that_is_too_impatient_does_not_break_the_sink() -> None:
    async with WebhookSink() as sink, httpx.AsyncClient() as http:
        sink.answer(Answer(delay_s=60))
        with pytest.raises(httpx.ReadTimeout):
            await http.post(sink.url, content=BODY, timeout=0.05)
        assert (await http.post(sink.url, content=BODY)).status_code == 204


async def test_waiting_for_a_webhook_that_does_not_come_says_what_did() -> None:
    async with WebhookSink() as sink, httpx.AsyncClient() as http:
        await http.post(sink.url, content=BODY)
        await sink.next()
        with pytest.raises(TimeoutError, match=r"job\.ready"):
            await sink.next(timeout_s=0.01)


async def test_spans_arrive_at_the_otlp_receiver() -> None:
    async with otlp_receiver() as tap:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{tap.url}/v1/traces")))
        tracer = provider.get_tracer("test")
        with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner") as inner:
            inner.set_attribute("job.id", "j1")
        provider.shutdown()

        def both(spans: list[Span]) -> bool:
            return {"outer", "inner"} <= {span.name for span in spans}

        await tap.wait_for(both)
    inner_span, outer_span = tap.spans
    assert inner_span.parent_id == outer_span.span_id
    assert inner_span.attributes == {"job.id": "j1"}
