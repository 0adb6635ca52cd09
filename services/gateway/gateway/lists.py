"""Lists of jobs, from the projection. When MongoDB is away, the last page of the same question, and it says so."""

from collections import OrderedDict
from datetime import timedelta

import msgspec
from runtime.clock import Clock
from runtime.errors import DependencyUnavailable, Permanent

from gateway.adapters.mongo import Freshness, JobDocuments
from gateway.domain.errors import Unavailable
from gateway.domain.lists import JobPage, ListQuery, Place, cursor_of
from gateway.projection.documents import Document, line_of

MAX_REMEMBERED = 500
"""Pages kept for the time that MongoDB is away: at 100 jobs each, about 100 MB at the very worst."""


class JobLists:
    """Answers questions for pages of jobs."""

    def __init__(self, *, documents: JobDocuments, clock: Clock, stale_s: float) -> None:
        self._documents = documents
        self._clock = clock
        self._stale_after = timedelta(seconds=stale_s)
        self._remembered: OrderedDict[ListQuery, JobPage] = OrderedDict()

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
        self._remember(query, page)
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
            stale=self._is_stale(freshness),
        )

    def _is_stale(self, freshness: Freshness) -> bool:
        if freshness.as_of is None or freshness.rebuilding:
            return True
        return self._clock() - freshness.as_of > self._stale_after

    def _last_page(self, query: ListQuery, err: DependencyUnavailable) -> JobPage:
        page = self._remembered.get(query)
        if page is None:
            raise Unavailable(
                "projection.unavailable",
                "Lists are away for the moment; jobs go on. Ask for a job by its id, or ask again later.",
                retry_after_s=5.0,
            ) from err
        return msgspec.structs.replace(page, stale=True)

    def _remember(self, query: ListQuery, page: JobPage) -> None:
        self._remembered[query] = page
        self._remembered.move_to_end(query)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
