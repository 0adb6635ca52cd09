"""The shell of every service: connects, declares what it needs, runs the handlers, stops in the right order."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar, overload

import uvloop
from dailies_contracts import (
    TIMERS,
    VIDEO,
    AnyEvent,
    Fact,
    MalformedEvent,
    decode,
    decode_fact,
    stream_configs,
    subject_filter,
)
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.errors import Error as NatsError

from runtime.archive import ArchiveReader, open_archive
from runtime.batches import Batches
from runtime.buckets import Bucket, open_bucket
from runtime.clock import Clock, utc_clock
from runtime.dead_letters import CONSUMER, REDELIVER, SUBJECT
from runtime.direct_get import DirectGet
from runtime.errors import DailiesError, DependencyUnavailable, InvariantBroken, Permanent
from runtime.health import serve_health
from runtime.jetstream import declare_stream
from runtime.log import EventLog
from runtime.logs import configure_logs
from runtime.pull import Pull
from runtime.settings import S3Settings, ServiceSettings
from runtime.subscribe import (
    BatchHandlers,
    Incoming,
    MessageHandler,
    Settler,
    Subscription,
    attach,
    declare_consumer,
    pull_of,
)
from runtime.telemetry import configure_telemetry
from runtime.timers import HANDLED, Due, Timers, due_filter, due_of

E = TypeVar("E", bound=Fact)
Settings = TypeVar("Settings", bound=ServiceSettings)
TimerHandler = Callable[[Due], Awaitable[None]]

CONNECT_TIMEOUT_S = 30.0
"""A server that is still starting gets so long; after that the process exits and its supervisor tries again."""

CANCEL_AGAIN_S = 1.0
"""A loop that goes on so long after handlers had their time has lost its cancellation."""

MESSAGE_BATCH = 200
"""Messages of other streams handled at once."""

log = logging.getLogger(__name__)


class Service:
    """One running service: what its composition root builds handlers from, and registers them with.

    Attributes:
        name: One subject token, for example `provider-workers-kling`.
        log: The event log.
        timers: The service's own timers.
        clock: The time.
        connection: To NATS, for adapters that need more.
    """

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        broker: NatsBroker,
        connection: Client,
        archive: ArchiveReader | None = None,
    ) -> None:
        self.name = name
        self.log = EventLog(connection, source=name, archive=archive)
        self.timers = Timers(connection, name)
        self.clock: Clock = utc_clock
        self.connection = connection
        self._settings = settings
        self._broker = broker
        self._reader = DirectGet(connection)
        self._settler = Settler(connection)
        self._subscriptions: list[Subscription] = []
        self._pulls: list[Pull] = []
        self._by_durable: dict[str, MessageHandler] = {}
        self._timer_handlers: dict[str, TimerHandler] = {REDELIVER: self._on_redelivery}
        self._background: list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]] = []
        self._stopping = asyncio.Event()
        self.ready = False

    @overload
    def subscribe(
        self,
        kinds: type[E],
        handler: Callable[[E], Awaitable[None]],
        *,
        provider: str = "*",
        concurrency: int = 16,
        ack_wait_s: float = 10.0,
        purpose: str = "",
    ) -> None: ...

    @overload
    def subscribe(
        self,
        kinds: tuple[type[Fact], ...],
        handler: Callable[[Any], Awaitable[None]],
        *,
        provider: str = "*",
        concurrency: int = 16,
        ack_wait_s: float = 10.0,
        purpose: str = "",
    ) -> None: ...

    def subscribe(
        self,
        kinds: type[Any] | tuple[type[Any], ...],
        handler: Callable[[Any], Awaitable[None]],
        *,
        provider: str = "*",
        concurrency: int = 16,
        ack_wait_s: float = 10.0,
        purpose: str = "",
    ) -> None:
        """Run a handler for every event of some types.

        Args:
            kinds: One type (durable `<service>-<fact>`) or several (durable `<service>`).
            handler: Returning acknowledges the event; raising settles it by its class.
            provider: Only events of this vendor.
            concurrency: Handlers at once in this process.
            ack_wait_s: An event of a killed process comes again after so long.
            purpose: Tells a second handler of several types from the first (durable `<service>-<purpose>`).
        """
        types = kinds if isinstance(kinds, tuple) else (kinds,)
        purpose = purpose or ("" if isinstance(kinds, tuple) else types[0].FACT)
        durable = f"{self.name}-{purpose}" if purpose else self.name
        filters = tuple(subject_filter(kind, provider=provider) for kind in types)
        subscription = Subscription(self.name, durable, VIDEO, filters, concurrency, ack_wait_s)

        async def on_message(incoming: Incoming) -> None:
            event = decode_fact(incoming.body, subject=incoming.subject)
            if not isinstance(event, types):
                raise MalformedEvent(f"{type(event).__name__} came to {durable}")
            await handler(event)

        self._add(subscription, on_message)

    def subscribe_batch(
        self,
        handler: Callable[[list[AnyEvent]], Awaitable[None]],
        *,
        kinds: tuple[type[Fact], ...] = (),
        batch_size: int = 500,
        purpose: str = "",
    ) -> None:
        """Run a handler for many events at once, in log order; malformed ones are dead-lettered.

        Args:
            handler: Gets at least one event.
            kinds: Which types; empty: every one.
            batch_size: At most so many at once; fewer where no more come within a second.
            purpose: As in `subscribe`.
        """
        durable = f"{self.name}-{purpose}" if purpose else self.name
        filters = tuple(subject_filter(kind) for kind in kinds) or ("video.v1.>",)
        subscription = Subscription(self.name, durable, VIDEO, filters, batch_size=batch_size)

        async def on_messages(incoming: Sequence[Incoming]) -> None:
            await handler([decode(each.body, subject=each.subject) for each in incoming])

        async def on_message(incoming: Incoming) -> None:
            await on_messages([incoming])

        self._add_batches(subscription, BatchHandlers(on_messages, on_message))

    def subscribe_messages(
        self, stream: str, subjects: str, handler: Callable[[Sequence[Incoming]], Awaitable[None]], *, purpose: str
    ) -> None:
        """Run a handler for many messages of a stream other than the log, as they are, in order.

        Args:
            stream: Its name.
            subjects: Which of its messages.
            handler: Gets at least one message; raising settles all of them by class.
            purpose: Names the consumer (durable `<service>-<purpose>`).
        """
        subscription = Subscription(self.name, f"{self.name}-{purpose}", stream, (subjects,), batch_size=MESSAGE_BATCH)

        async def on_message(incoming: Incoming) -> None:
            await handler([incoming])

        self._add_batches(subscription, BatchHandlers(handler, on_message))

    def on_timer(self, name: str, handler: TimerHandler) -> None:
        """Run a handler when a timer of this name is due."""
        self._timer_handlers[name] = handler

    def background(self, name: str, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a loop beside the handlers; when it ends or fails, the process stops with an error."""
        self._background.append((name, task))

    def timers_of(self, service: str) -> Timers:
        """Address another service's timers."""
        return Timers(self.connection, service)

    async def bucket(self, name: str, *, ttl_s: float | None = None) -> Bucket:
        """Open a key-value bucket, declaring it where it does not exist."""
        replicas = self._settings.stream_replicas
        return await open_bucket(self.connection, self._reader, name, ttl_s=ttl_s, replicas=replicas)

    def stop(self) -> None:
        """Begin the shutdown ladder."""
        self._stopping.set()

    async def run(self, *, timer_concurrency: int = 32) -> None:
        """Handle messages until SIGTERM or SIGINT, then stop: not ready, no new messages, wait, leave the rest.

        Raises:
            ExceptionGroup: A background loop died.
        """
        timers = Subscription(
            self.name, f"{self.name}-timers", TIMERS, (due_filter(self.name),), concurrency=timer_concurrency
        )
        self._add(timers, self._on_due)
        for subscription in self._subscriptions:
            await declare_consumer(self.connection, subscription)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._supervised(name, task)) for name, task in self._background]
            await self._broker.start()
            running += [tasks.create_task(self._supervised("pull", pull.run)) for pull in self._pulls]
            self.ready = True
            log.info("service.ready", extra={"subscriptions": [each.durable for each in self._subscriptions]})
            try:
                await self._stopping.wait()
            finally:
                self.ready = False
                log.info("service.stopping")
                await _end(running, again_after_s=self._settings.shutdown_timeout_s + CANCEL_AGAIN_S)
                await self._broker.stop()

    async def _supervised(self, name: str, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await task()
        if not self._stopping.is_set():
            raise InvariantBroken("service.background_ended", name)

    def _add(self, subscription: Subscription, handler: MessageHandler) -> None:
        self._subscriptions.append(subscription)
        self._by_durable[subscription.durable] = handler
        pull = pull_of(self.connection, subscription)
        self._pulls.append(pull)
        attach(self._broker, self._settler, subscription, handler, pull)

    def _add_batches(self, subscription: Subscription, handlers: BatchHandlers) -> None:
        self._subscriptions.append(subscription)
        self._by_durable[subscription.durable] = handlers.alone
        batches = Batches(self.connection, self._settler, subscription, handlers)
        grace_s = self._settings.shutdown_timeout_s
        self.background(f"batches-{subscription.durable}", lambda: batches.run(grace_s=grace_s))

    async def _on_due(self, incoming: Incoming) -> None:
        due = due_of(incoming.subject, incoming.body, incoming.headers)
        handler = self._timer_handlers.get(due.name)
        if handler is None:
            raise Permanent("timer.unknown", f"{self.name} has no timer {due.name!r}")
        token = HANDLED.set(due)
        try:
            await handler(due)
        finally:
            HANDLED.reset(token)

    async def _on_redelivery(self, due: Due) -> None:
        handler = self._by_durable.get(due.headers.get(CONSUMER, ""))
        if handler is None:
            raise Permanent("dead_letter.no_consumer", f"{self.name} has no consumer {due.headers.get(CONSUMER)!r}")
        await handler(Incoming(due.headers.get(SUBJECT, ""), due.payload, due.headers))


async def _end(tasks: Iterable[asyncio.Task[None]], *, again_after_s: float) -> None:
    """Cancel tasks until they are over: nats-py and `asyncio.wait_for` lose a cancellation that meets an answer."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again_after_s)


@asynccontextmanager
async def open_service(name: str, settings: ServiceSettings) -> AsyncIterator[Service]:
    """Connect a service and declare the streams; close everything in reverse order at the end.

    Args:
        name: One subject token; names its consumers, timers and spans.
        settings: Its settings.

    Raises:
        DependencyUnavailable: NATS does not answer.
        Permanent: The server refuses a stream.
    """
    configure_logs(name, settings.log_level)
    async with AsyncExitStack() as stack:
        provider = configure_telemetry(name, endpoint=settings.otlp_endpoint, sample_ratio=settings.trace_sample_ratio)
        if provider is not None:
            stack.callback(provider.shutdown)
        broker = NatsBroker(
            settings.nats_url.split(","),
            apply_types=False,
            graceful_timeout=settings.shutdown_timeout_s,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            allow_reconnect=True,
            logger=None,
            name=f"dailies-{name}",
        )
        connection = await _connected(broker, settings.nats_url)
        stack.push_async_callback(broker.stop)
        for config in stream_configs(replicas=settings.stream_replicas):
            await declare_stream(connection, config)
        archive = open_archive(settings, stack) if isinstance(settings, S3Settings) else None
        service = Service(name, settings, broker, connection, archive)
        health = serve_health(settings.health_host, settings.health_port, is_ready=lambda: service.ready)
        await stack.enter_async_context(health)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, service.stop)
        yield service


async def _connected(broker: NatsBroker, url: str) -> Client:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            return await broker.connect()
    except (TimeoutError, OSError, NatsError) as err:
        raise DependencyUnavailable(
            "nats.unreachable", f"No NATS server answers at {url}: start one, or correct the setting NATS_URL."
        ) from err


def run_service(main: Coroutine[Any, Any, None]) -> None:
    """Run a service's composition root to its end; exit with a sentence where it cannot start.

    Raises:
        SystemExit: Status 1 where the service could not start or a loop died.
    """
    try:
        uvloop.run(main)
    except DailiesError as err:
        log.error("service.cannot_run", extra={"code": err.code, "detail": err.detail})  # noqa: TRY400
        raise SystemExit(1) from err
