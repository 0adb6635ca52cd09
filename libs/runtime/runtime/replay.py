"""Read part of the log from front to back: reports, benchmarks and rebuilds, never a job's own history.

A consumer of its own that remembers nothing on the server and ends where the log ended when it was asked.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from dailies_contracts import VIDEO, AnyEvent, MalformedEvent, decode
from nats.aio.client import Client
from nats.errors import ConnectionClosedError, NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError

from runtime.errors import DependencyUnavailable

BATCH = 256
FETCH_TIMEOUT_S = 10.0
FORGOTTEN_AFTER_S = 60.0
"""Where a reader dies, the server drops its consumer after so long."""

log = logging.getLogger(__name__)


async def replay(
    connection: Client, filters: Sequence[str], *, since: datetime | None = None
) -> AsyncIterator[AnyEvent]:
    """Read every fact on some subjects that was written until now, in the order of the log.

    Args:
        connection: To NATS.
        filters: Subject filters that do not overlap, for example of `subject_filter`.
        since: Only facts that were written at this time or later; None: all.

    Raises:
        DependencyUnavailable: NATS does not answer; begin again.
    """
    config = ConsumerConfig(
        filter_subjects=list(filters),
        ack_policy=AckPolicy.NONE,
        deliver_policy=DeliverPolicy.ALL if since is None else DeliverPolicy.BY_START_TIME,
        opt_start_time=since,
        inactive_threshold=FORGOTTEN_AFTER_S,
        mem_storage=True,
        num_replicas=1,
    )
    try:
        stream = connection.jetstream()
        consumer = await stream.add_consumer(VIDEO, config=config)
        left = consumer.num_pending or 0
        subscription = await stream.pull_subscribe_bind(consumer=consumer.name, stream=VIDEO)
        try:
            while left > 0:
                messages = await subscription.fetch(min(BATCH, left), timeout=FETCH_TIMEOUT_S)
                left -= len(messages)
                for message in messages:
                    if (event := _readable(message.subject, message.data)) is not None:
                        yield event
        finally:
            await subscription.unsubscribe()
            await stream.delete_consumer(VIDEO, consumer.name)
    except (APIError, NatsTimeoutError, ConnectionClosedError, NoRespondersError) as err:
        raise DependencyUnavailable("nats.unavailable", f"the log cannot be read: {err}") from err


def _readable(subject: str, body: bytes) -> AnyEvent | None:
    try:
        return decode(body, subject=subject)
    except MalformedEvent as err:
        log.warning("log.malformed_fact", extra={"subject": subject, "reason": str(err)})
        return None
