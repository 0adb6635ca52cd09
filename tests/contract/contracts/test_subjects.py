from datetime import UTC, datetime
from typing import Any

import pytest
from dailies_contracts import (
    CONSUMERS,
    EVENT_TYPES,
    BudgetThresholdReached,
    Fact,
    FeedbackGiven,
    InvalidSubject,
    JobCancelled,
    derive_clip_id,
    derive_job_id,
    job_filter,
    stream_configs,
    subject_filter,
    subject_of,
)
from dailies_contracts.documents import FACT_TYPES
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
tokens = st.text(ALPHABET, min_size=1, max_size=80)


def matches(subject: str, pattern: str) -> bool:
    """NATS matching: `*` is one token, a closing `>` one or more."""
    have, want = subject.split("."), pattern.split(".")
    if want[-1] == ">":
        have, want = have[: len(want) - 1], want[:-1]
        return len(subject.split(".")) > len(want) and all(w in ("*", h) for h, w in zip(have, want, strict=True))
    return len(have) == len(want) and all(w in ("*", h) for h, w in zip(have, want, strict=True))


@given(job=tokens, clip=tokens, author=tokens)
def test_a_subject_names_its_tokens_in_order(job: str, clip: str, author: str) -> None:
    event = FeedbackGiven(job_id=job, tenant_id="t", occurred_at=NOW, clip_id=clip, author=author, rating=5)
    subject = subject_of(event)
    assert subject.split(".") == ["video", "v1", job, "feedback_given", clip, author]
    assert event.id == subject.removeprefix("video.v1.")
    assert matches(subject, subject_filter(FeedbackGiven))
    assert matches(subject, job_filter(job))


@given(token=st.text())
def test_any_text_is_a_token_or_refused(token: str) -> None:
    event = JobCancelled(job_id=token, tenant_id="t", occurred_at=NOW)
    good = 0 < len(token) <= 80 and set(token) <= set(ALPHABET)
    if good:
        assert subject_of(event) == f"video.v1.{token}.job_cancelled"
        return
    for name_it in (lambda: subject_of(event), lambda: job_filter(token)):
        with pytest.raises(InvalidSubject):
            name_it()


@pytest.mark.parametrize("token", ["", "a.b", "a b", "*", ">", "a\n", "ä", "x" * 81, "$SYS"])
def test_tokens_that_would_break_the_grammar_are_refused(token: str) -> None:
    with pytest.raises(InvalidSubject, match="letters, digits"):
        job_filter(token)


@pytest.mark.parametrize("kind", FACT_TYPES, ids=lambda kind: kind.__name__)
def test_every_fact_has_a_name_of_its_own_and_real_tokens(kind: Any) -> None:
    assert sum(other.FACT == kind.FACT for other in FACT_TYPES) == 1
    assert set(kind.TOKENS) <= set(kind.__struct_fields__)
    assert subject_filter(kind).startswith(f"{kind.PREFIX}.*.{kind.FACT}")


def test_a_threshold_is_one_subject_per_period_limit_and_percent() -> None:
    reached = BudgetThresholdReached(
        tenant_id="acme",
        occurred_at=NOW,
        scope="day",
        period="2026-11-22",
        limit_usd_micros=10,
        percent=80,
        spent_usd_micros=3,
        held_usd_micros=5,
    )
    assert subject_of(reached) == "tenant.v1.acme.budget_threshold_reached.2026-11-22.10.80"
    assert reached.id == "acme.budget_threshold_reached.2026-11-22.10.80"


def test_a_filter_of_one_vendor_matches_only_that_vendor() -> None:
    (kind,) = (kind for kind in EVENT_TYPES if kind.__name__ == "ClipRequested")
    assert subject_filter(kind, provider="kling") == "video.v1.*.clip_requested.kling.*"
    with pytest.raises(InvalidSubject):
        subject_filter(kind, provider="a.b")


@given(tenant=st.text(), key=st.text(), attempt=st.integers(1, 99))
def test_derived_ids_are_stable_tokens(tenant: str, key: str, attempt: int) -> None:
    job = derive_job_id(tenant, key)
    assert job == derive_job_id(tenant, key)
    assert job_filter(job)
    clip = derive_clip_id(job, stage="draft", attempt=attempt)
    assert job_filter(clip)
    assert clip != derive_clip_id(job, stage="final", attempt=attempt)


@given(parts=st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_different_tenants_have_different_jobs_for_one_key(parts: list[str]) -> None:
    assert derive_job_id(parts[0], "key") != derive_job_id(parts[1], "key")


def test_consumers_name_each_service_once_and_events_that_exist() -> None:
    services = [consumer.service for consumer in CONSUMERS]
    assert len(services) == len(set(services))
    for consumer in CONSUMERS:
        assert len(consumer.events) == len(set(consumer.events)) > 0
        assert set(consumer.events) <= set(FACT_TYPES)


def test_every_event_has_somebody_who_listens() -> None:
    heard: set[type[Fact]] = {kind for consumer in CONSUMERS for kind in consumer.events}
    assert heard == set(FACT_TYPES)


def test_streams_take_the_subjects_and_write_each_once() -> None:
    video, *others = stream_configs(replicas=3)
    assert video["max_msgs_per_subject"] == 1
    assert video["discard"] == "new"
    assert video["discard_new_per_subject"]
    for kind in FACT_TYPES:
        subject = f"{kind.PREFIX}.owner.{kind.FACT}.x"
        assert sum(matches(subject, pattern) for pattern in video["subjects"]) == 1
    assert {config["num_replicas"] for config in (video, *others)} == {3}
