import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dailies_contracts
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary_event
from dailies_contracts import (
    JobRequested,
    MalformedEvent,
    VideoRequest,
    cloudevents_headers,
    decode,
    decode_fact,
    encode,
    subject_of,
    type_of,
)
from dailies_contracts.documents import FACT_TYPES
from hypothesis import given, settings
from hypothesis import strategies as st

FOLDER = Path(dailies_contracts.__file__).parent / "golden" / "v1"
GOLDEN = [path.read_bytes() for path in sorted(FOLDER.glob("*.json"))]
EVENTS = [decode_fact(body) for body in GOLDEN]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in items for found in paths(item, (*path, key)))]


def decodes_or_is_malformed(body: bytes) -> None:
    try:
        event = decode_fact(body)
    except MalformedEvent:
        return
    assert decode_fact(encode(event), subject=subject_of(event)) == event


@given(body=st.binary(max_size=200))
def test_any_bytes_are_an_event_or_malformed(body: bytes) -> None:
    decodes_or_is_malformed(body)


@given(value=values)
def test_any_json_is_an_event_or_malformed(value: Any) -> None:
    decodes_or_is_malformed(json.dumps(value).encode())


@given(data=st.data(), body=st.sampled_from(GOLDEN), value=values)
@settings(max_examples=300, deadline=None)
def test_an_event_with_one_part_replaced_is_an_event_or_malformed(data: st.DataObject, body: bytes, value: Any) -> None:
    document = json.loads(body)
    *parents, key = data.draw(st.sampled_from([path for path in paths(document) if path]))
    target = document
    for parent in parents:
        target = target[parent]
    target[key] = value
    decodes_or_is_malformed(json.dumps(document).encode())


@given(data=st.data(), body=st.sampled_from(GOLDEN))
@settings(deadline=None)
def test_a_truncated_event_is_malformed(data: st.DataObject, body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        decode_fact(body[: data.draw(st.integers(0, len(body) - 2))])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"type":"JobPaused"}',
        b'{"type":"JobCancelled"}',
        b'{"type":"JobCancelled","job_id":"a.b","tenant_id":"t","occurred_at":"2026-11-22T12:00:00Z"}',
        b'{"type":"JobCancelled","job_id":"a","tenant_id":"t\\n","occurred_at":"2026-11-22T12:00:00Z"}',
        b'{"type":"JobCancelled","job_id":"a","tenant_id":"*","occurred_at":"2026-11-22T12:00:00Z"}',
        b'{"type":"JobCancelled","job_id":"a","tenant_id":"t","occurred_at":"2026-11-22T12:00:00"}',
        b'{"type":"JobCancelled","job_id":"a","tenant_id":"t","occurred_at":"yesterday"}',
        b'\xff{"type":"JobCancelled"}',
    ],
)
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        decode(body)


@pytest.mark.parametrize(
    "request_fields",
    [
        {"duration_s": 61},
        {"duration_s": 0},
        {"aspect_ratio": "21:9"},
        {"prompt": "x" * 4_001},
        {"budget_usd_micros": -1},
        {"budget_usd_micros": 10**30},
        {"webhook_url": "ftp://a"},
        {"provider": "Kling!"},
        {"metadata": {"k": "v" * 513}},
        {"seed": 2**32},
    ],
)
def test_a_request_out_of_range_is_malformed(request_fields: dict[str, Any]) -> None:
    event = JobRequested(job_id="j", tenant_id="t", occurred_at=NOW, request=VideoRequest(**request_fields))
    with pytest.raises(MalformedEvent, match="request"):
        decode(encode(event))


def test_unknown_fields_of_a_later_version_are_ignored() -> None:
    body = b'{"type":"JobCancelled","job_id":"a","tenant_id":"t","occurred_at":"2026-11-22T12:00:00Z","later":[1]}'
    assert decode(body).job_id == "a"


def test_an_event_on_another_facts_subject_is_malformed() -> None:
    first, second = EVENTS[0], EVENTS[1]
    with pytest.raises(MalformedEvent, match="belongs on"):
        decode_fact(encode(first), subject=subject_of(second))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_the_headers_make_a_cloud_event(event: Any) -> None:
    headers = cloudevents_headers(event, source="/acme/campaigns")
    seen = from_binary_event(HTTPMessage(headers=headers, body=encode(event)))
    owner = getattr(event, event.OWNER)
    assert (seen.get_id(), seen.get_source(), seen.get_subject()) == (event.id, "/acme/campaigns", owner)
    assert seen.get_type() == f"dev.dailies.{type(event).__name__}.v1"
    assert seen.get_time() == event.occurred_at
    assert seen.get_data() == json.loads(encode(event))


@pytest.mark.parametrize("kind", FACT_TYPES, ids=lambda kind: kind.__name__)
def test_the_type_is_read_back_from_the_headers(kind: type) -> None:
    event = next(event for event in EVENTS if isinstance(event, kind))
    assert type_of(cloudevents_headers(event, source="/x")) == kind.__name__
    assert type_of({"ce-type": "com.example.other"}) is None
    assert type_of({}) is None


def test_the_same_fact_has_the_same_id() -> None:
    first, second = (
        JobRequested(job_id="j", tenant_id="t", occurred_at=NOW, request=VideoRequest(prompt=text)) for text in "ab"
    )
    assert first.id == second.id == "j.job_requested"
