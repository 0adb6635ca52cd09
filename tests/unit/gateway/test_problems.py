"""Every error becomes one RFC 9457 problem: right status, stable code, no word of the inside."""

import pytest
from dailies_contracts import InvalidSubject
from gateway.domain.errors import (
    Forbidden,
    Gone,
    InvalidField,
    MalformedRequest,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from gateway.domain.problems import answer_to, http_answer
from runtime.errors import (
    ConcurrencyConflict,
    Conflict,
    DependencyUnavailable,
    InvalidRequest,
    InvariantBroken,
    NotFound,
    Permanent,
)


@pytest.mark.parametrize(
    ("err", "status"),
    [
        (MalformedRequest("a.b", "c"), 400),
        (Unauthorized("a.b", "c"), 401),
        (Forbidden("a.b", "c"), 403),
        (NotFound("a.b", "c"), 404),
        (Conflict("a.b", "c"), 409),
        (Gone("a.b", "c"), 410),
        (TooLarge("a.b", "c"), 413),
        (InvalidRequest("a.b", "c"), 422),
        (InvalidField("a.b", "c", field="x"), 422),
        (Unavailable("a.b", "c"), 503),
    ],
    ids=lambda value: type(value).__name__,
)
def test_our_own_refusals_keep_their_code_and_sentence(err: Exception, status: int) -> None:
    problem = answer_to(err).problem
    assert (problem.status, problem.code, problem.detail) == (status, "a.b", "c")
    assert problem.type == "urn:dailies:problem:a.b"


@pytest.mark.parametrize(
    ("err", "status", "code"),
    [
        (DependencyUnavailable("nats.unavailable", "nats://10.0.0.7"), 503, "service.unavailable"),
        (ConcurrencyConflict("job.changed", "nats://10.0.0.7"), 503, "service.unavailable"),
        (Permanent("s3.foreign_bucket", "nats://10.0.0.7"), 500, "service.broken"),
        (InvariantBroken("x.y", "nats://10.0.0.7"), 500, "service.broken"),
        (KeyError("nats://10.0.0.7"), 500, "service.broken"),
        (InvalidSubject("nats://10.0.0.7"), 404, "http.not_found"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_the_inside_are_told_in_our_words(err: Exception, status: int, code: str) -> None:
    problem = answer_to(err).problem
    assert (problem.status, problem.code) == (status, code)
    assert "10.0.0.7" not in problem.detail


def test_who_must_wait_is_told_for_how_long() -> None:
    assert answer_to(Unavailable("a.b", "c", retry_after_s=4.6)).headers == {"Retry-After": "5"}
    assert answer_to(ConcurrencyConflict("a.b", retry_after_s=0.0)).headers["Retry-After"] >= "1"


def test_who_has_no_key_is_told_how_to_send_one() -> None:
    assert answer_to(Unauthorized("auth.required", "c")).headers["WWW-Authenticate"].startswith("Bearer")


def test_a_problem_names_field_path_and_trace() -> None:
    problem = answer_to(InvalidField("a.b", "c", field="shot.beats[0]"), instance="/v1/jobs", trace_id="ab").problem
    assert (problem.field, problem.instance, problem.trace_id) == ("shot.beats[0]", "/v1/jobs", "ab")


@pytest.mark.parametrize("status", [404, 405, 418, 599])
def test_the_frameworks_own_errors_are_problems_too(status: int) -> None:
    problem = http_answer(status)
    assert (problem.status, problem.code.startswith("http.")) == (status, True)
    assert problem.detail.endswith(".")
