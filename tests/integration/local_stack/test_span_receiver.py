"""The span receiver speaks OTLP over HTTP and keeps what it gets."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from local_stack.parts import spans_spec
from local_stack.ports import free_ports
from local_stack.process import Process
from local_stack.spans import load_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # type: ignore[import-not-found, unused-ignore]
    ExportTraceServiceRequest,
)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[httpx.Client, Path]]:
    (port,) = free_ports(1)
    file = tmp_path / "spans.ndjson"
    process = Process(spans_spec(file, port=port, log=tmp_path / "spans.log"))
    process.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        yield http, file
    process.stop()


def export(name: str) -> bytes:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name=name, trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
    encoded: bytes = request.SerializeToString()
    return encoded


def test_spans_are_on_disk_when_the_export_is_answered(receiver: tuple[httpx.Client, Path]) -> None:
    http, file = receiver
    assert http.post("/v1/traces", content=export("plain")).status_code == 200
    packed = gzip.compress(export("packed"))
    assert http.post("/v1/traces", content=packed, headers={"content-encoding": "gzip"}).status_code == 200
    assert [span.name for span in load_spans(file)] == ["plain", "packed"]


def test_other_telemetry_is_accepted_and_nonsense_refused(receiver: tuple[httpx.Client, Path]) -> None:
    http, file = receiver
    assert http.post("/v1/metrics", content=b"anything").status_code == 200
    assert http.post("/v1/traces", content=b"\xff\xff").status_code == 400
    assert http.post("/v1/traces", content=b"no gzip", headers={"content-encoding": "gzip"}).status_code == 400
    assert http.get("/nothing").status_code == 404
    assert load_spans(file) == ()
