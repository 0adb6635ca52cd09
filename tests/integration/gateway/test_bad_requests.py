"""Every bad request gets a problem with a stable code and a sentence that says what to do, and no job."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from dailies_contracts import VIDEO

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUP = {"prompt": "a ceramic cup on a walnut desk"}
BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "unknown aspect": ({"json": {**CUP, "aspect_ratio": "4:3"}}, 422, "request.invalid_field"),
    "0 s": ({"json": {**CUP, "duration_s": 0}}, 422, "request.invalid_field"),
    "61 s": ({"json": {**CUP, "duration_s": 61}}, 422, "request.invalid_field"),
    "empty prompt": ({"json": {"prompt": ""}}, 422, "request.prompt_missing"),
    "prompt and shot": ({"json": {**CUP, "shot": {"subject": "cup"}}}, 422, "request.prompt_and_shot"),
    "negative budget": ({"json": {**CUP, "budget_usd_micros": -1}}, 422, "request.invalid_field"),
    "unknown field": ({"json": {**CUP, "fps": 30}}, 422, "request.unknown_field"),
    "http webhook": ({"json": {**CUP, "webhook_url": "http://example.com"}}, 422, "request.webhook_url"),
    "webhook login": ({"json": {**CUP, "webhook_url": "https://a:b@example.com"}}, 422, "request.webhook_url"),
    "not json": ({"content": b"prompt=cup"}, 400, "request.not_json"),
    "a list": ({"json": []}, 422, "request.not_an_object"),
    "no body": ({}, 400, "request.not_json"),
    "10 MB body": ({"json": {"prompt": "x" * 10_000_000}}, 413, "request.too_large"),
    "empty key": ({"json": CUP, "headers": {"Idempotency-Key": ""}}, 400, "idempotency.invalid_key"),
    "long key": ({"json": CUP, "headers": {"Idempotency-Key": "x" * 256}}, 400, "idempotency.invalid_key"),
    "unknown api key": ({"json": CUP, "headers": {"Authorization": "Bearer dk_wrong"}}, 401, "auth.unknown_key"),
    "no bearer": ({"json": CUP, "headers": {"Authorization": "Basic eDp5"}}, 401, "auth.required"),
}


async def n_messages(gateway: Any) -> int:
    info = await gateway.parts.service.connection.jetstream().stream_info(VIDEO)
    return int(info.state.messages)


@pytest.mark.parametrize(("options", "status", "code"), BAD.values(), ids=BAD)
async def test_a_bad_request_gets_a_problem_and_no_job(
    gateway: Any, options: dict[str, Any], status: int, code: str
) -> None:
    before = await n_messages(gateway)
    answer = await gateway.http.post("/v1/jobs", **options)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"urn:dailies:problem:{code}"
    assert problem["detail"].endswith(".")
    assert problem["instance"] == "/v1/jobs"
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert await n_messages(gateway) == before


async def test_a_long_body_without_a_length_is_refused_while_it_streams(gateway: Any) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 100_000
            yield b"x" * 100_000
            await asyncio.sleep(0)

    class Endless:
        """ASGITransport reads whole requests first, so this one speaks ASGI itself."""

        chunks = endless()

        async def receive(self) -> dict[str, Any]:
            return {"type": "http.request", "body": await anext(self.chunks), "more_body": True}

    started: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        started.append(message)

    app = gateway.http._transport.app
    headers = [(b"authorization", b"Bearer dk_test")]
    scope = {"type": "http", "method": "POST", "path": "/v1/jobs", "headers": headers, "query_string": b""}
    await app({**scope, "raw_path": b"/v1/jobs", "root_path": "", "http_version": "1.1"}, Endless().receive, send)
    assert started[0]["status"] == 413
    assert sent <= 1_200_000


async def test_the_framework_answers_in_problems_too(gateway: Any) -> None:
    missing = await gateway.http.get("/v2/jobs")
    wrong = await gateway.http.delete("/v1/jobs")
    assert (missing.status_code, missing.json()["code"]) == (404, "http.not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "http.method_not_allowed")
    assert wrong.headers["allow"]


@pytest.mark.parametrize(
    "query", ["state=done", "limit=0", "limit=101", "limit=x", "cursor=x", "page=2", "limit=%D9%A3"]
)
async def test_a_list_question_that_cannot_be_is_a_problem(gateway: Any, query: str) -> None:
    answer = await gateway.http.get(f"/v1/jobs?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["field"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("cancel", {"reason": "x" * 501}, "reason"),
        ("cancel", {"why": "x"}, "why"),
        ("review", {"clip_id": "a b", "approved": True, "reviewer": "r"}, "clip_id"),
        ("review", {"clip_id": "c\n", "approved": True, "reviewer": "r"}, "clip_id"),
        ("review", {"clip_id": "c", "approved": "yes", "reviewer": "r"}, "approved"),
        ("feedback", {"clip_id": "c", "rating": 6, "author": "a"}, "rating"),
        ("feedback", {"clip_id": "c", "rating": 1, "author": "a@b"}, "author"),
    ],
)
async def test_small_bodies_are_read_as_strictly(gateway: Any, path: str, body: object, field: str) -> None:
    answer = await gateway.http.post(f"/v1/jobs/job_a/{path}", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_what_breaks_inside_is_a_problem_that_gives_nothing_away(gateway: Any) -> None:
    app = gateway.http._transport.app
    app.add_api_route("/break", lambda: 1 / 0, methods=["GET"])
    answer = await gateway.http.get("/break")
    assert (answer.status_code, answer.json()["code"]) == (500, "service.broken")
    assert "division" not in answer.text
