"""Time as a message: a timer is a JetStream scheduled message that comes back to the service when it is due.

`timers.at.<service>.<name>.<key>` holds the schedule, `timers.due.<service>.<name>.<key>` is what is consumed.
Scheduling the same name and key again replaces the earlier schedule.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from dailies_contracts import TIMERS
from nats.aio.client import Client

from runtime.direct_get import DirectGet
from runtime.errors import DependencyUnavailable
from runtime.jetstream import publish, request
from runtime.telemetry import inject


class Due(NamedTuple):
    """A timer that went off.

    Attributes:
        name: The timer's name.
        key: What it is about, one subject token.
        payload: As scheduled.
        headers: Message headers, for example of a redelivered dead letter.
    """

    name: str
    key: str
    payload: bytes
    headers: Mapping[str, str]


HANDLED: ContextVar[Due | None] = ContextVar("HANDLED", default=None)
"""The timer that is being handled: set again, it keeps its trace context, so that repeated looks are siblings."""
CONTEXT_HEADERS = ("traceparent", "tracestate", "baggage")


class Timers:
    """The timers of one service."""

    def __init__(self, connection: Client, service: str) -> None:
        self._connection = connection
        self._service = service

    async def schedule(self, name: str, key: str, *, at: datetime, payload: bytes = b"") -> None:
        """Let a timer go off at a time (at once where it has passed).

        Args:
            name: One subject token; a handler of the service listens to it.
            key: One subject token; one schedule per name and key.
            at: When, UTC; kept to the millisecond by the server.
            payload: Handed to the handler.

        Raises:
            DependencyUnavailable: No answer; schedule it again.
        """
        when = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        headers = {
            "Nats-Schedule": f"@at {when}",
            "Nats-Schedule-Target": f"timers.due.{self._service}.{name}.{key}",
        }
        due = HANDLED.get()
        if due is not None and (due.name, due.key) == (name, key):
            headers |= {each: due.headers[each] for each in CONTEXT_HEADERS if each in due.headers}
        else:
            inject(headers)
        await self._publish(f"timers.at.{self._service}.{name}.{key}", payload, headers)

    async def fire(self, name: str, key: str, payload: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Let a timer go off now; a schedule of the same key stays."""
        with_context = dict(headers or {})
        inject(with_context)
        await self._publish(f"timers.due.{self._service}.{name}.{key}", payload, with_context)

    async def cancel(self, name: str, key: str) -> None:
        """Forget a schedule; harmless where there is none."""
        body = msgspec.json.encode({"filter": f"timers.at.{self._service}.{name}.{key}"})
        await request(self._connection, f"$JS.API.STREAM.PURGE.{TIMERS}", body)

    async def _publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> None:
        ack = await publish(self._connection, subject, payload, headers)
        if ack.error is not None:
            raise DependencyUnavailable("nats.timer_refused", ack.error.description)


async def timers_about(reader: DirectGet, keys: Sequence[str]) -> frozenset[str]:
    """Name the timers about some keys, of any service, that are set, or went off and are not handled, by subject.

    Raises:
        DependencyUnavailable: No answer in time.
    """
    filters = tuple(f"timers.{when}.*.*.{key}" for key in keys for when in ("at", "due"))
    return frozenset(each.subject for each in await reader.last_of_each(TIMERS, filters))


def due_filter(service: str) -> str:
    """Build the filter for every due timer of a service."""
    return f"timers.due.{service}.>"


def due_of(subject: str, payload: bytes, headers: Mapping[str, str]) -> Due:
    """Read a due timer from its message."""
    name, _, key = subject.split(".", 3)[3].partition(".")
    return Due(name, key, payload, headers)
