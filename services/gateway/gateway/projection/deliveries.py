"""Keep the delivery log up to date: attempts from the notifier's stream, written as they come.

MongoDB may be away: the messages wait in their stream for a month, and deliveries do not wait for them.
"""

import logging
from collections.abc import Sequence

import msgspec
from dailies_contracts import WebhookAttempt
from runtime.subscribe import Incoming

from gateway.adapters.mongo import DeliveryDocuments
from gateway.domain.deliveries import attempt_document, delivery_document, latest_of

log = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder(WebhookAttempt)


class DeliveryProjector:
    """Projects attempts; one per process."""

    def __init__(self, documents: DeliveryDocuments) -> None:
        self._documents = documents

    async def on_attempts(self, messages: Sequence[Incoming]) -> None:
        """Write a batch of attempts down.

        Consumes: attempts of the notifier. Emits: nothing; writes documents.
        Idempotent by: the id of the attempt, and the guard on the time of the latest one.
        """
        attempts = [attempt for each in messages if (attempt := _readable(each)) is not None]
        await self._documents.save(
            deliveries=[delivery_document(each) for each in latest_of(attempts)],
            attempts=[attempt_document(each) for each in attempts],
        )


def _readable(message: Incoming) -> WebhookAttempt | None:
    try:
        return _decoder.decode(message.body)
    except msgspec.MsgspecError as err:
        log.error("delivery_log.malformed", extra={"subject": message.subject, "reason": str(err)})  # noqa: TRY400
        return None
