"""The log of attempts: a stream, one message an attempt. The projector shows it; nothing here waits for that."""

import msgspec
from dailies_contracts import WebhookAttempt, attempts_subject, encode_message
from nats.aio.client import Client
from runtime.errors import DependencyUnavailable
from runtime.jetstream import publish

MAX_RESPONSE_CHARS = 1_000


class AttemptLog:
    """Writes attempts down."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection

    async def write(self, attempt: WebhookAttempt) -> None:
        """Write one attempt.

        Raises:
            DependencyUnavailable: No answer: the attempt may or may not be logged.
        """
        short = msgspec.structs.replace(attempt, response=attempt.response[:MAX_RESPONSE_CHARS])
        ack = await publish(self._connection, attempts_subject(attempt.tenant_id), encode_message(short), {})
        if ack.error is not None:
            raise DependencyUnavailable("nats.append_refused", ack.error.description)
