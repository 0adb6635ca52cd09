"""Consumers that handle many messages at once, in order."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from runtime.subscribe import BatchHandlers, Settler, Subscription, pull_of

BATCH_WAIT_S = 1.0
"""A batch is collected for so long: the projection lags by that much, and writes a busy job once instead of often."""

log = logging.getLogger(__name__)


class Batches:
    """One consumer that takes batches."""

    def __init__(
        self, connection: Client, settler: Settler, subscription: Subscription, handlers: BatchHandlers
    ) -> None:
        self._connection = connection
        self._settler = settler
        self._subscription = subscription
        self._handlers = handlers

    async def run(self, *, grace_s: float) -> None:
        """Handle batches until cancelled; then the one that is being handled gets some time to finish.

        Args:
            grace_s: So long; what it leaves comes again.
        """
        pull = pull_of(self._connection, self._subscription)
        came: asyncio.Queue[Msg] = asyncio.Queue()

        async def on_message(message: Msg) -> None:
            if pull.came(message):
                came.put_nowait(message)

        listening = await self._connection.subscribe(pull.addresses, cb=on_message)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pull.run())
                while True:
                    messages = await self._collected(came)
                    if messages:
                        await self._finished(messages, grace_s)
                        pull.done(len(messages))
        finally:
            with contextlib.suppress(NatsError):
                await listening.unsubscribe()

    async def _collected(self, came: asyncio.Queue[Msg]) -> list[Msg]:
        messages: list[Msg] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BATCH_WAIT_S):
                while len(messages) < self._subscription.batch_size:
                    messages.append(await came.get())
        return messages

    async def _finished(self, messages: Sequence[Msg], grace_s: float) -> None:
        handling = asyncio.ensure_future(self._settler.run_batch(messages, self._handlers, self._subscription))
        try:
            await asyncio.shield(handling)
        except asyncio.CancelledError:
            await asyncio.wait({handling}, timeout=grace_s)
            handling.cancel()
            raise
        except (NatsError, JetStreamError) as err:
            # What was not acknowledged comes again.
            log.warning("batch.unsettled", extra={"consumer": self._subscription.durable, "reason": str(err)})
