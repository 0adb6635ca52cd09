"""Every error as an RFC 9457 problem: status, stable code, a sentence that says what to do.

Routes raise; `routes.errors` turns what was raised into a response with the functions here.
"""

from http import HTTPStatus
from typing import NamedTuple

import msgspec
from dailies_contracts import InvalidSubject
from dailies_contracts.base import Value
from runtime.errors import Conflict, DailiesError, InvalidRequest, NotFound, Transient

from gateway.domain.batches import Refusal
from gateway.domain.errors import (
    Forbidden,
    Gone,
    InvalidBatch,
    InvalidField,
    MalformedRequest,
    TooLarge,
    Unauthorized,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
"""What callers are told to wait when a part behind the gateway is away; a leader election takes about as long."""

STATUS_BY_CLASS: dict[type[Exception], int] = {
    MalformedRequest: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    InvalidSubject: 404,
    Conflict: 409,
    Gone: 410,
    TooLarge: 413,
    InvalidRequest: 422,
    Transient: 503,
}
HTTP_PROBLEMS = {
    401: ("auth.required", "Send your API key as `Authorization: Bearer dk_…`."),
    404: (
        "http.not_found",
        "There is nothing at this address. The OpenAPI document at /openapi.json lists every address.",
    ),
    405: ("http.method_not_allowed", "This address does not take this method; the Allow header lists those it takes."),
    413: ("request.too_large", "The body is too long."),
    422: ("request.invalid", "The request does not have the expected shape. Compare it with /openapi.json."),
}
UNAVAILABLE = (
    "service.unavailable",
    "A part behind the gateway does not answer. Send the same request again, with the same Idempotency-Key.",
)
BROKEN = ("service.broken", "Something broke on our side. Try again; if it happens again, send us the trace_id.")


class Problem(Value, frozen=True, kw_only=True):
    """An RFC 9457 problem document.

    Attributes:
        type: URI of the kind of problem, made from the code.
        title: The status in words.
        status: HTTP status.
        code: Stable and dotted; what programs look at.
        detail: A sentence that says what to do.
        field: The field at fault, where there is one.
        errors: What is wrong with each request of a batch.
        instance: Path of the request.
        trace_id: Trace of the request, to quote to support.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str = ""
    instance: str = ""
    trace_id: str = ""
    errors: tuple[Refusal, ...] = ()


class Answer(NamedTuple):
    """A problem and the headers that belong to it."""

    problem: Problem
    headers: dict[str, str]


def answer_to(err: Exception, *, instance: str = "", trace_id: str = "") -> Answer:
    """Say what the caller gets for an error.

    Args:
        err: What a route raised.
        instance: Path of the request.
        trace_id: Trace of the request.
    """
    status = next((STATUS_BY_CLASS[kind] for kind in type(err).__mro__ if kind in STATUS_BY_CLASS), 500)
    code, detail = _words(err, status)
    field = err.field if isinstance(err, InvalidField) else ""
    problem = problem_of(status, code, detail, field=field, instance=instance, trace_id=trace_id)
    if isinstance(err, InvalidBatch):
        problem = msgspec.structs.replace(problem, errors=err.errors)
    return Answer(problem, _headers(err, status))


def http_answer(status: int, *, instance: str = "", trace_id: str = "") -> Problem:
    """Give the problem of a plain HTTP status that the framework raised (no route, wrong method, …)."""
    code, detail = HTTP_PROBLEMS.get(status, (f"http.status_{status}", _title(status) + "."))
    return problem_of(status, code, detail, instance=instance, trace_id=trace_id)


def problem_of(
    status: int, code: str, detail: str, *, field: str = "", instance: str = "", trace_id: str = ""
) -> Problem:
    """Build one problem document."""
    return Problem(
        type=f"urn:dailies:problem:{code}",
        title=_title(status),
        status=status,
        code=code,
        detail=detail,
        field=field,
        instance=instance,
        trace_id=trace_id,
    )


def _words(err: Exception, status: int) -> tuple[str, str]:
    # Sentences of the libraries name subjects and hosts; only what was written for customers goes out.
    if isinstance(err, Unavailable) or (isinstance(err, DailiesError) and status < HTTPStatus.INTERNAL_SERVER_ERROR):
        return err.code, err.detail
    if isinstance(err, InvalidSubject):
        return "http.not_found", "The id in the address is not one of ours: ids have letters, digits, `_` and `-`."
    return UNAVAILABLE if isinstance(err, Transient) else BROKEN


def _headers(err: Exception, status: int) -> dict[str, str]:
    if isinstance(err, Transient):
        return {"Retry-After": str(max(1, round(err.retry_after_s or RETRY_AFTER_S)))}
    return {"WWW-Authenticate": 'Bearer realm="dailies"'} if status == HTTPStatus.UNAUTHORIZED else {}


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
