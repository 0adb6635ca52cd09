"""Gathers what a decision looks at beside the job: a frozen snapshot of catalogue, market, tenant and budget."""

import asyncio
from typing import NamedTuple

import msgspec
from runtime.catalog import CatalogSource
from runtime.clock import Clock
from runtime.routing_policy import Learning

from router.adapters.ledger import Ledger, Standing
from router.adapters.market import MarketBoard
from router.adapters.prompt_cache import PromptCache
from router.adapters.tenants import Tenants
from router.domain.context import Context
from router.domain.money import held_in_advance_usd_micros
from router.domain.state import Drafting, Phase


class Surveyed(NamedTuple):
    """What a decision looks at, and the budget records that it was made of, for the hold that follows.

    Attributes:
        standing: None where the job cannot order clips: nobody looked.
    """

    context: Context
    standing: Standing | None


class Surroundings:
    """Looks around."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        board: MarketBoard,
        tenants: Tenants,
        catalog: CatalogSource,
        clock: Clock,
        cache: PromptCache | None = None,
    ) -> None:
        self._ledger = ledger
        self._board = board
        self._tenants = tenants
        self._catalog = catalog
        self._clock = clock
        self._cache = cache

    def learning(self) -> Learning:
        """Give how fast to learn, as the catalogue says now."""
        return self._catalog().policy.learning

    async def look(
        self, state: Phase, *, tried_elsewhere: frozenset[str] = frozenset(), may_use_holds: bool = True
    ) -> Surveyed:
        """Gather the context of a decision on a job.

        Args:
            state: The job; only one that may order clips needs more than time and catalogue.
            tried_elsewhere: Vendors that other jobs are trying again.
            may_use_holds: What an earlier decision, cut short, has held for the job counts as left.
        """
        now = self._clock()
        if not isinstance(state, Drafting):
            return Surveyed(Context(now=now, catalog=self._catalog(), budget_left_usd_micros=0), None)
        tenant_id, job_id = state.job.tenant_id, state.job.job_id
        may_retry = any(not clip.is_pending for clip in state.clips.values())
        standing, market, rules, retry_ratio = await asyncio.gather(
            self._ledger.look(tenant_id, job_id),
            self._board.snapshot(),
            self._tenants.rules(tenant_id),
            self._board.retry_ratio(tenant_id, now_s=now.timestamp()) if may_retry else _none(),
        )
        held = held_in_advance_usd_micros(standing.entries, state.clips) if may_use_holds else 0
        context = Context(
            now=now,
            catalog=self._catalog(),
            budget_left_usd_micros=standing.left_usd_micros(now) + held,
            market=market,
            tenant=rules,
            retry_ratio=retry_ratio,
            tried_elsewhere=tried_elsewhere,
        )
        if self._cache is not None and not state.clips:
            context = msgspec.structs.replace(context, reusable=await self._cache.find(state, context))
        return Surveyed(context, standing)


async def _none() -> float:
    return 0.0
