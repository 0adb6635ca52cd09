"""The delivery log of a tenant, from the projection, and replays of what it shows."""

from datetime import datetime
from typing import NamedTuple

from dailies_contracts import REPLAY, Replay, encode_message
from runtime.errors import DependencyUnavailable, NotFound
from runtime.timers import Timers

from gateway.adapters.mongo import DeliveryDocuments
from gateway.domain.deliveries import DeliveryPage, DeliveryQuery, DeliveryView, Document, delivery_page, delivery_view
from gateway.domain.errors import Unavailable

MAX_REPLAYS = 1_000
"""Replays that one request asks for; its answer says how to ask for the rest."""


class Replayed(NamedTuple):
    """What was asked for again.

    Attributes:
        n: How many.
        until: There are more: ask again with `since` = this; None where these were all.
    """

    n: int
    until: datetime | None


class Deliveries:
    """Shows deliveries and asks for them again."""

    def __init__(self, *, documents: DeliveryDocuments, notifier: Timers) -> None:
        """Take where they are shown, and the notifier's timers."""
        self._documents = documents
        self._notifier = notifier

    async def page(self, query: DeliveryQuery) -> DeliveryPage:
        """Give one page.

        Raises:
            Unavailable: MongoDB is away; deliveries go on.
        """
        try:
            return delivery_page(query, await self._documents.newest(query))
        except DependencyUnavailable as err:
            raise _away() from err

    async def view(self, tenant_id: str, webhook_id: str) -> DeliveryView:
        """Show one delivery with every attempt.

        Raises:
            NotFound: The tenant has no such delivery.
            Unavailable: MongoDB is away.
        """
        document = await self._find(tenant_id, webhook_id)
        try:
            return delivery_view(document, await self._documents.attempts_of(webhook_id))
        except DependencyUnavailable as err:
            raise _away() from err

    async def replay(self, tenant_id: str, webhook_id: str) -> None:
        """Ask the notifier to tell one message again, under the same id.

        Raises:
            NotFound: The tenant has no such delivery.
            Unavailable: MongoDB is away.
        """
        await self._ask(await self._find(tenant_id, webhook_id))

    async def replay_failed(self, tenant_id: str, *, since: datetime, endpoint_id: str) -> Replayed:
        """Ask for everything that failed since a time, oldest first.

        Args:
            tenant_id: Whose.
            since: Time of the last attempt.
            endpoint_id: Of this endpoint alone; empty: of all.

        Raises:
            Unavailable: MongoDB is away; some may have been asked for.
        """
        try:
            failed = await self._documents.failed(tenant_id, since=since, endpoint_id=endpoint_id, limit=MAX_REPLAYS)
        except DependencyUnavailable as err:
            raise _away() from err
        for document in failed:
            await self._ask(document)
        return Replayed(len(failed), failed[-1]["attempted_at"] if len(failed) == MAX_REPLAYS else None)

    async def _find(self, tenant_id: str, webhook_id: str) -> Document:
        try:
            document = await self._documents.find(webhook_id)
        except DependencyUnavailable as err:
            raise _away() from err
        if document is None or document["tenant_id"] != tenant_id:
            raise NotFound("delivery.unknown", "You have no delivery of this id. A new one is shown within seconds.")
        return document

    async def _ask(self, document: Document) -> None:
        order = Replay(
            topic_id=document["topic_id"], endpoint_id=document["endpoint_id"], sequence=document["sequence"]
        )
        key = f"{order.topic_id}-{order.endpoint_id}-{order.sequence}"
        await self._notifier.fire(REPLAY, key, encode_message(order))


def _away() -> Unavailable:
    return Unavailable(
        "projection.unavailable",
        "The delivery log is away for the moment; deliveries go on, and none is missing from it later.",
        retry_after_s=5.0,
    )
