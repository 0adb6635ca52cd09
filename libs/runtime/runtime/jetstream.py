"""One request to JetStream and its answer, with the server's error codes named.

nats-py's own publish raises the same class for every refusal; we need the code, because two of them mean
success or "decide again".
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from nats.aio.client import Client
from nats.errors import ConnectionClosedError, NoRespondersError, OutboundBufferLimitError
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import Error as JetStreamError

from runtime.errors import DependencyUnavailable, Permanent

SUBJECT_TAKEN = 10_077
"""Write-once: the fact has already happened."""
WRONG_LAST_SEQUENCE = frozenset({10_071, 10_164})
"""Compare-and-set lost: something changed meanwhile (the second code: it is changing right now)."""
PUBLISH_TIMEOUT_S = 5.0
"""Longer than a leader election; the message is tried again afterwards."""


class ApiError(msgspec.Struct, frozen=True):
    """The server's refusal."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class PubAck(msgspec.Struct, frozen=True):
    """The server's answer to a publish; `error` is None where the message is stored."""

    seq: int = 0
    error: ApiError | None = None


_ack_decoder = msgspec.json.Decoder(PubAck)


async def publish(connection: Client, subject: str, body: bytes, headers: Mapping[str, str]) -> PubAck:
    """Publish to a stream and wait for the server's word.

    Raises:
        DependencyUnavailable: No answer: the message may or may not be stored.
    """
    reply = await request(connection, subject, body, headers)
    return _ack_decoder.decode(reply)


class Outgoing(NamedTuple):
    """One message of an atomic batch."""

    subject: str
    body: bytes
    headers: dict[str, str]


async def publish_together(connection: Client, messages: Sequence[Outgoing]) -> PubAck:
    """Publish messages to one stream, all or none (the atomic batch of ADR-50 of the NATS designs).

    A batch of one is a plain publish: the server keeps no batch state for it.

    Raises:
        DependencyUnavailable: No answer: the batch may or may not be stored.
    """
    *head, last = messages
    if head:
        batch_id = uuid.uuid4().hex
        for number, message in enumerate(messages, start=1):
            message.headers.update({"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)})
        last.headers["Nats-Batch-Commit"] = "1"
    for message in head:
        await connection.publish(message.subject, message.body, headers=message.headers)
    return await publish(connection, last.subject, last.body, last.headers)


async def request(connection: Client, subject: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """Send one request and give the reply's body.

    Raises:
        DependencyUnavailable: No answer in time, no stream on the subject, or the connection is gone.
    """
    try:
        reply = await connection.request(subject, body, timeout=PUBLISH_TIMEOUT_S, headers=dict(headers or {}))
    except (NatsTimeoutError, NoRespondersError, ConnectionClosedError, OutboundBufferLimitError) as err:
        raise DependencyUnavailable("nats.unavailable", f"{subject}: {type(err).__name__}") from err
    return reply.data


async def declare_stream(connection: Client, config: Mapping[str, Any]) -> None:
    """Create a stream, or bring an existing one to this configuration.

    Raises:
        Permanent: The server refuses the configuration (too old a server, or an incompatible stream).
    """
    body = msgspec.json.encode(dict(config))
    error: ApiError | None = None
    for verb in ("CREATE", "UPDATE"):
        reply = await request(connection, f"$JS.API.STREAM.{verb}.{config['name']}", body)
        error = _ack_decoder.decode(reply).error
        if error is None:
            return
    raise Permanent(
        "nats.stream_refused",
        f"stream {config['name']}: {error.description if error else ''}. "
        "Use nats-server 2.14 or later, or remove the stream that is in the way.",
    )


async def acknowledged(connection: Client, stream: str) -> tuple[int, dict[str, int]]:
    """Find out up to where the durable consumers of a stream have acknowledged it.

    Returns:
        The stream's last sequence, and each consumer's place by its name: the last one where nothing is left to it.

    Raises:
        DependencyUnavailable: NATS does not answer.
    """
    jetstream = connection.jetstream()
    try:
        end = (await jetstream.stream_info(stream)).state.last_seq
        consumers = await jetstream.consumers_info(stream)
    except (JetStreamError, NatsError) as err:
        raise DependencyUnavailable("nats.unavailable", f"the consumers of {stream}: {err}") from err
    return end, {
        each.config.durable_name: (each.ack_floor.stream_seq if each.ack_floor else 0)
        if each.num_pending or each.num_ack_pending
        else end
        for each in consumers
        if each.config.durable_name
    }
