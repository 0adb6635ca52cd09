"""The budget records: one per clip, one per tenant, exact under any concurrency and any crash.

Keys of bucket `budgets`: `clip.<job_id>.<clip_id>` and `tenant.<tenant_id>`. A change has three steps, each one
compare-and-set write (docs/decisions/0003-budget-records.md):

1. The clip's record says what shall be. Writing it again fences off whoever began the same change earlier.
2. The tenant's totals follow, and remember the clip's version, so that nobody counts the change again.
3. The clip's record says that it is counted; the tenant's record may forget the version.

Whoever finds a change half done finishes it first.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from runtime.buckets import Bucket
from runtime.errors import ConcurrencyConflict, Transient

from router.domain.money import ClipAccount, ClipEntry, TenantAccount

MAX_ROUNDS = 50
"""Replicas in conflict over one tenant take turns; this many lost rounds mean something else is wrong."""
STEP_ASIDE_S = 0.005
"""About the time that a change takes."""
MAX_RECENT = 64
"""More remembered versions than this: processes died in step 3, and their clips' records are looked up."""
LIMIT_TTL_S = 2.0
"""A changed budget takes effect after so long."""
SETTLED_TTL_S = 30 * 24 * 3600.0
"""A settled clip's record outlives every possible redelivery."""

_tenant_decoder = msgspec.json.Decoder(TenantAccount)
_entry_decoder = msgspec.json.Decoder(ClipEntry)


class TenantSettings(msgspec.Struct, frozen=True):
    """What the router reads of a tenant's settings (bucket `tenants`, written by the gateway)."""

    budget_usd_micros: int | None = None


class _Stored(NamedTuple):
    entry: ClipEntry
    revision: int


class _Limit(NamedTuple):
    usd_micros: int
    read_at: float


class Ledger:
    """Holds and charges of every tenant."""

    def __init__(self, budgets: Bucket, tenants: Bucket, *, default_limit_usd_micros: int) -> None:
        self._budgets = budgets
        self._tenants = tenants
        self._default_limit = default_limit_usd_micros
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._limits: dict[str, _Limit] = {}
        self._counted: defaultdict[str, dict[str, int]] = defaultdict(dict)

    async def left_usd_micros(self, tenant_id: str) -> int:
        """Give what a tenant may still hold, micro-dollars."""
        account, _ = await self._tenant(tenant_id)
        return account.left_usd_micros(await self._limit(tenant_id))

    async def hold(self, tenant_id: str, job_id: str, quotes: Mapping[str, int]) -> bool:
        """Set the quotes of some clips aside, all or none; what is already held is not held again.

        Args:
            tenant_id: Whose budget.
            job_id: The clips' job.
            quotes: Micro-dollars by clip id.

        Returns:
            False where the budget does not allow it.
        """
        wanted = {clip_id: ClipAccount(held_usd_micros=quote) for clip_id, quote in quotes.items()}
        return await self._set(tenant_id, job_id, wanted, limit=await self._limit(tenant_id))

    async def accounts(self, job_id: str) -> dict[str, ClipAccount]:
        """Read what the budget knows of a job's clips, by clip id."""
        return {clip_id: stored.entry.account for clip_id, stored in (await self._clips(job_id)).items()}

    async def correct(self, tenant_id: str, job_id: str, wanted: Mapping[str, ClipAccount]) -> None:
        """Set the accounts of some clips, and the tenant's totals with them.

        Charges are booked whatever the limit says: the vendor has billed them.
        """
        await self._set(tenant_id, job_id, wanted, limit=None)

    async def _set(self, tenant_id: str, job_id: str, wanted: Mapping[str, ClipAccount], *, limit: int | None) -> bool:
        async with self._turns[tenant_id]:
            for number in range(MAX_ROUNDS):
                try:
                    prepared = await self._prepare(job_id, wanted, is_hold=limit is not None)
                    if not prepared:
                        return True
                    if not await self._count(tenant_id, prepared, limit=limit):
                        return False
                    await self._confirm(tenant_id, prepared)
                except ConcurrencyConflict:
                    await _step_aside(number)
                    continue
                if all(stored.entry.account == wanted[_clip_id(key)] for key, stored in prepared.items()):
                    return True
        raise Transient("budget.contended", tenant_id)

    async def _prepare(self, job_id: str, wanted: Mapping[str, ClipAccount], *, is_hold: bool) -> dict[str, _Stored]:
        known = await self._clips(job_id)
        prepared: dict[str, _Stored] = {}
        for clip_id, account in wanted.items():
            stored = known.get(clip_id)
            if stored is None:
                entry, revision = ClipEntry(account=account), 0
            elif not stored.entry.is_counted:
                entry, revision = stored
            elif stored.entry.account == account or (is_hold and stored.entry.account.charged_usd_micros):
                continue
            else:
                entry, revision = stored.entry.changed_to(account), stored.revision
            key = f"clip.{job_id}.{clip_id}"
            prepared[key] = _Stored(entry, await self._write(key, entry, revision))
        return prepared

    async def _count(self, tenant_id: str, prepared: Mapping[str, _Stored], *, limit: int | None) -> bool:
        for _ in range(MAX_ROUNDS):
            before, revision = await self._tenant(tenant_id)
            after = await self._without_old_versions(tenant_id, before)
            for key, stored in prepared.items():
                after = after.counting(key, stored.entry)
            has_more_held = after.held_usd_micros > before.held_usd_micros
            if limit is not None and has_more_held and after.left_usd_micros(limit) < 0:
                await self._withdraw(before, prepared)
                return False
            try:
                await self._budgets.update(f"tenant.{tenant_id}", msgspec.json.encode(after), revision)
            except ConcurrencyConflict:
                continue
            for key in before.recent.keys() - after.recent.keys():
                self._counted[tenant_id].pop(key, None)
            return True
        raise Transient("budget.contended", tenant_id)

    async def _confirm(self, tenant_id: str, prepared: Mapping[str, _Stored]) -> None:
        for key, stored in prepared.items():
            await self._write(key, stored.entry.counted(), stored.revision)
            self._counted[tenant_id][key] = stored.entry.version

    async def _withdraw(self, tenant: TenantAccount, prepared: Mapping[str, _Stored]) -> None:
        for key, stored in prepared.items():
            is_in_totals = tenant.recent.get(key) == stored.entry.version
            entry = stored.entry.counted() if is_in_totals else stored.entry.withdrawn()
            await self._write(key, entry, stored.revision)

    async def _without_old_versions(self, tenant_id: str, account: TenantAccount) -> TenantAccount:
        counted = dict(self._counted[tenant_id])
        if len(account.recent.keys() - counted.keys()) > MAX_RECENT:
            for key in account.recent.keys() - counted.keys():
                found = await self._budgets.get(key)
                entry = None if found is None else _entry_decoder.decode(found.value)
                if entry is None or entry.is_counted:
                    counted[key] = account.recent[key] if entry is None else entry.version
        return account.forgetting(counted)

    async def _write(self, key: str, entry: ClipEntry, revision: int) -> int:
        is_settled = entry.is_counted and entry.account.held_usd_micros == 0
        ttl_s = SETTLED_TTL_S if is_settled else None
        return await self._budgets.update(key, msgspec.json.encode(entry), revision, ttl_s=ttl_s)

    async def _tenant(self, tenant_id: str) -> tuple[TenantAccount, int]:
        found = await self._budgets.get(f"tenant.{tenant_id}")
        return (TenantAccount(), 0) if found is None else (_tenant_decoder.decode(found.value), found.revision)

    async def _clips(self, job_id: str) -> dict[str, _Stored]:
        found = await self._budgets.entries(f"clip.{job_id}.*")
        return {_clip_id(entry.key): _Stored(_entry_decoder.decode(entry.value), entry.revision) for entry in found}

    async def _limit(self, tenant_id: str) -> int:
        known = self._limits.get(tenant_id)
        now = time.monotonic()
        if known is not None and now - known.read_at < LIMIT_TTL_S:
            return known.usd_micros
        found = await self._tenants.get(tenant_id)
        settings = TenantSettings() if found is None else msgspec.json.decode(found.value, type=TenantSettings)
        own = settings.budget_usd_micros
        self._limits[tenant_id] = _Limit(self._default_limit if own is None else own, now)
        return self._limits[tenant_id].usd_micros


def _clip_id(key: str) -> str:
    return key.rpartition(".")[2]


async def _step_aside(n_lost: int) -> None:
    """Wait a moment, longer after each lost round, so that two replicas do not fence each other off for ever."""
    await asyncio.sleep(random.uniform(0, STEP_ASIDE_S * 2 ** min(n_lost, 5)))  # noqa: S311 (jitter, not a secret)
