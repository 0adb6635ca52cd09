"""Turn every error into a problem+json response: ours, the framework's and the unexpected."""

import logging

import msgspec
from dailies_contracts import InvalidSubject
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from runtime.errors import DailiesError, Transient
from runtime.telemetry import current_trace_id
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.domain.problems import MEDIA_TYPE, Problem, answer_to, http_answer

BROKEN_STATUS = 500
log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()


def install_problems(app: FastAPI) -> None:
    """Make every error of an app a problem."""
    app.add_exception_handler(DailiesError, on_error)
    app.add_exception_handler(InvalidSubject, on_error)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(Exception, on_error)


async def on_error(request: Request, err: Exception) -> Response:
    """Say what the caller gets for an error, and log those that are ours."""
    problem, headers = answer_to(err, instance=request.url.path, trace_id=current_trace_id())
    if isinstance(err, Transient):
        log.warning("request.deferred", extra={"code": err.code, "detail": err.detail})
    elif problem.status >= BROKEN_STATUS:
        log.error("request.broke", exc_info=err)
    return _response(problem, headers)


async def _on_http(request: Request, err: Exception) -> Response:
    status = err.status_code if isinstance(err, HTTPException) else BROKEN_STATUS
    headers = dict(err.headers or {}) if isinstance(err, HTTPException) else {}
    return _response(http_answer(status, instance=request.url.path, trace_id=current_trace_id()), headers)


async def _on_validation(request: Request, err: Exception) -> Response:
    del err  # its text is pydantic's; every body and query of ours is read by our own rules
    return _response(http_answer(422, instance=request.url.path, trace_id=current_trace_id()), {})


def _response(problem: Problem, headers: dict[str, str]) -> Response:
    return Response(_encoder.encode(problem), problem.status, headers, MEDIA_TYPE)
