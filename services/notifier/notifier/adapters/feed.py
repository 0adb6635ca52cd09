"""The feed: everything that tenants are told, once and in order, for clients that rather ask than be called.

One subject a job; a write expects the last one of its job to be the one that it goes on from, so that any number of
replicas write each notification once, and a job's notifications never change places.
"""

from collections.abc import Sequence

import msgspec
from dailies_contracts import FEED, FEED_SEQUENCE, feed_subject
from nats.aio.client import Client
from runtime.clock import Clock
from runtime.direct_get import DirectGet
from runtime.errors import ConcurrencyConflict, DependencyUnavailable
from runtime.jetstream import WRONG_LAST_SEQUENCE, Outgoing, publish_together
from runtime.log import EXPECTED_SEQUENCE

from notifier.adapters.recent import Recent
from notifier.domain.notifications import Notification, Topic
from notifier.domain.payload import event_id, payload_of

MAX_JOBS = 100_000
MAX_AGE_S = 3_600.0
MAX_TRIES = 5

_encode = msgspec.json.Encoder().encode


class Feed:
    """Writes the feed."""

    def __init__(self, connection: Client, *, clock: Clock, public_url: str) -> None:
        """Remember nothing yet.

        Args:
            connection: To NATS.
            clock: The time.
            public_url: The gateway's address as clients see it.
        """
        self._connection = connection
        self._reader = DirectGet(connection)
        self._public_url = public_url
        self._written: Recent[tuple[int, int]] = Recent(clock, size=MAX_JOBS, max_age_s=MAX_AGE_S)

    async def write(self, topic: Topic) -> None:
        """Write all of a topic that is not there yet.

        Raises:
            DependencyUnavailable: No answer; write it again.
            ConcurrencyConflict: Others write the same; look again.
        """
        subject = feed_subject(topic.tenant_id, topic.id)
        known = self._written.get(topic.id) or (0, 0)  # most jobs that are not remembered are new
        for _ in range(MAX_TRIES):
            told, sequence = known
            new = [each for each in topic.notifications if each.sequence > told]
            if not new:
                self._written.put(topic.id, (told, sequence))
                return
            ack = await publish_together(self._connection, self._messages(topic, new, subject, after=sequence))
            if ack.error is None:
                self._written.put(topic.id, (new[-1].sequence, ack.seq))
                return
            if ack.error.err_code not in WRONG_LAST_SEQUENCE:
                raise DependencyUnavailable("nats.append_refused", f"{ack.error.err_code} {ack.error.description}")
            known = await self._last(subject)
        raise ConcurrencyConflict("feed.contended", topic.id, retry_after_s=0.2)

    async def _last(self, subject: str) -> tuple[int, int]:
        found = await self._reader.last_of_each(FEED, (subject,))
        return (int(found[0].headers[FEED_SEQUENCE]), found[0].sequence) if found else (0, 0)

    def _messages(self, topic: Topic, new: Sequence[Notification], subject: str, *, after: int) -> list[Outgoing]:
        messages = [Outgoing(subject, self._body(topic, each), {FEED_SEQUENCE: str(each.sequence)}) for each in new]
        messages[0].headers[EXPECTED_SEQUENCE] = str(after)
        return messages

    def _body(self, topic: Topic, notification: Notification) -> bytes:
        payload = payload_of(notification, topic, public_url=self._public_url)
        return _encode({"id": event_id(notification, topic.id), **msgspec.structs.asdict(payload)})
