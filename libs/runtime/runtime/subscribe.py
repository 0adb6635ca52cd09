"""Durable pull consumers on FastStream: made here and nowhere else, so that all of them settle alike."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from dailies_contracts.subjects import job_of
from faststream.nats import NatsBroker, NatsMessage
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy as JetStreamAckPolicy
from nats.js.api import ConsumerConfig, DeliverPolicy
from opentelemetry.trace import Span, SpanKind

from runtime.dead_letters import CONSUMER, SUBJECT, DeadLetter, keep
from runtime.metrics import record_settled
from runtime.pull import Pull
from runtime.settle import ACK, Settlement, log_settlement, settlement_of
from runtime.telemetry import joined, span

MAX_ACK_PENDING = 2_000
"""Messages in flight over all replicas of a service."""
DEAD_LETTERS_PER_S = 20.0
"""A flood of poison is slowed down instead of copied."""


class Incoming(NamedTuple):
    """One message as a handler sees it."""

    subject: str
    body: bytes
    headers: Mapping[str, str]


MessageHandler = Callable[[Incoming], Awaitable[None]]


class BatchHandlers(NamedTuple):
    """How a batch is handled, and how one of its messages alone."""

    together: Callable[[Sequence[Incoming]], Awaitable[None]]
    alone: MessageHandler


class Subscription(NamedTuple):
    """One durable consumer as a service wants it.

    Attributes:
        service: Whose it is; dead letters go back to it.
        durable: Its name on the server.
        stream: Stream it reads.
        filters: Subjects it wants.
        concurrency: Handlers at once in this process.
        ack_wait_s: A message of a killed process comes again after so long; running handlers prolong it.
    """

    service: str
    durable: str
    stream: str
    filters: tuple[str, ...]
    concurrency: int = 16
    ack_wait_s: float = 10.0
    batch_size: int = 0


async def declare_consumer(connection: Client, subscription: Subscription) -> None:
    """Create the durable consumer, or bring it to this configuration."""
    config = ConsumerConfig(
        durable_name=subscription.durable,
        name=subscription.durable,
        filter_subjects=list(subscription.filters),
        ack_policy=JetStreamAckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=subscription.ack_wait_s,
        max_ack_pending=MAX_ACK_PENDING,
    )
    await connection.jetstream().add_consumer(subscription.stream, config=config)


class Settler:
    """Runs handlers and settles their messages; one per process."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection
        self._poison = asyncio.Semaphore(1)

    async def run(self, message: Msg, handler: MessageHandler, subscription: Subscription) -> None:
        """Handle one message inside its trace, then settle it."""
        started = time.perf_counter()
        with joined(message.headers, job_id=_job_id(message.subject)), _process_span(message, subscription):
            async with _kept_alive((message,), subscription.ack_wait_s):
                settlement = await self._settled(message, handler, subscription)
                await self.apply(message, settlement, subscription)
        handling_s = time.perf_counter() - started
        record_settled(consumer=subscription.durable, outcome=settlement.outcome, handling_s=handling_s)

    async def run_batch(self, messages: Sequence[Msg], handlers: BatchHandlers, subscription: Subscription) -> None:
        """Handle messages together; where that fails for good, one by one, so that only the bad ones fail."""
        started = time.perf_counter()
        async with _kept_alive(messages, subscription.ack_wait_s):
            try:
                await handlers.together([_incoming(message) for message in messages])
                settlement = ACK
            except Exception as error:  # noqa: BLE001 (this is the settle boundary)
                settlement = settlement_of(error, n_deliveries=n_deliveries(messages[0]))
                if settlement.outcome == "nak" or len(messages) == 1:
                    log_settlement(settlement, error, consumer=subscription.durable)
        if settlement.outcome == "dead_letter" and len(messages) > 1:
            for message in messages:
                await self.run(message, handlers.alone, subscription)
            return
        for message in messages:
            await self.apply(message, settlement, subscription)
        handling_s = time.perf_counter() - started
        record_settled(consumer=subscription.durable, outcome=settlement.outcome, handling_s=handling_s)

    async def apply(self, message: Msg, settlement: Settlement, subscription: Subscription) -> None:
        """Tell the server what becomes of a message."""
        if settlement.outcome == "ack":
            await message.ack()
        elif settlement.outcome == "nak":
            await message.nak(delay=settlement.delay_s)
        else:
            await self._bury(message, settlement.reason, subscription)

    async def _settled(self, message: Msg, handler: MessageHandler, subscription: Subscription) -> Settlement:
        try:
            await handler(_incoming(message))
        except Exception as error:  # noqa: BLE001 (this is the settle boundary)
            settlement = settlement_of(error, n_deliveries=n_deliveries(message))
            log_settlement(settlement, error, consumer=subscription.durable)
            return settlement
        return ACK

    async def _bury(self, message: Msg, reason: str, subscription: Subscription) -> None:
        headers = message.headers or {}
        # What was handed back and failed again is still the message of the consumer that failed first.
        letter = DeadLetter(
            sequence=0,
            service=subscription.service,
            consumer=headers.get(CONSUMER, subscription.durable),
            subject=headers.get(SUBJECT, message.subject),
            reason=reason,
            deliveries=n_deliveries(message),
            headers=headers,
            body=message.data,
        )
        async with self._poison:
            await keep(self._connection, letter)
            await message.term()
            await asyncio.sleep(1 / DEAD_LETTERS_PER_S)


def pull_of(connection: Client, subscription: Subscription) -> Pull:
    """Make what asks for a subscription's messages: for as many as are handled at once."""
    hands = subscription.batch_size or subscription.concurrency
    return Pull(connection, stream=subscription.stream, durable=subscription.durable, hands=hands)


def attach(
    broker: NatsBroker, settler: Settler, subscription: Subscription, handler: MessageHandler, pull: Pull
) -> None:
    """Let FastStream run a handler for every message of a consumer."""

    async def consume(message: NatsMessage) -> None:
        if not pull.came(message.raw_message):
            return
        try:
            await settler.run(message.raw_message, handler, subscription)
        finally:
            pull.done()

    # One more than handlers: a request may end while all of them are busy.
    workers = subscription.concurrency + 1
    broker.subscriber(pull.addresses, parser=_unparsed, decoder=_undecoded, no_reply=True, max_workers=workers)(consume)


async def _unparsed(message: Msg) -> NatsMessage:
    """Leave the message as it is; FastStream's parser would mark it as acknowledged."""
    return NatsMessage(raw_message=message, body=message.data)


async def _undecoded(message: NatsMessage) -> NatsMessage:
    return message


def n_deliveries(message: Msg) -> int:
    """Give how often a message was delivered, this time included."""
    return int(message.metadata.num_delivered or 1)


def _incoming(message: Msg) -> Incoming:
    return Incoming(message.subject, message.data, message.headers or {})


def _job_id(subject: str) -> str | None:
    return job_of(subject) if subject.startswith("video.") else None


def _operation(subject: str) -> str:
    tokens = subject.split(".")
    return f"timer.{tokens[3]}" if tokens[0] == "timers" else tokens[3]


def _process_span(message: Msg, subscription: Subscription) -> contextlib.AbstractContextManager[Span]:
    return span(
        f"process {_operation(message.subject)}",
        kind=SpanKind.CONSUMER,
        messaging__system="nats",
        messaging__operation__name="process",
        messaging__operation__type="process",
        messaging__destination__template=subscription.filters[0],
        messaging__consumer__group__name=subscription.durable,
        messaging__nats__delivery_count=n_deliveries(message),
    )


@contextlib.asynccontextmanager
async def _kept_alive(messages: Sequence[Msg], ack_wait_s: float) -> AsyncIterator[None]:
    """Tell the server every third of the ack wait that the handler is still at work."""
    loop = asyncio.get_running_loop()
    pending: set[asyncio.Task[None]] = set()
    timer: asyncio.TimerHandle

    def beat() -> None:
        nonlocal timer
        task = loop.create_task(_in_progress(messages))
        pending.add(task)
        task.add_done_callback(pending.discard)
        timer = loop.call_later(ack_wait_s / 3, beat)

    timer = loop.call_later(ack_wait_s / 3, beat)
    try:
        yield
    finally:
        timer.cancel()


async def _in_progress(messages: Sequence[Msg]) -> None:
    for message in messages:
        await message.in_progress()
