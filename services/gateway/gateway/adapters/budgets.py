"""Budgets as the router keeps them (bucket `budgets`), under the limits of the tenants' settings. Only reads."""

import asyncio
from datetime import datetime

import msgspec
from dailies_contracts import BudgetThresholdReached
from runtime.buckets import Bucket
from runtime.budgets import TOTAL, Limits, TenantSettings, TenantSums, day_of, periods_of
from runtime.log import EventLog

from gateway.adapters.tenants import Tenants
from gateway.domain.budget import BudgetView, budget_view

BUCKET = "budgets"
_sums = msgspec.json.Decoder(TenantSums)


class Budgets:
    """Shows tenants' budgets."""

    def __init__(self, bucket: Bucket, tenants: Tenants, log: EventLog, *, defaults: Limits) -> None:
        self._bucket = bucket
        self._tenants = tenants
        self._log = log
        self._defaults = defaults

    async def view(self, tenant_id: str, *, now: datetime) -> BudgetView:
        """Show a tenant's budgets of the day and month of now, and of all time."""
        found, settings, told = await asyncio.gather(
            self._bucket.get(f"tenant.{tenant_id}"), self._tenants.load(tenant_id), self._told(tenant_id, now)
        )
        sums = TenantSums() if found is None else _sums.decode(found.value)
        limits = msgspec.convert(settings, TenantSettings).limits(self._defaults)
        return budget_view(tenant_id, sums, limits, told=told, now=now)

    async def _told(self, tenant_id: str, now: datetime) -> list[BudgetThresholdReached]:
        periods = (*periods_of(day_of(now)), TOTAL)
        found = await asyncio.gather(
            *(self._log.facts_of_tenant(BudgetThresholdReached, tenant_id, period) for period in periods)
        )
        return [event for each in found for event in each]
