"""One attempt at one notification: ask the circuit, write and sign the body, send it inside a span, say what came."""

import logging

from dailies_contracts import JobRequested
from opentelemetry.trace import SpanKind
from runtime.clock import Clock
from runtime.metrics import record_webhook_attempt
from runtime.telemetry import inject, span

from notifier.adapters.circuits import Circuits
from notifier.adapters.sender import Sender
from notifier.domain.endpoints import Endpoint, signing_keys
from notifier.domain.notifications import Notification
from notifier.domain.outcomes import Accepted, Failed, Outcome
from notifier.domain.payload import body_of, webhook_id
from notifier.domain.signing import InvalidSecret, signed_headers

log = logging.getLogger(__name__)


class Attempts:
    """Makes attempts."""

    def __init__(self, *, sender: Sender, circuits: Circuits, clock: Clock, public_url: str) -> None:
        """Take what attempts need.

        Args:
            sender: Posts.
            circuits: Know which servers are failing.
            clock: The time.
            public_url: The gateway's address as clients see it.
        """
        self._sender = sender
        self._circuits = circuits
        self._clock = clock
        self._public_url = public_url

    async def make(
        self, notification: Notification, requested: JobRequested, endpoint: Endpoint, *, n_failures: int
    ) -> Outcome:
        """Try once to tell an endpoint one thing.

        Args:
            notification: What is told.
            requested: The job's request.
            endpoint: Who is told.
            n_failures: Attempts that have failed so far.
        """
        if self._circuits.admit(endpoint.lane):
            outcome = await self._post(notification, requested, endpoint, n_failures=n_failures)
            self._circuits.record(endpoint.lane, outcome)
        else:
            outcome = Failed("webhook.circuit_open")
        record_webhook_attempt(outcome=type(outcome).__name__.lower())
        level = logging.INFO if isinstance(outcome, Accepted) else logging.WARNING
        facts = {
            "endpoint.id": endpoint.id,
            "webhook.type": notification.type,
            "webhook.sequence": notification.sequence,
            "attempt": n_failures + 1,
            "outcome": outcome.code,
        }
        log.log(level, "webhook.attempted", extra=facts)
        return outcome

    async def _post(
        self, notification: Notification, requested: JobRequested, endpoint: Endpoint, *, n_failures: int
    ) -> Outcome:
        now = self._clock()
        try:
            keys = signing_keys(endpoint.secrets, now=now)
        except InvalidSecret:
            return Failed("webhook.invalid_secret")
        if not keys:
            return Failed("webhook.no_secret")
        message_id = webhook_id(notification, endpoint_id=endpoint.id)
        body = body_of(notification, requested, public_url=self._public_url)
        attributes = {
            "http.request.method": "POST",
            "dailies.webhook.id": message_id,
            "dailies.webhook.type": notification.type,
            "dailies.webhook.attempt": n_failures + 1,
        }
        with span("webhook.deliver", kind=SpanKind.CLIENT, **attributes) as current:
            headers = {**_trace_parent(), **signed_headers(message_id, body, sent_at=now, keys=keys)}
            outcome = await self._sender.post(endpoint.url, body, headers)
            current.set_attribute("dailies.webhook.outcome", outcome.code)
        return outcome


def _trace_parent() -> dict[str, str]:
    """Give the trace header alone: what else we hand along inside is none of a stranger's business."""
    headers: dict[str, str] = {}
    inject(headers)
    return {name: value for name, value in headers.items() if name == "traceparent"}
