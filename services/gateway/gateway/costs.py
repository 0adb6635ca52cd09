"""Reports of costs, from the projection. When MongoDB is away, the last report of the same question, and it says so."""

import msgspec
from runtime.clock import Clock
from runtime.errors import DependencyUnavailable

from gateway.adapters.mongo import JobDocuments
from gateway.domain.costs import CostQuery, CostReport
from gateway.domain.errors import Unavailable
from gateway.domain.remembered import Remembered
from gateway.lists import is_stale
from gateway.projection.costs import (
    cost_pipeline,
    estimate_pipeline,
    groups_of,
    report_of,
    reuse_of,
    reuse_pipeline,
    total_of,
)

MAX_REMEMBERED = 200


class CostReports:
    """Answers questions for costs."""

    def __init__(self, *, documents: JobDocuments, clock: Clock, stale_s: float) -> None:
        self._documents = documents
        self._clock = clock
        self._stale_s = stale_s
        self._remembered: Remembered[CostQuery, CostReport] = Remembered(MAX_REMEMBERED)

    async def report(self, query: CostQuery) -> CostReport:
        """Give one report.

        Raises:
            Unavailable: MongoDB is away, and nobody asked this question here before.
        """
        try:
            report = await self._report(query)
        except DependencyUnavailable as err:
            last = self._remembered.get(query)
            if last is None:
                raise Unavailable(
                    "projection.unavailable",
                    "Reports are away for the moment; jobs go on. /v1/budget is exact; ask for a report again later.",
                    retry_after_s=5.0,
                ) from err
            return msgspec.structs.replace(last, stale=True)
        self._remembered.put(query, report)
        return report

    async def _report(self, query: CostQuery) -> CostReport:
        freshness = await self._documents.freshness()  # first: a report is never older than the time it carries
        groups = groups_of(await self._documents.aggregate(cost_pipeline(query)))
        only_some_clips = bool(query.filters)
        estimates, reused = None, None
        if not only_some_clips:
            estimates = report_of(await self._documents.aggregate(estimate_pipeline(query)))
            reused = reuse_of(await self._documents.aggregate(reuse_pipeline(query)))
        return CostReport(
            group_by=query.group_by,
            first_day=query.first.isoformat(),
            last_day=query.last.isoformat(),
            groups=groups if query.group_by else (),
            total=total_of(groups),
            estimates=estimates,
            reused=reused,
            as_of=freshness.as_of,
            stale=is_stale(freshness, now=self._clock(), stale_s=self._stale_s),
        )
