"""One server span a request, in the caller's trace, and one metric; the only middleware of the gateway."""

import time

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode
from runtime.metrics import record_http
from runtime.telemetry import JOB_ID
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTEXT_HEADERS = frozenset({b"traceparent", b"tracestate"})
"""Not `baggage`: what a stranger puts there would travel to every service."""
QUIET_PATHS = frozenset({"/livez", "/readyz"})
SERVER_ERROR = 500
_tracer = trace.get_tracer("dailies")


class Tracing:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request inside its span."""
        if scope["type"] != "http" or scope["path"] in QUIET_PATHS:
            await self._app(scope, receive, send)
            return
        started_s = time.perf_counter()
        status = SERVER_ERROR

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"]
        parent = _context_of(scope)
        server = _tracer.start_span(method, parent, SpanKind.SERVER, {"http.request.method": method})
        token = context.attach(trace.set_span_in_context(server, parent))
        try:
            await self._app(scope, receive, watched)
        finally:
            context.detach(token)
            route = route_of(scope)
            _describe(server, f"{method} {route}", route, status)
            server.end()
            record_http(route=route, status=status, duration_s=time.perf_counter() - started_s)


def name_job(job_id: str) -> None:
    """Put the job on the span of the request."""
    trace.get_current_span().set_attribute(JOB_ID, job_id)


def route_of(scope: Scope) -> str:
    """Give the template of the route that served a request: few values, unlike the path."""
    return getattr(scope.get("route"), "path", "unknown")


def _describe(server: trace.Span, name: str, route: str, status: int) -> None:
    if not server.is_recording():
        return
    server.update_name(name)
    server.set_attributes({"http.route": route, "http.response.status_code": status})
    if status >= SERVER_ERROR:
        server.set_status(Status(StatusCode.ERROR))


def _context_of(scope: Scope) -> Context:
    carrier = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in CONTEXT_HEADERS}
    return propagate.extract(carrier, Context()) if carrier else Context()
