"""`/v1/providers` and `/v1/estimates`: what can be had, and what a request would cost. Neither creates anything."""

import msgspec
from fastapi import APIRouter
from runtime.catalog import CatalogSource
from runtime.clock import Clock
from starlette.requests import Request
from starlette.responses import Response

from gateway.adapters.market import VendorHealth
from gateway.adapters.tenants import Tenants
from gateway.domain.errors import Unavailable
from gateway.domain.estimate import Estimate, RoutingRules
from gateway.domain.job import Part
from gateway.domain.providers import provider_list
from gateway.domain.requests import Allowed, parse_request
from gateway.estimates import Estimator
from gateway.routes.auth import Doorkeeper
from gateway.routes.http import json_response, read_body


class EstimateAnswer(Part, frozen=True, kw_only=True):
    """What a request would cost.

    Attributes:
        estimate: Null where no model of the catalogue can serve the request: the job would fail and cost nothing.
        message: A sentence about it.
    """

    estimate: Estimate | None
    message: str


class CatalogRoutes:
    """Routes of the catalogue."""

    def __init__(
        self,
        *,
        catalog: CatalogSource | None,
        estimator: Estimator,
        health: VendorHealth,
        tenants: Tenants,
        doorkeeper: Doorkeeper,
        allowed: Allowed,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._estimator = estimator
        self._health = health
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
        rules = msgspec.convert(await self._tenants.load(caller.tenant_id), RoutingRules)
        found = self._estimator.estimate(wanted, rules)
        told = "No model of the catalogue can serve this request as it is: see /v1/providers for what can be had."
        return json_response(EstimateAnswer(estimate=found, message=found.plan.reason if found else told))
