"""The budget records: one account per tenant and one per clip, changed together or not at all.

Keys of bucket `budgets`: `tenant.<tenant_id>` and `clip.<job_id>.<clip_id>`. Because a clip's account and the
tenant's total change in one atomic batch, a re-run finds the clip's account as it should be and moves nothing:
a hold is taken once and a charge is booked once, whatever crashes in between.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from runtime.buckets import Bucket, Change, Entry
from runtime.errors import ConcurrencyConflict, Transient

from router.domain.money import ClipAccount, TenantAccount

MAX_TRIES = 50
"""Replicas in conflict over one tenant take turns; this many lost rounds mean something else is wrong."""

_tenant_decoder = msgspec.json.Decoder(TenantAccount)
_clip_decoder = msgspec.json.Decoder(ClipAccount)


class TenantSettings(msgspec.Struct, frozen=True):
    """What the router reads of a tenant's settings (bucket `tenants`, written by the gateway)."""

    budget_usd_micros: int | None = None


class _Tenant(NamedTuple):
    account: TenantAccount
    revision: int


class Ledger:
    """Holds and charges of every tenant."""

    def __init__(self, budgets: Bucket, tenants: Bucket, *, default_limit_usd_micros: int) -> None:
        self._budgets = budgets
        self._tenants = tenants
        self._default_limit = default_limit_usd_micros
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def left_usd_micros(self, tenant_id: str) -> int:
        """Give what a tenant may still hold, micro-dollars."""
        tenant = await self._tenant(tenant_id)
        return tenant.account.left_usd_micros(await self._limit(tenant_id))

    async def hold(self, tenant_id: str, job_id: str, quotes: Mapping[str, int]) -> bool:
        """Set the quotes of some clips aside, all or none; clips that already have an account are left as they are.

        Args:
            tenant_id: Whose budget.
            job_id: The clips' job.
            quotes: Micro-dollars by clip id.

        Returns:
            False where the budget does not allow it.
        """
        limit = await self._limit(tenant_id)
        async with self._turns[tenant_id]:
            for _ in range(MAX_TRIES):
                known = await self._clips(job_id)
                new = {
                    clip_id: ClipAccount(held_usd_micros=quote)
                    for clip_id, quote in quotes.items()
                    if clip_id not in known or known[clip_id][0] == ClipAccount()
                }
                if not new or await self._move(tenant_id, job_id, known, new, limit=limit) is not None:
                    return True
                if (await self._tenant(tenant_id)).account.left_usd_micros(limit) < sum(quotes.values()):
                    return False
        raise Transient("budget.contended", tenant_id)

    async def accounts(self, job_id: str) -> dict[str, ClipAccount]:
        """Read what the budget knows of a job's clips, by clip id."""
        return {clip_id: account for clip_id, (account, _) in (await self._clips(job_id)).items()}

    async def correct(self, tenant_id: str, job_id: str, wanted: Mapping[str, ClipAccount]) -> None:
        """Set the accounts of some clips, and the tenant's total with them.

        Charges are booked whatever the limit says: the vendor has billed them.
        """
        async with self._turns[tenant_id]:
            for _ in range(MAX_TRIES):
                known = await self._clips(job_id)
                new = {clip_id: account for clip_id, account in wanted.items() if known[clip_id][0] != account}
                if not new or await self._move(tenant_id, job_id, known, new) is not None:
                    return
        raise Transient("budget.contended", tenant_id)

    async def _move(
        self,
        tenant_id: str,
        job_id: str,
        known: Mapping[str, tuple[ClipAccount, int]],
        new: Mapping[str, ClipAccount],
        *,
        limit: int | None = None,
    ) -> TenantAccount | None:
        tenant = await self._tenant(tenant_id)
        account = tenant.account
        changes = []
        for clip_id, clip_account in new.items():
            old, revision = known.get(clip_id, (None, 0))
            account = account.moved(old, clip_account)
            changes.append(Change(f"clip.{job_id}.{clip_id}", msgspec.json.encode(clip_account), revision))
        if limit is not None and account.left_usd_micros(limit) < 0:
            return None
        changes.append(Change(f"tenant.{tenant_id}", msgspec.json.encode(account), tenant.revision))
        try:
            await self._budgets.update_together(changes)
        except ConcurrencyConflict:
            return None
        return account

    async def _tenant(self, tenant_id: str) -> _Tenant:
        entry = await self._budgets.get(f"tenant.{tenant_id}")
        return _Tenant(TenantAccount(), 0) if entry is None else _tenant_of(entry)

    async def _clips(self, job_id: str) -> dict[str, tuple[ClipAccount, int]]:
        entries = await self._budgets.entries(f"clip.{job_id}.*")
        return {entry.key.rpartition(".")[2]: (_clip_decoder.decode(entry.value), entry.revision) for entry in entries}

    async def _limit(self, tenant_id: str) -> int:
        entry = await self._tenants.get(tenant_id)
        settings = TenantSettings() if entry is None else msgspec.json.decode(entry.value, type=TenantSettings)
        return self._default_limit if settings.budget_usd_micros is None else settings.budget_usd_micros


def _tenant_of(entry: Entry) -> _Tenant:
    return _Tenant(_tenant_decoder.decode(entry.value), entry.revision)
