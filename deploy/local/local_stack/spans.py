"""One finished span as the local stack and the tests read it: flat, with the service that made it.

Made from OTLP by the span receiver, kept one JSON object a line, read back for the trace tree.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # type: ignore[import-not-found, unused-ignore]
    ExportTraceServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import (  # type: ignore[import-not-found, unused-ignore]
    AnyValue,
    KeyValue,
)
from opentelemetry.proto.trace.v1 import trace_pb2  # type: ignore[import-not-found, unused-ignore]

NS_PER_MS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Span:
    """One operation of one service.

    Attributes:
        parent_id: Empty at the root of a trace.
        started_at_ns: Since the epoch.
        status: `unset`, `ok` or `error`.
        attributes: As OpenTelemetry names them.
        links: Span ids of other operations it belongs to.
    """

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    started_at_ns: int
    duration_ms: float
    status: str = "unset"
    attributes: dict[str, Any] = field(default_factory=dict)
    links: tuple[str, ...] = ()


class NotAnExport(ValueError):
    """The bytes are no OTLP trace export."""


def decode_export(body: bytes) -> tuple[Span, ...]:
    """Read one OTLP trace export (`ExportTraceServiceRequest`, binary).

    Raises:
        NotAnExport: it is something else.
    """
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as err:
        raise NotAnExport(str(err)) from err
    return tuple(_flatten(request))


def _flatten(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        service = str(_plain(resource.resource.attributes).get("service.name", "unknown"))
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield span_of(span, service=service)


def span_of(span: trace_pb2.Span, *, service: str) -> Span:
    """Flatten one span of OTLP."""
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        service=service,
        name=span.name,
        started_at_ns=span.start_time_unix_nano,
        duration_ms=round((span.end_time_unix_nano - span.start_time_unix_nano) / NS_PER_MS, 3),
        status=trace_pb2.Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_").lower(),
        attributes=_plain(span.attributes),
        links=tuple(link.span_id.hex() for link in span.links),
    )


def to_line(span: Span) -> str:
    """Write a span as one line of JSON."""
    return json.dumps(dataclasses.asdict(span), separators=(",", ":")) + "\n"


def load_spans(path: Path, *, offset_bytes: int = 0) -> tuple[Span, ...]:
    """Read the spans of a file; none where there is no file. A last line still being written is left out.

    Args:
        path: As the span receiver writes it.
        offset_bytes: Skip so much, which must end with a line.
    """
    if not path.exists():
        return ()
    with path.open("rb") as file:
        file.seek(offset_bytes)
        lines = file.read().split(b"\n")[:-1]
    return tuple(_from_line(line) for line in lines)


def _from_line(line: bytes) -> Span:
    fields = json.loads(line)
    return Span(**{**fields, "links": tuple(fields["links"])})


def _plain(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _plain(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind)
