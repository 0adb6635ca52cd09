"""One job is one trace: from the caller's own span over every hop to the webhook, the job id on every span."""

import asyncio
from pathlib import Path

import httpx
import pytest
from local_stack.layout import CATALOG
from local_stack.services import services_of, vendors_of
from testkit.sinks import Span, WebhookSink, otlp_receiver
from testkit.stack import Options, local_stack

pytestmark = pytest.mark.timeout(240)

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER_SPAN = "00f067aa0ba902b7"
HOPS = ("compiler", "router", "evaluator", "notifier")
WORK = {"vendor.submit", "vendor.poll", "vendor.download", "s3.put", "router.decide", "webhook.deliver"}


async def test_the_trace_of_a_job_covers_every_hop_and_carries_the_job_id(tmp_path: Path) -> None:
    async with otlp_receiver() as tap, WebhookSink() as webhooks:
        env = {service.name: {f"{service.prefix}OTLP_ENDPOINT": tap.url} for service in services_of(CATALOG)}
        options = Options(env=env, simulator_args=("--small-clips",))
        async with local_stack(tmp_path, options) as stack:
            login = {"Authorization": f"Bearer {stack.facts['api_key']}"}
            caller = {"traceparent": f"00-{TRACE_ID}-{CALLER_SPAN}-01"}
            async with httpx.AsyncClient(base_url=stack.facts["gateway_url"], headers=login, trust_env=False) as http:
                body = {"prompt": "A red ball on a table", "quality": "premium", "webhook_url": webhooks.url}
                answer = await http.post("/v1/jobs", json=body, headers=caller)
                job_id = answer.json()["job_id"]
                await webhooks.wait_for(lambda all_: any(each.type == "job.ready" for each in all_), timeout_s=120)
        spans = await settled(tap.spans)

    trace = [span for span in spans if span.trace_id == TRACE_ID]
    about_the_job = [span for span in spans if span.attributes.get("job.id") == job_id and span not in trace]
    # A vendor's callback is the vendor's own request; what we do about it is in the job's trace.
    foreign = [span.name for span in about_the_job if not span.name.startswith(("GET ", "POST /v1/callbacks"))]
    assert foreign == []
    without = [span.name for span in trace if span.attributes.get("job.id") != job_id]
    assert without == []
    names = {span.name for span in trace}
    assert "POST /v1/jobs" in names
    assert names >= WORK
    consumers = {str(span.attributes.get("messaging.consumer.group.name", "")) for span in trace}
    missing = [hop for hop in HOPS if not any(consumer.startswith(hop) for consumer in consumers)]
    assert missing == []
    names_of_workers = {f"provider-workers-{vendor}" for vendor in vendors_of(CATALOG)}
    at_work = {name for name in names_of_workers if any(consumer.startswith(name) for consumer in consumers)}
    assert len(at_work) >= 2, "drafts are made at two vendors"
    known = {span.span_id for span in trace} | {CALLER_SPAN}
    assert [span.name for span in trace if span.parent_id not in known] == []


async def settled(spans: list[Span]) -> list[Span]:
    """Wait until no more spans come: the services flush them as they stop."""
    n_seen = -1
    while n_seen != len(spans):
        n_seen = len(spans)
        await asyncio.sleep(0.5)
    return list(spans)
