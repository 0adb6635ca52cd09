"""Traces: one per job, from the first request to the last webhook, over every hop.

The W3C context and the job id (as baggage) travel in message headers. The job id is put on every span by a
span processor, so that nobody has to remember it.
"""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from opentelemetry import baggage, context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode

JOB_ID = "job.id"
EXPORT_DELAY_MS = 500
"""Short enough that a trace is whole soon after its job."""

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-")
_tracer = trace.get_tracer("dailies")


class JobIdOnEverySpan(SpanProcessor):
    """Copies the job id from the baggage to each span that starts."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Set `job.id` where the context knows it."""
        job_id = baggage.get_baggage(JOB_ID, parent_context)
        if job_id is not None:
            span.set_attribute(JOB_ID, str(job_id))

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing to do."""


def configure_telemetry(service: str, *, endpoint: str, sample_ratio: float = 1.0) -> TracerProvider | None:
    """Send this process's spans to an OTLP collector.

    Args:
        service: `service.name` of every span.
        endpoint: OTLP/HTTP base URL; empty: spans are not recorded, context still travels.
        sample_ratio: Share of new traces to record, [0, 1].

    Returns:
        The provider to shut down at the end, None where tracing is off.
    """
    if not endpoint:
        return None
    resource = Resource.create({"service.name": f"dailies-{service}", "service.version": version("dailies-runtime")})
    provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(sample_ratio)))
    provider.add_span_processor(JobIdOnEverySpan())
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_DELAY_MS))
    trace.set_tracer_provider(provider)
    return provider


def inject(headers: MutableMapping[str, str]) -> None:
    """Write the current trace context and baggage into message or request headers."""
    propagate.inject(headers)


@contextmanager
def joined(headers: Mapping[str, str] | None, *, job_id: str | None = None) -> Iterator[None]:
    """Continue the trace of incoming headers, and bind the job id for every span and log line inside."""
    incoming = propagate.extract(dict(headers or {}))
    if job_id is not None:
        incoming = baggage.set_baggage(JOB_ID, job_id, context=incoming)
    token = context.attach(incoming)
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def bound_job(job_id: str) -> Iterator[None]:
    """Bind the job id for every span and log line inside, within the current trace."""
    token = context.attach(baggage.set_baggage(JOB_ID, job_id))
    try:
        yield
    finally:
        context.detach(token)


def current_job_id() -> str | None:
    """Give the job id that is bound now."""
    job_id = baggage.get_baggage(JOB_ID)
    return None if job_id is None else str(job_id)


def current_trace_id() -> str:
    """Give the trace id in hex, empty outside any trace."""
    span_context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(span_context.trace_id) if span_context.is_valid else ""


def trace_id_of(headers: Mapping[str, str]) -> str:
    """Read the trace id in hex from message headers, empty where they carry no valid context."""
    match = _TRACEPARENT.match(headers.get("traceparent", ""))
    return match[1] if match else ""


@contextmanager
def span(name: str, *, kind: SpanKind = SpanKind.INTERNAL, **attributes: Any) -> Iterator[trace.Span]:
    """Record a span around a block; an exception marks it as failed and goes on.

    Args:
        name: Low-cardinality name, for example `vendor.submit`.
        kind: As in OpenTelemetry.
        attributes: Span attributes; `__` in a name stands for a dot (`gen_ai__provider__name`).
    """
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    with _tracer.start_as_current_span(name, kind=kind, attributes=named, set_status_on_exception=False) as started:
        try:
            yield started
        except Exception as err:
            started.set_status(Status(StatusCode.ERROR, type(err).__name__))
            raise
