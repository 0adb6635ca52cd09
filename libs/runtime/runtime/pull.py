"""One open request at a pull consumer, for as many messages as there are free hands; each is handed over as it comes.

nats-py's `fetch` ends while requests of its are still open. What comes on them is taken for the next fetch's, which
then waits for the rest of its own: up to the whole timeout, with a message in hand (seen with 2.16, after every second
pause of more than the timeout). Here one request is open at a time, and each has an address of its own.
"""

import asyncio
import contextlib
import json
import logging

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

EXPIRES_S = 5.0
"""The server ends a request after so long; the next one follows at once."""
OVERDUE_S = 1.0
"""A request whose end is not heard of for so much longer is lost: nobody answers it any more."""
LOOK_S = 1.0
"""So often it is looked whether a request is lost."""
REST_S = 1.0
"""A server that refused a request is asked again after so long."""
EXPIRED = "408"

log = logging.getLogger(__name__)


class Pull:
    """Asks a consumer for messages.

    Attributes:
        addresses: Where they come: subscribe to it, and give everything that comes to `came`.
    """

    def __init__(self, connection: Client, *, stream: str, durable: str, hands: int) -> None:
        """Take a consumer.

        Args:
            connection: To NATS.
            stream: The consumer's stream.
            durable: Its name.
            hands: Messages taken at once.
        """
        inbox = connection.new_inbox()
        self.addresses = f"{inbox}.*"
        self._inbox = inbox
        self._connection = connection
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._durable = durable
        self._free = hands
        self._n_requests = 0
        self._left = 0
        self._lost_at = 0.0
        self._not_before = 0.0
        self._n_reconnects = 0
        self._wanted = asyncio.Event()

    def came(self, message: Msg) -> bool:
        """Count what came; False where it is no message, but the end of a request."""
        if message.reply:
            self._free -= 1
            self._left = max(0, self._left - 1)
        elif message.subject == self._address:  # else of a request that was taken for lost
            self._left = 0
            self._note_end(message)
        self._want()
        return bool(message.reply)

    def done(self, n: int = 1) -> None:
        """Say that messages were handled, and hands are free again."""
        self._free += n
        self._want()

    async def run(self) -> None:
        """Keep a request open until cancelled, while there are free hands.

        Raises:
            NatsError: The connection is closed for good.
        """
        while True:
            self._wanted.clear()  # first: what comes while a request is sent may want the next one
            if self._free > 0 and not self._is_open():
                await self._ask()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wanted.wait()

    @property
    def _address(self) -> str:
        return f"{self._inbox}.{self._n_requests}"

    def _want(self) -> None:
        if self._left == 0 and self._free > 0:
            self._wanted.set()

    def _is_open(self) -> bool:
        is_lost = self._n_reconnects != self._connection.stats["reconnects"] or _now() > self._lost_at
        return self._left > 0 and not is_lost

    async def _ask(self) -> None:
        if self._connection.is_reconnecting or _now() < self._not_before:
            return
        self._n_requests += 1
        self._left = self._free
        self._n_reconnects = self._connection.stats["reconnects"]
        self._lost_at = _now() + EXPIRES_S + OVERDUE_S
        wanted = {"batch": self._free, "expires": int(EXPIRES_S * 1e9)}
        try:
            await self._connection.publish(self._subject, json.dumps(wanted).encode(), reply=self._address)
        except NatsError:
            if self._connection.is_closed:
                raise
            self._left = 0

    def _note_end(self, message: Msg) -> None:
        headers = message.headers or {}
        if headers.get("Status") != EXPIRED:
            self._not_before = _now() + REST_S
            reason = f"{headers.get('Status')} {headers.get('Description', '')}".strip()
            log.warning("pull.refused", extra={"consumer": self._durable, "reason": reason})


def _now() -> float:
    return asyncio.get_running_loop().time()
