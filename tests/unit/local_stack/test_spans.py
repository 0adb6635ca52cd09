"""Spans between OTLP, the file and the reader."""

from pathlib import Path

import pytest
from local_stack.spans import NotAnExport, Span, decode_export, load_spans, to_line
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # type: ignore[import-not-found, unused-ignore]
    ExportTraceServiceRequest,
)


def export() -> bytes:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    name = resource.resource.attributes.add(key="service.name")
    name.value.string_value = "router"
    span = resource.scope_spans.add().spans.add(
        trace_id=b"\x01" * 16,
        span_id=b"\x02" * 8,
        parent_span_id=b"\x03" * 8,
        name="decide",
        start_time_unix_nano=10,
        end_time_unix_nano=10 + 2_500_000,
    )
    span.status.code = 2
    span.attributes.add(key="job.id").value.string_value = "j1"
    span.attributes.add(key="attempt").value.int_value = 2
    span.attributes.add(key="vendors").value.array_value.values.add(string_value="kling")
    span.links.add(trace_id=b"\x01" * 16, span_id=b"\x04" * 8)
    encoded: bytes = request.SerializeToString()
    return encoded


EXPECTED = Span(
    trace_id="01" * 16,
    span_id="02" * 8,
    parent_id="03" * 8,
    service="router",
    name="decide",
    started_at_ns=10,
    duration_ms=2.5,
    status="error",
    attributes={"job.id": "j1", "attempt": 2, "vendors": ["kling"]},
    links=("04" * 8,),
)


def test_an_export_becomes_flat_spans_with_their_service() -> None:
    assert decode_export(export()) == (EXPECTED,)


def test_other_bytes_are_refused() -> None:
    with pytest.raises(NotAnExport):
        decode_export(b"\xff\xff not protobuf")


def test_a_span_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "spans.ndjson"
    path.write_text(to_line(EXPECTED) * 2)
    assert load_spans(path) == (EXPECTED, EXPECTED)


def test_a_line_that_is_still_being_written_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "spans.ndjson"
    path.write_text(to_line(EXPECTED) + '{"trace_id": "01')
    assert load_spans(path) == (EXPECTED,)


def test_no_file_means_no_spans(tmp_path: Path) -> None:
    assert load_spans(tmp_path / "spans.ndjson") == ()


def test_what_was_there_before_can_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "spans.ndjson"
    path.write_text(to_line(EXPECTED) * 2)
    assert load_spans(path, offset_bytes=len(to_line(EXPECTED))) == (EXPECTED,)
