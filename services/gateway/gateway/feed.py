"""The pull feed: everything that a tenant is told, in the order in which it was told, straight from its stream."""

from dailies_contracts import FEED, feed_filter
from nats.aio.client import Client
from runtime.direct_get import DirectGet

from gateway.domain.feed import FeedEvent, FeedPage, FeedQuery, feed_event

MAX_READS = 10
"""Pages read for one answer where most events are not of the wanted types."""


class Feed:
    """Reads the feed."""

    def __init__(self, connection: Client) -> None:
        self._reader = DirectGet(connection)

    async def page(self, tenant_id: str, query: FeedQuery) -> FeedPage:
        """Give what follows a place.

        Raises:
            DependencyUnavailable: NATS does not answer.
        """
        found: list[FeedEvent] = []
        after, has_more = query.after, True
        for _ in range(MAX_READS):
            stored = await self._reader.following(FEED, feed_filter(tenant_id), after=after, limit=query.limit)
            for each in stored:
                event = feed_event(each.body, sequence=each.sequence)
                if query.types and event.type not in query.types:
                    after = each.sequence
                    continue
                if len(found) == query.limit:
                    return _page(found, after, has_more=True)
                found.append(event)
                after = each.sequence
            has_more = len(stored) == query.limit
            if not has_more or len(found) == query.limit:
                break
        return _page(found, after, has_more=has_more)


def _page(found: list[FeedEvent], after: int, *, has_more: bool) -> FeedPage:
    return FeedPage(events=tuple(found), next_after=str(after), has_more=has_more)
