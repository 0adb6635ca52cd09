"""A batch is many requests, each held to the rules of one sent alone."""

from typing import Any

import msgspec
import pytest
from dailies_contracts import derive_job_id
from gateway.domain.batches import (
    BatchBody,
    Item,
    Manifest,
    Progress,
    beginning,
    read_batch,
    refusals,
    without_taken_keys,
)
from gateway.domain.errors import InvalidField, MalformedRequest
from gateway.domain.requests import Allowed
from hypothesis import given
from hypothesis import strategies as st
from runtime.errors import InvalidRequest
from testkit.builders import job_requested

CUP = {"prompt": "a ceramic cup"}
GOOD = {"idempotency_key": "a", "request": CUP}


def read(*requests: Any, mode: str = "partial", **extra: Any) -> tuple[Item, ...]:
    body = msgspec.json.encode({"mode": mode, "requests": requests} | extra)
    return read_batch(body, tenant_id="acme", allowed=Allowed()).items


def test_each_request_names_the_job_that_it_would_name_alone() -> None:
    (item,) = read(GOOD)
    assert item.job_id == derive_job_id("acme", "a")
    assert item.request is not None
    assert item.refusal is None


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"idempotency_key": "b", "request": {"prompt": ""}}, "request.prompt_missing", "prompt"),
        ({"idempotency_key": "b", "request": CUP | {"duration_s": 61}}, "request.invalid_field", "duration_s"),
        ({"idempotency_key": "b", "request": CUP | {"colour": 1}}, "request.unknown_field", "colour"),
        ({"idempotency_key": "", "request": CUP}, "request.invalid_field", "idempotency_key"),
        ({"request": CUP}, "request.missing_field", ""),
        ({"idempotency_key": "b"}, "request.missing_field", ""),
        ("cup", "request.not_an_object", ""),
        (GOOD, "batch.duplicate_key", "idempotency_key"),
    ],
)
def test_a_wrong_request_is_left_out_with_its_place_and_the_reason(wrong: Any, code: str, field: str) -> None:
    items = read(GOOD, wrong, {"idempotency_key": "c", "request": CUP})
    (refusal,) = refusals(items)
    assert (refusal.index, refusal.code, refusal.field) == (1, code, field)
    assert [item.refusal is None for item in items] == [True, False, True]


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"requests":[]}', b'{"requests":[{}],"mode":"some"}', b'{"requests":[{}],"more":1}', b'{"requests":{}}'],
)
def test_what_is_no_batch_is_refused_whole(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_batch(body, tenant_id="acme", allowed=Allowed())


def test_a_batch_that_is_not_json_or_too_long_is_refused_whole() -> None:
    with pytest.raises(MalformedRequest):
        read_batch(b'{"requests":[', tenant_id="acme", allowed=Allowed())
    with pytest.raises(InvalidField, match="1 to 1000"):
        read(*({"idempotency_key": str(n), "request": CUP} for n in range(1_001)))


def test_the_digest_tells_batches_apart_and_overlooks_spelling() -> None:
    def digest(*requests: Any, mode: str = "all") -> str:
        body = msgspec.json.encode({"mode": mode, "requests": requests})
        return read_batch(body, tenant_id="acme", allowed=Allowed()).sha256

    spelled_out = {"request": CUP | {"audio": False}, "idempotency_key": "a"}
    assert digest(GOOD) == digest(spelled_out)
    others = [digest(GOOD, mode="partial"), digest(GOOD, GOOD), digest(GOOD | {"idempotency_key": "b"})]
    assert len({digest(GOOD), *others}) == 4


def test_a_key_that_named_another_request_is_left_out() -> None:
    items = read(GOOD, {"idempotency_key": "b", "request": CUP})
    same = msgspec.structs.replace(job_requested(items[0].job_id), request=items[0].request)
    known = {items[0].job_id: same, items[1].job_id: job_requested(items[1].job_id)}
    checked = without_taken_keys(items, known)
    assert [refusal.code for refusal in refusals(checked)] == ["idempotency.key_reused"]
    assert checked[0].refusal is None


def test_the_body_is_described_for_clients() -> None:
    assert set(BatchBody.__struct_fields__) == {"mode", "requests"}


@given(states=st.lists(st.sampled_from(["waiting", "running", "ready", "failed", "cancelled", "refused"]), min_size=1))
def test_progress_counts_every_request_once(states: list[Any]) -> None:
    progress = Progress(letters="w" * len(states)).changed(dict(enumerate(states)))
    assert sum(progress.counts().values()) == len(states)
    assert [progress.state_of(index) for index in range(len(states))] == states
    assert progress.has_ended == (not {"waiting", "running"} & set(states))


def test_a_batch_begins_with_everything_waiting_but_what_was_refused() -> None:
    items = read(GOOD, {"idempotency_key": "b", "request": {}})
    assert beginning(Manifest(items=items)).counts() == dict.fromkeys(
        ("running", "ready", "failed", "cancelled"), 0
    ) | {"waiting": 1, "refused": 1}
