"""Consumers that handle many messages at once, in order: a loop of ours around nats-py's pull.

FastStream's own batch loop does not catch the plain TimeoutError that nats-py raises when a pull ends in the wrong
moment; what it had collected is then forgotten, and comes again only after the ack wait (seen with 0.7.8 and 2.16).
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.client import JetStreamContext
from nats.js.errors import Error as JetStreamError

from runtime.subscribe import BatchHandlers, Settler, Subscription

BATCH_WAIT_S = 1.0
"""A batch is collected for so long: the projection lags by that much, and writes a busy job once instead of often."""
SHORTEST_PULL_S = 0.02
"""What is left of a batch's time after the last message; a pull that short would end before its answer."""
AWAY_S = 1.0
"""A server that is away is asked again after so long."""

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
        pull = await self._connection.jetstream().pull_subscribe_bind(
            durable=self._subscription.durable, stream=self._subscription.stream
        )
        try:
            while True:
                messages = await self._collected(pull)
                if messages:
                    await self._finished(messages, grace_s)
        finally:
            with contextlib.suppress(NatsError):
                await pull.unsubscribe()  # or the connection would wait for what nobody takes from it any more

    async def _collected(self, pull: JetStreamContext.PullSubscription) -> list[Msg]:
        clock = asyncio.get_running_loop().time
        ends_at = clock() + BATCH_WAIT_S
        messages: list[Msg] = []
        while len(messages) < self._subscription.batch_size and (left_s := ends_at - clock()) > SHORTEST_PULL_S:
            try:
                messages += await pull.fetch(self._subscription.batch_size - len(messages), timeout=left_s)
            except TimeoutError:  # nats-py's own class is one of these
                break
            except (NatsError, JetStreamError) as err:
                if self._connection.is_closed:  # for good: nats-py also says so to whom it cancels
                    raise
                log.warning("batch.unavailable", extra={"consumer": self._subscription.durable, "reason": str(err)})
                await asyncio.sleep(AWAY_S)
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
