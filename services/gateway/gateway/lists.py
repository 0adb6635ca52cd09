"""Lists of jobs, from the projection. When MongoDB is away, the last page of the same question, and it says so."""

from datetime import datetime, timedelta

import msgspec
from runtime.clock import Clock
from runtime.errors import DependencyUnavailable, Permanent

from gateway.adapters.mongo import Freshness, JobDocuments
from gateway.domain.errors import Unavailable
from gateway.domain.lists import JobPage, ListQuery, Place, cursor_of
from gateway.domain.remembered import Remembered
from gateway.projection.documents import Document, line_of

MAX_REMEMBERED = 500
"""Pages kept for the time that MongoDB is away: at 100 jobs each, about 100 MB at the very worst."""


class JobLists:
    """Answers questions for pages of jobs."""

    def __init__(self, *, documents: JobDocuments, clock: Clock, stale_s: float) -> None:
        self._documents = documents
        self._clock = clock
        self._stale_s = stale_s
        self._remembered: Remembered[ListQuery, JobPage] = Remembered(MAX_REMEMBERED)

    async def page(self, query: ListQuery) -> JobPage:
        """Give one page.

        Raises:
            Unavailable: MongoDB is away, and nobody asked this question here before.
        """
        try:
            # In this order: a page is never older than the time it carries.
            freshness = await self._documents.freshness()
            page = self._page(query, freshness, await self._documents.newest(query))
        except DependencyUnavailable as err:
            return self._last_page(query, err)
        self._remembered.put(query, page)
        return page

    def _page(self, query: ListQuery, freshness: Freshness, found: list[Document]) -> JobPage:
        try:
            lines = tuple(line_of(document) for document in found[: query.limit])
        except msgspec.ValidationError as err:
            raise Permanent("projection.unreadable", f"rebuild the projection: {err}") from err
        has_more = len(found) > query.limit
        return JobPage(
            jobs=lines,
            next_cursor=cursor_of(Place(lines[-1].requested_at, lines[-1].job_id)) if has_more else None,
            as_of=freshness.as_of,
            stale=is_stale(freshness, now=self._clock(), stale_s=self._stale_s),
        )

    def _last_page(self, query: ListQuery, err: DependencyUnavailable) -> JobPage:
        page = self._remembered.get(query)
        if page is None:
            raise Unavailable(
                "projection.unavailable",
                "Lists are away for the moment; jobs go on. Ask for a job by its id, or ask again later.",
                retry_after_s=5.0,
            ) from err
        return msgspec.structs.replace(page, stale=True)


def is_stale(freshness: Freshness, *, now: datetime, stale_s: float) -> bool:
    """Tell whether what the projection says now is known to lag behind the log."""
    if freshness.as_of is None or freshness.rebuilding:
        return True
    return now - freshness.as_of > timedelta(seconds=stale_s)
