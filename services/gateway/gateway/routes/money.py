"""`/v1/budget` and `/v1/costs`: what may be spent and what was, for a tenant's own key and for administrators."""

import msgspec
from fastapi import APIRouter, Depends
from runtime.clock import Clock
from starlette.requests import Request
from starlette.responses import Response

from gateway.adapters.budgets import Budgets
from gateway.admin import Admin
from gateway.costs import CostReports
from gateway.domain.bodies import BudgetBody
from gateway.domain.costs import parse_cost_query
from gateway.domain.job import Part
from gateway.domain.keys import check_tenant
from gateway.routes.auth import Doorkeeper
from gateway.routes.http import json_response, read_struct

_budget = msgspec.json.Decoder(BudgetBody)


class LimitsView(Part, frozen=True, kw_only=True):
    """What a tenant may spend; null: as the catalogue says for everybody."""

    tenant_id: str
    limit_usd_micros: int | None
    day_limit_usd_micros: int | None
    month_limit_usd_micros: int | None


class MoneyRoutes:
    """Routes of budgets and costs."""

    def __init__(
        self, *, budgets: Budgets, reports: CostReports, admin: Admin, doorkeeper: Doorkeeper, clock: Clock
    ) -> None:
        self._budgets = budgets
        self._reports = reports
        self._admin = admin
        self._doorkeeper = doorkeeper
        self._clock = clock

    def router(self) -> APIRouter:
        """Give the routes of tenants."""
        router = APIRouter(prefix="/v1", tags=["money"])
        router.add_api_route("/budget", self.show_budget, methods=["GET"])
        router.add_api_route("/costs", self.costs, methods=["GET"])
        return router

    def admin_router(self) -> APIRouter:
        """Give the routes of administrators."""
        guard = [Depends(self._doorkeeper.check_admin)]
        router = APIRouter(prefix="/v1/admin", tags=["admin"], dependencies=guard)
        router.add_api_route("/tenants/{tenant}/budget", self.set_budget, methods=["PUT"])
        router.add_api_route("/tenants/{tenant}/budget", self.show_budget_of, methods=["GET"])
        router.add_api_route("/costs", self.all_costs, methods=["GET"])
        return router

    async def show_budget(self, request: Request) -> Response:
        """Show your budgets, exact: limits, spent, held and left per day, per month and in total."""
        caller = await self._doorkeeper.caller(request)
        return json_response(await self._budgets.view(caller.tenant_id, now=self._clock()))

    async def show_budget_of(self, tenant: str) -> Response:
        """Show a tenant's budgets."""
        return json_response(await self._budgets.view(check_tenant(tenant), now=self._clock()))

    async def set_budget(self, request: Request, tenant: str) -> Response:
        """Limit what the tenant may spend: in total, and per day and month where they are named."""
        limits = await self._admin.set_budget(tenant, await read_struct(request, _budget))
        return json_response(
            LimitsView(
                tenant_id=tenant,
                limit_usd_micros=limits.budget_usd_micros,
                day_limit_usd_micros=limits.day_budget_usd_micros,
                month_limit_usd_micros=limits.month_budget_usd_micros,
            )
        )

    async def costs(self, request: Request) -> Response:
        """Report your costs, grouped by provider, model, stage and UTC day as you like."""
        caller = await self._doorkeeper.caller(request)
        query = parse_cost_query(request.query_params, tenant_id=caller.tenant_id, now=self._clock())
        return json_response(await self._reports.report(query))

    async def all_costs(self, request: Request) -> Response:
        """Report everybody's costs, grouped by tenant too."""
        query = parse_cost_query(request.query_params, tenant_id=None, now=self._clock())
        return json_response(await self._reports.report(query))
