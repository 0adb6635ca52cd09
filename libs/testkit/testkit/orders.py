"""Order clips on the bus as the router does, watch every fact, and stand in for the gateway where vendors call back."""

import asyncio
import hashlib
import hmac
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from dailies_contracts import AnyEvent, ClipRequested, decode, derive_clip_id, stream_configs
from nats.aio.client import Client
from nats.aio.msg import Msg
from runtime.jetstream import declare_stream
from runtime.log import EventLog
from runtime.timers import Timers

from testkit.builders import compiled_prompt
from testkit.lineup import Dialect
from testkit.sinks import Answer, Delivery, WebhookSink

E = TypeVar("E")
OrdersT = TypeVar("OrdersT", bound="Orders")


class Orders:
    """A way to order clips, and every fact as it is written.

    Attributes:
        facts: In the order in which they arrived.
    """

    def __init__(self, connection: Client) -> None:
        self.connection = connection
        self.log = EventLog(connection, source="test")
        self.facts: list[AnyEvent] = []
        self._arrived = asyncio.Condition()

    async def on_message(self, message: Msg) -> None:
        """Take a fact in."""
        await message.ack()
        async with self._arrived:
            self.facts.append(decode(message.data))
            self._arrived.notify_all()

    def of(self, kind: type[E], clip_id: str | None = None) -> list[E]:
        """Give the facts of one kind."""
        found = [fact for fact in self.facts if isinstance(fact, kind)]
        return [fact for fact in found if clip_id in (None, getattr(fact, "clip_id", None))]

    async def next(self, *kinds: type[E], clip_id: str | None = None, n: int = 1, timeout_s: float = 30.0) -> E:
        """Wait for the nth fact of some kinds.

        Raises:
            TimeoutError: It did not come.
        """

        def found() -> list[E]:
            return [fact for kind in kinds for fact in self.of(kind, clip_id)]

        async with self._arrived:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait_for(lambda: len(found()) >= n)
            except TimeoutError as err:
                told = [fact for fact in self.facts if clip_id in (None, getattr(fact, "clip_id", None))]
                raise TimeoutError(f"no {[kind.__name__ for kind in kinds]} of {clip_id}: {told[-20:]}") from err
        return found()[n - 1]

    async def order(
        self, dialect: Dialect, prompt: str = "a red ball on a table", *, deadline_s: float = 120, **changes: Any
    ) -> ClipRequested:
        """Order one clip; `compiled` has fields of its prompt, further arguments are fields of ClipRequested."""
        event = _ordered(dialect, prompt, deadline_s=deadline_s, **changes)
        await self.log.append_fact(event)
        return event

    async def order_together(
        self, dialect: Dialect, prompt: str = "a red ball on a table", *, n: int = 2, **changes: Any
    ) -> tuple[ClipRequested, ...]:
        """Order several clips with one request, the leading one last; further arguments as for `order`."""
        job_id = _job_id()
        leader = _ordered(dialect, prompt, job_id=job_id, attempt=n, **changes)
        led = [
            _ordered(dialect, prompt, job_id=job_id, attempt=k, sample_of=leader.clip_id, sample=k, **changes)
            for k in range(1, n)
        ]
        await self.log.append(job_id, [*led, leader], expected_sequence=0)
        return (*led, leader)

    async def call_back(
        self, provider: str, job_id: str, clip_id: str, body: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Do what the gateway does with a callback that carries the right signature."""
        tick = {"job_id": job_id, "clip_id": clip_id, "hint": {"body": body, "headers": dict(headers or {})}}
        await Timers(self.connection, f"provider-workers-{provider}").fire("poll", clip_id, json.dumps(tick).encode())


@asynccontextmanager
async def orders_on(connection: Client, kind: type[OrdersT] = Orders) -> AsyncIterator[OrdersT]:  # type: ignore[assignment]
    """Declare the streams and watch every fact while the block runs."""
    watched = kind(connection)
    for config in stream_configs():
        await declare_stream(connection, config)
    subscription = await connection.jetstream().subscribe("video.v1.>", cb=watched.on_message, manual_ack=True)
    try:
        yield watched
    finally:
        await subscription.unsubscribe()


class CallbackSink(WebhookSink):
    """Takes vendors' callbacks as the gateway does: with 200, and a challenge is handed back."""

    def __init__(self) -> None:
        super().__init__()
        self.usual_answer = Answer(status=200)
        self.echoes_challenges = True

    @property
    def base_url(self) -> str:
        """What a worker is told as the gateway's address."""
        return self.url.removesuffix("/webhooks")


@asynccontextmanager
async def callback_relay(orders: Orders, *, secret: str) -> AsyncIterator[CallbackSink]:
    """Take the vendors' callbacks and fire the poll timers, as the gateway does while the block runs.

    Args:
        orders: On whose bus.
        secret: Signs the addresses; a callback to another address is not passed on.
    """
    async with CallbackSink() as sink:
        task = asyncio.create_task(_relay(orders, sink, secret))
        try:
            yield sink
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _relay(orders: Orders, sink: CallbackSink, secret: str) -> None:
    n_taken = 0
    while True:
        await sink.wait_for(partial(_has_more, n_taken), timeout_s=3_600)
        delivery = sink.deliveries[n_taken]
        n_taken += 1
        url = urlsplit(delivery.path)
        *_, provider, job_id, clip_id = url.path.split("/")
        expected = hmac.new(secret.encode(), clip_id.encode(), hashlib.sha256).hexdigest()
        if parse_qs(url.query).get("sig") == [expected]:
            await orders.call_back(provider, job_id, clip_id, delivery.body.decode(), dict(delivery.headers))


def _job_id() -> str:
    return f"job_{uuid.uuid4().hex[:12]}"


def _ordered(
    dialect: Dialect,
    prompt: str,
    *,
    job_id: str = "",
    attempt: int = 1,
    deadline_s: float = 120,
    compiled: Mapping[str, Any] | None = None,
    **changes: Any,
) -> ClipRequested:
    job_id = job_id or _job_id()
    told = {"prompt": prompt, **dialect.prompt, **(compiled or {})}
    fields: dict[str, Any] = {
        "job_id": job_id,
        "tenant_id": "acme",
        "occurred_at": datetime.now(UTC),
        "clip_id": derive_clip_id(job_id, stage="draft", attempt=attempt),
        "provider": dialect.provider,
        "model": dialect.model,
        "stage": "draft",
        "attempt": attempt,
        "prompt": compiled_prompt(dialect.provider, dialect.model, **told),
        "quote_usd_micros": 500_000,
        "deadline_at": datetime.now(UTC) + timedelta(seconds=deadline_s),
    }
    return ClipRequested(**(fields | changes))


def _has_more(n_taken: int, deliveries: list[Delivery]) -> bool:
    return len(deliveries) > n_taken
