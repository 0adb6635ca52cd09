"""What a webhook says."""

import json
from typing import Any

from dailies_contracts import AnyEvent, JobRequested, Notice
from notifier.domain.notifications import Notification, Topic, notifications, topic_of_notice
from notifier.domain.payload import MAX_BODY_BYTES, body_of, webhook_id
from testkit.builders import job_requested
from testkit.stories import answered_job, clip_requested, clip_reused, job_failed, promoted_job

REQUESTED = job_requested(metadata={"campaign": "spring"})
PUBLIC_URL = "https://api.example.com/"


def topic(requested: JobRequested = REQUESTED) -> Topic:
    return Topic(requested.job_id, requested.tenant_id, requested, ())


def told(kind: str, *events: AnyEvent) -> Notification:
    return next(each for each in notifications(events) if each.type == kind)


def payload(kind: str, *events: AnyEvent) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(body_of(told(kind, *events), topic(), public_url=PUBLIC_URL))
    return decoded


def test_a_payload_names_type_time_job_state_sequence_link_and_labels() -> None:
    assert payload("job.queued", REQUESTED) == {
        "type": "job.queued",
        "timestamp": "2026-11-22T12:00:00Z",
        "data": {
            "job_id": "job_test",
            "state": "queued",
            "sequence": 1,
            "links": {"job": "https://api.example.com/v1/jobs/job_test"},
            "metadata": {"campaign": "spring"},
        },
    }


def test_a_scored_clip_carries_its_scores() -> None:
    clip = payload("clip.scored", *promoted_job())["data"]["clip"]
    assert (clip["provider"], clip["stage"]) == ("kling", "draft")
    assert clip["scores"] == {
        "aggregate": 0.8, "passed": True, "alignment": 0.8, "motion": 0.8, "aesthetic": 0.8, "safety": 1.0,
    }  # fmt: skip


def test_a_ready_clip_carries_no_scores_and_no_file() -> None:
    assert set(payload("clip.ready", *promoted_job())["data"]["clip"]) == {"clip_id", "stage", "provider", "model"}


def test_a_ready_job_names_the_delivered_clip() -> None:
    events = promoted_job()
    assert payload("job.ready", *events)["data"]["clip"] == {"clip_id": events[-1].clip_id}  # type: ignore[union-attr]


def test_a_job_that_an_earlier_clip_answers_goes_from_queued_to_ready_and_says_so() -> None:
    original = clip_requested("job_a", stage="final")
    events = answered_job(clip_reused("job_b", original))
    assert [each.type for each in notifications(events)] == ["job.queued", "job.ready"]
    told_of = payload("job.ready", *events)["data"]
    assert told_of["origin"] == {"job_id": "job_a", "clip_id": original.clip_id, "match": "exact"}
    assert "origin" not in payload("job.ready", *promoted_job())["data"]


def test_a_failed_job_says_why() -> None:
    error = payload("job.failed", REQUESTED, job_failed(REQUESTED))["data"]["error"]
    assert error == {"code": "job.no_clip", "message": "No vendor could render it: try another prompt."}


def test_labels_that_would_make_it_too_large_are_left_out() -> None:
    requested = job_requested(metadata={f"label {n}": "ü" * 2_000 for n in range(20)})
    body = body_of(told("job.queued", requested), topic(requested), public_url=PUBLIC_URL)
    assert len(body) <= MAX_BODY_BYTES
    assert json.loads(body)["data"]["metadata_omitted"] is True


def test_the_same_notification_has_the_same_id_whatever_else_happened() -> None:
    events = promoted_job()
    without_veo = tuple(event for event in events if getattr(event, "provider", "") != "veo")
    first, second = told("job.ready", *events), told("job.ready", *without_veo)
    assert first.sequence != second.sequence
    assert webhook_id(first, "job_test", endpoint_id="ep_1") == webhook_id(second, "job_test", endpoint_id="ep_1")


def test_ids_differ_between_notifications_and_between_endpoints() -> None:
    all_ = notifications(promoted_job())
    ids = {webhook_id(each, "job_test", endpoint_id=endpoint) for each in all_ for endpoint in ("ep_1", "ep_2")}
    assert len(ids) == 2 * len(all_)
    assert all("." not in each for each in ids)  # the signed text is joined by dots


def test_a_notice_says_what_it_is_about_in_the_shape_of_every_other_webhook() -> None:
    notice = Notice(
        id="notice_1",
        tenant_id="acme",
        kind="budget.threshold",
        occurred_at=REQUESTED.occurred_at,
        content={"threshold_percent": 80},
    )
    about = topic_of_notice(notice)
    body = json.loads(body_of(about.notifications[0], about, public_url=PUBLIC_URL))
    assert body == {
        "type": "budget.threshold",
        "timestamp": "2026-11-22T12:00:00Z",
        "data": {
            "sequence": 1,
            "links": {"events": "https://api.example.com/v1/events"},
            "threshold_percent": 80,
        },
    }
