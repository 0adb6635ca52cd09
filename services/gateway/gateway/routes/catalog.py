"""`/v1/providers` and `/v1/estimates`: what can be had, and what a request would cost. Neither creates anything."""

from datetime import timedelta

import msgspec
from dailies_contracts import VideoRequest
from fastapi import APIRouter
from runtime.catalog import CatalogSource
from runtime.clock import Clock
from starlette.requests import Request
from starlette.responses import Response

from gateway.adapters.market import VendorHealth
from gateway.adapters.prompt_cache import EarlierJobs
from gateway.adapters.tenants import Tenants
from gateway.domain.errors import Unavailable
from gateway.domain.estimate import Estimate, RoutingRules
from gateway.domain.job import Part
from gateway.domain.providers import provider_list
from gateway.domain.requests import Allowed, parse_request
from gateway.domain.tenants import Settings
from gateway.estimates import Estimator
from gateway.routes.auth import Doorkeeper
from gateway.routes.http import json_response, read_body


class EstimateAnswer(Part, frozen=True, kw_only=True):
    """What a request would cost.

    Attributes:
        estimate: Null where no model of the catalogue can serve the request: the job would fail and cost nothing.
        message: A sentence about it.
        earlier_job_id: An equal request of yours that is ready: unless its clip was deleted or disliked meanwhile, a
            copy of it answers this one at once, and it costs nothing. Null: it is rendered.
    """

    estimate: Estimate | None
    message: str
    earlier_job_id: str | None = None


class CatalogRoutes:
    """Routes of the catalogue."""

    def __init__(
        self,
        *,
        catalog: CatalogSource | None,
        estimator: Estimator,
        health: VendorHealth,
        earlier: EarlierJobs,
        tenants: Tenants,
        doorkeeper: Doorkeeper,
        allowed: Allowed,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._estimator = estimator
        self._health = health
        self._earlier = earlier
        self._tenants = tenants
        self._doorkeeper = doorkeeper
        self._allowed = allowed
        self._clock = clock

    def router(self) -> APIRouter:
        """Give the routes."""
        router = APIRouter(prefix="/v1", tags=["catalogue"])
        router.add_api_route("/providers", self.providers, methods=["GET"])
        router.add_api_route("/estimates", self.estimate, methods=["POST"])
        return router

    async def providers(self, request: Request) -> Response:
        """Show vendors and models: limits, prices, and how each has been doing lately."""
        await self._doorkeeper.caller(request)
        if self._catalog is None:
            raise Unavailable("catalog.off", "This gateway has no catalogue: set GATEWAY_CATALOG and start again.")
        return json_response(provider_list(self._catalog(), await self._health.load(), self._clock()))

    async def estimate(self, request: Request) -> Response:
        """Say what a job would cost, by the same rules for requests as `POST /v1/jobs`. Creates nothing."""
        caller = await self._doorkeeper.caller(request)
        wanted = parse_request(await read_body(request), tenant_id=caller.tenant_id, allowed=self._allowed)
        settings = await self._tenants.load(caller.tenant_id)
        found = self._estimator.estimate(wanted, msgspec.convert(settings, RoutingRules))
        earlier = await self._earlier_job(wanted, caller.tenant_id, settings)
        told = "No model of the catalogue can serve this request as it is: see /v1/providers for what can be had."
        message = found.plan.reason if found else told
        if earlier is not None:
            message = f"An equal request is ready ({earlier}): its clip answers this one at no cost. Else: {message}"
        return json_response(EstimateAnswer(estimate=found, message=message, earlier_job_id=earlier))

    async def _earlier_job(self, wanted: VideoRequest, tenant_id: str, settings: Settings) -> str | None:
        if self._catalog is None:
            return None
        reuse = self._catalog().policy.reuse
        if (wanted.reuse or settings.get("reuse") or reuse.default) == "off":
            return None
        since = self._clock() - timedelta(days=reuse.keep_days)
        return await self._earlier.find(wanted, tenant_id=tenant_id, since=since)
