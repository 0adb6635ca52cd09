"""Say how fresh the projection is: a heartbeat with the time up to which every fact is shown, and the lag metric."""

import asyncio
import logging
from collections import deque
from datetime import datetime
from typing import NamedTuple

from dailies_contracts import VIDEO
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from runtime.clock import Clock
from runtime.errors import DependencyUnavailable
from runtime.metrics import record_projection_lag

from gateway.adapters.mongo import JobDocuments

MAX_MARKS = 3_600
"""An hour of heartbeats: a projector that is further behind learns its time again once it has caught up."""

log = logging.getLogger(__name__)


class Mark(NamedTuple):
    """Where the log ended at some time."""

    at: datetime
    last_sequence: int


class Tide:
    """Remembers where the log ended when, and says which of these times the projection has passed. Pure."""

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque(maxlen=MAX_MARKS)

    def passed(self, mark: Mark, *, handled_sequence: int) -> datetime | None:
        """Take a new mark.

        Args:
            mark: Where the log ends now.
            handled_sequence: Every event up to here is projected.

        Returns:
            The newest time whose events are all projected, None where there is none.
        """
        self._marks.append(mark)
        newest = None
        while self._marks and self._marks[0].last_sequence <= handled_sequence:
            newest = self._marks.popleft().at
        return newest


class Heartbeat:
    """Writes the freshness of the projection, again and again."""

    def __init__(
        self,
        *,
        connection: Client,
        documents: JobDocuments,
        clock: Clock,
        durable: str,
    ) -> None:
        self._jetstream = connection.jetstream()
        self._documents = documents
        self._clock = clock
        self._durable = durable
        self._tide = Tide()
        self._is_well = True

    async def run(self, *, every_s: float) -> None:
        """Beat until cancelled; a part that is away is noted once and tried again at the next beat."""
        while True:
            try:
                await self.beat()
            except (DependencyUnavailable, JetStreamError, NatsError) as err:
                self._note(is_well=False, reason=str(err))
            else:
                self._note(is_well=True)
            await asyncio.sleep(every_s)

    async def beat(self) -> None:
        """Look once where log and projection stand, and write it down.

        Raises:
            DependencyUnavailable: MongoDB does not answer.
        """
        at = self._clock()
        stream = await self._jetstream.stream_info(VIDEO)
        consumer = await self._jetstream.consumer_info(VIDEO, self._durable)
        n_waiting = (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
        record_projection_lag(n_messages=n_waiting)
        floor = consumer.ack_floor.stream_seq if consumer.ack_floor else 0
        handled = floor if n_waiting else max(floor, stream.state.last_seq)
        as_of = self._tide.passed(Mark(at, stream.state.last_seq), handled_sequence=handled)
        if as_of is not None:
            await self._documents.save_as_of(as_of)

    def _note(self, *, is_well: bool, reason: str = "") -> None:
        if is_well != self._is_well:
            log.log(
                logging.INFO if is_well else logging.WARNING,
                "projection.heartbeat_back" if is_well else "projection.heartbeat_missed",
                extra={"reason": reason},
            )
        self._is_well = is_well
