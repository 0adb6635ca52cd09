"""Gathers what a decision looks at beside the job: a frozen snapshot of catalogue, market, tenant and budget."""

from datetime import datetime

from runtime.catalog import CatalogSource
from runtime.clock import Clock
from runtime.routing_policy import Learning

from router.adapters.ledger import Ledger
from router.adapters.market import MarketBoard
from router.adapters.tenants import Tenants
from router.domain.context import Context
from router.domain.money import held_in_advance_usd_micros
from router.domain.state import Drafting, Phase


class Surroundings:
    """Makes contexts."""

    def __init__(
        self, *, ledger: Ledger, board: MarketBoard, tenants: Tenants, catalog: CatalogSource, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._board = board
        self._tenants = tenants
        self._catalog = catalog
        self._clock = clock

    def learning(self) -> Learning:
        """Give how fast to learn, as the catalogue says now."""
        return self._catalog().policy.learning

    async def context(
        self, state: Phase, *, tried_elsewhere: frozenset[str] = frozenset(), may_use_holds: bool = True
    ) -> Context:
        """Gather the context of a decision on a job.

        Args:
            state: The job; only one that may order clips needs more than time and catalogue.
            tried_elsewhere: Vendors that other jobs are trying again.
            may_use_holds: What an earlier decision, cut short, has held for the job counts as left.
        """
        now = self._clock()
        if not isinstance(state, Drafting):
            return Context(now=now, catalog=self._catalog(), budget_left_usd_micros=0)
        tenant_id = state.job.tenant_id
        may_retry = any(not clip.is_pending for clip in state.clips.values())
        return Context(
            now=now,
            catalog=self._catalog(),
            budget_left_usd_micros=await self._left_usd_micros(state, now, may_use_holds=may_use_holds),
            market=await self._board.snapshot(),
            tenant=await self._tenants.rules(tenant_id),
            retry_ratio=await self._board.retry_ratio(tenant_id, now_s=now.timestamp()) if may_retry else 0.0,
            tried_elsewhere=tried_elsewhere,
        )

    async def _left_usd_micros(self, state: Drafting, now: datetime, *, may_use_holds: bool) -> int:
        left = await self._ledger.left_usd_micros(state.job.tenant_id, now)
        if not may_use_holds:
            return left
        return left + held_in_advance_usd_micros(await self._ledger.entries(state.job.job_id), state.clips)
