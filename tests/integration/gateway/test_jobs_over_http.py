"""Jobs over HTTP, against a real log and a real object store."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest
from dailies_contracts import (
    AssetDeleted,
    JobCancelRequested,
    JobRequested,
    ReviewDecided,
    VideoRequest,
    derive_job_id,
)
from testkit.builders import NOW, clip_ready, clip_scored, job_requested
from testkit.stories import clip_requested, job_completed, promoted_job, review_requested

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUP = {"prompt": "a ceramic cup on a walnut desk", "quality": "premium", "duration_s": 5}


async def test_a_request_is_accepted_at_once_and_is_in_the_log(gateway: Any) -> None:
    answer = await gateway.http.post("/v1/jobs", json=CUP)
    body = answer.json()
    assert (answer.status_code, body["state"]) == (202, "queued")
    assert answer.headers["location"] == body["links"]["self"] == f"/v1/jobs/{body['job_id']}"
    estimate = [body["estimate"][f"{name}_usd_micros"] for name in ("low", "expected", "high")]
    assert estimate == sorted(estimate)
    assert estimate[0] > 0
    event = await gateway.parts.service.log.find(JobRequested, body["job_id"])
    assert (event.tenant_id, event.source, event.request.prompt) == ("acme", "http", CUP["prompt"])
    assert event.request_sha256
    assert msgspec.to_builtins(event.estimate) == body["estimate"]


async def test_two_requests_without_a_key_are_two_jobs(gateway: Any) -> None:
    first, second = [await gateway.http.post("/v1/jobs", json=CUP) for _ in range(2)]
    assert first.json()["job_id"] != second.json()["job_id"]


async def test_the_same_key_and_request_give_the_first_answer_again(gateway: Any) -> None:
    headers = {"Idempotency-Key": "campaign 1"}
    first = await gateway.http.post("/v1/jobs", json=CUP, headers=headers)
    respelled = msgspec.json.format(msgspec.json.encode({**CUP, "audio": False}), indent=4)
    second = await gateway.http.post("/v1/jobs", content=respelled, headers=headers)
    assert first.status_code == second.status_code == 202
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"


async def test_the_same_key_with_another_request_is_a_conflict(gateway: Any) -> None:
    headers = {"Idempotency-Key": "campaign 2"}
    await gateway.http.post("/v1/jobs", json=CUP, headers=headers)
    answer = await gateway.http.post("/v1/jobs", json={**CUP, "duration_s": 6}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency.key_reused")


async def test_twenty_posts_at_once_with_one_key_are_one_job(gateway: Any) -> None:
    key = "twenty posts"
    posts = (gateway.http.post("/v1/jobs", json=CUP, headers={"Idempotency-Key": key}) for _ in range(20))
    answers = await asyncio.gather(*posts)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    history = await gateway.parts.service.log.history(answers[0].json()["job_id"])
    assert len(history.events) == 1


async def test_a_key_names_the_same_job_over_http_and_on_the_bus(gateway: Any) -> None:
    key = "a key"
    asked = msgspec.convert(CUP, VideoRequest)
    event = JobRequested(job_id=derive_job_id("acme", key), tenant_id="acme", occurred_at=NOW, request=asked)
    await gateway.parts.service.log.append_fact(event)
    answer = await gateway.http.post("/v1/jobs", json=CUP, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["job_id"]) == (202, event.job_id)
    assert answer.headers["idempotent-replayed"] == "true"


async def test_two_tenants_may_use_the_same_key(gateway: Any) -> None:
    key = "two tenants"
    made = await gateway.admin.post("/v1/admin/tenants/rival/keys", json={"name": "ci"})
    rival = {"Authorization": f"Bearer {made.json()['key']}"}
    mine = await gateway.http.post("/v1/jobs", json=CUP, headers={"Idempotency-Key": key})
    theirs = await gateway.stranger.post("/v1/jobs", json=CUP, headers={"Idempotency-Key": key, **rival})
    assert mine.json()["job_id"] != theirs.json()["job_id"]
    hidden = await gateway.stranger.get(f"/v1/jobs/{mine.json()['job_id']}", headers=rival)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "job.unknown")


async def tell(gateway: Any, *events: Any) -> None:
    for event in events:
        await gateway.parts.service.log.append_fact(event)


async def test_a_job_is_shown_as_the_log_has_it_now(gateway: Any, job_id: str) -> None:
    await tell(gateway, *promoted_job(job_id))
    job = (await gateway.http.get(f"/v1/jobs/{job_id}")).json()
    assert (job["state"], job["promotion"]["class"], job["delivered_clip_id"]) == (
        "ready",
        "fresh",
        job["clips"][2]["clip_id"],
    )
    assert [entry["event"] for entry in job["timeline"]][:2] == ["JobRequested", "PromptCompiled"]


async def test_the_file_of_a_clip_can_be_fetched_by_its_signed_address(gateway: Any, job_id: str) -> None:
    draft = clip_requested(job_id)
    asset = await gateway.parts.objects.put("jobs/job_test/a/source.mp4", b"moving", media_type="video/mp4")
    await tell(gateway, job_requested(job_id), draft, msgspec.structs.replace(clip_ready(draft), asset=asset))
    clip = (await gateway.http.get(f"/v1/jobs/{job_id}")).json()["clips"][0]
    redirect = await gateway.http.get(clip["file"]["content_path"])
    assert redirect.status_code == 302
    async with httpx.AsyncClient() as plain:
        fetched = [await plain.get(url) for url in (clip["url"], redirect.headers["location"])]
    assert [each.content for each in fetched] == [b"moving", b"moving"]


async def test_a_file_that_is_not_there_is_not_found_and_a_deleted_one_is_gone(gateway: Any, job_id: str) -> None:
    draft, other = clip_requested(job_id), clip_requested(job_id, attempt=2)
    about = {name: getattr(draft, name) for name in ("job_id", "tenant_id", "clip_id", "provider", "model", "stage")}
    deleted = AssetDeleted(occurred_at=NOW, sha256s=(), **about)
    await tell(gateway, job_requested(job_id), draft, clip_ready(draft), deleted, other)
    paths = [f"/v1/jobs/{job_id}/clips/{clip.clip_id}/content" for clip in (draft, other)]
    gone, missing = [await gateway.http.get(path) for path in paths]
    assert (gone.status_code, gone.json()["code"]) == (410, "clip.deleted")
    assert (missing.status_code, missing.json()["code"]) == (404, "clip.unknown")


async def test_a_running_job_can_be_stopped_more_than_once(gateway: Any) -> None:
    job_id = (await gateway.http.post("/v1/jobs", json=CUP)).json()["job_id"]
    path = f"/v1/jobs/{job_id}/cancel"
    answers = [await gateway.http.post(path, json={"reason": "typo"}), await gateway.http.post(path)]
    assert [answer.status_code for answer in answers] == [202, 202]
    event = await gateway.parts.service.log.find(JobCancelRequested, job_id)
    assert event.reason == "typo"
    assert (await gateway.http.get(f"/v1/jobs/{job_id}")).json()["cancel_requested"] is True


async def test_an_ended_job_cannot_be_stopped(gateway: Any, job_id: str) -> None:
    draft = clip_requested(job_id)
    await tell(gateway, job_requested(job_id), draft, clip_ready(draft), clip_scored(draft), job_completed(draft))
    answer = await gateway.http.post(f"/v1/jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "job.already_ended")
    assert "ready" in answer.json()["detail"]


async def test_a_review_is_taken_once_and_not_turned_round(gateway: Any, job_id: str) -> None:
    draft = clip_requested(job_id)
    await tell(gateway, job_requested(job_id), draft, clip_ready(draft), review_requested(draft))
    yes = {"clip_id": draft.clip_id, "approved": True, "reviewer": "rosa"}
    answers = [
        await gateway.http.post(f"/v1/jobs/{job_id}/review", json=body)
        for body in (yes, yes, {**yes, "approved": False})
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 409]
    assert answers[2].json()["code"] == "review.already_decided"
    event = await gateway.parts.service.log.find(ReviewDecided, job_id, draft.clip_id)
    assert (event.approved, event.reviewer) == (True, "rosa")


async def test_a_review_that_nobody_asked_for_is_refused(gateway: Any, job_id: str) -> None:
    await tell(gateway, job_requested(job_id), clip_requested(job_id))
    body = {"clip_id": clip_requested(job_id).clip_id, "approved": True, "reviewer": "rosa"}
    answer = await gateway.http.post(f"/v1/jobs/{job_id}/review", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "review.not_requested")


async def test_feedback_is_taken_once_per_person(gateway: Any, job_id: str) -> None:
    draft = clip_requested(job_id)
    await tell(gateway, job_requested(job_id), draft, clip_ready(draft))
    bodies = [
        {"clip_id": draft.clip_id, "rating": rating, "author": author}
        for rating, author in ((5, "ann"), (5, "ann"), (1, "ann"), (1, "ben"))
    ]
    answers = [await gateway.http.post(f"/v1/jobs/{job_id}/feedback", json=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [202, 202, 409, 202]
    seen = (await gateway.http.get(f"/v1/jobs/{job_id}")).json()["clips"][0]["feedback"]
    assert sorted((each["author"], each["rating"]) for each in seen) == [("ann", 5), ("ben", 1)]


@pytest.mark.parametrize("odd", ["job_unknown", "a.b", "*", "a b", "%3E", "%0d%0aPUB"])
async def test_no_odd_id_reaches_the_bus(gateway: Any, odd: str) -> None:
    review = {"clip_id": "c", "approved": True, "reviewer": "r"}
    feedback = {"clip_id": "c", "rating": 1, "author": "a"}
    asked: tuple[tuple[str, str, object], ...] = (
        ("GET", "", None),
        ("GET", "/clips/clip_a/content", None),
        ("POST", "/cancel", {}),
        ("POST", "/review", review),
        ("POST", "/feedback", feedback),
    )
    for method, path, body in asked:
        answer = await gateway.http.request(method, f"/v1/jobs/{odd}{path}", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
