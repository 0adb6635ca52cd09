import json
import logging

from runtime.logs import JsonFormatter
from runtime.telemetry import bound_job, current_job_id, inject, joined, trace_id_of

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_context_and_job_travel_through_headers_even_where_nothing_is_recorded() -> None:
    outgoing: dict[str, str] = {}
    with joined({"traceparent": PARENT}, job_id="job_a"):
        inject(outgoing)
    assert trace_id_of(outgoing) == "4bf92f3577b34da6a3ce929d0e0e4736"
    with joined(outgoing):
        assert current_job_id() == "job_a"
    assert current_job_id() is None


def test_a_log_line_names_the_bound_job() -> None:
    record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "clip.stored", "size_bytes": 5})
    with bound_job("job_b"):
        line = json.loads(JsonFormatter("testing").format(record))
    assert (line["event"], line["job.id"], line["size_bytes"], line["service"]) == (
        "clip.stored",
        "job_b",
        5,
        "testing",
    )
