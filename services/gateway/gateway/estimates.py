"""Estimates of jobs from the catalogue as it is now; the same question is answered from memory."""

from dailies_contracts import VideoRequest
from runtime.catalog import Catalog, CatalogSource
from runtime.clock import Clock

from gateway.domain.estimate import Estimate, PriceKey, RoutingRules, estimate, price_key

MAX_REMEMBERED = 4_096
"""Estimates depend on a handful of fields; nearly every request repeats one."""
NO_RULES = RoutingRules()


class Estimator:
    """Says what jobs will cost."""

    def __init__(self, catalog: CatalogSource | None, clock: Clock) -> None:
        self._source = catalog
        self._clock = clock
        self._catalog: Catalog | None = None
        self._day = ""
        self._remembered: dict[PriceKey, Estimate | None] = {}

    def estimate(self, request: VideoRequest, rules: RoutingRules = NO_RULES) -> Estimate | None:
        """Estimate a job; None where no model can serve it, or there is no catalogue."""
        if self._source is None:
            return None
        catalog, today = self._source(), self._clock().date()
        if catalog is not self._catalog or today.isoformat() != self._day or len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
            self._catalog, self._day = catalog, today.isoformat()
        key = price_key(request, rules)
        if key not in self._remembered:
            self._remembered[key] = estimate(key, catalog, today)
        return self._remembered[key]
