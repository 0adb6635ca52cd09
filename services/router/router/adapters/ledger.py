"""The budget records: one per clip, one per tenant, exact under any concurrency and any crash.

Keys of bucket `budgets`: `clip.<job_id>.<clip_id>` and `tenant.<tenant_id>`. A change has three steps, each one
compare-and-set write (docs/decisions/0003-budget-records.md):

1. The clip's record says what shall be, after the tenant's totals were read.
2. The totals follow, if they are still those that were read, and remember the clip's version, so that nobody counts
   the change again. They also keep the thresholds that they reached until those are told, each a fact.
3. The clip's record says that it is counted; the tenant's record may forget the version.

Whoever finds a change half done finishes it first, and writes step 1 again for that: step 3 of the other one then
fails, and so does its step 2 once the totals have changed.
"""

import asyncio
import random
import time
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
from dailies_contracts import BudgetThresholdReached
from runtime.buckets import Bucket
from runtime.budgets import Limits, TenantSettings, day_of
from runtime.clock import Clock
from runtime.errors import ConcurrencyConflict, Transient

from router.domain.books import clip_key, tenant_key
from router.domain.money import ClipAccount, ClipEntry, TenantAccount, thresholds

MAX_ROUNDS = 50
"""Replicas in conflict over one tenant take turns; this many lost rounds mean something else is wrong."""
STEP_ASIDE_S = 0.005
"""About the time that a change takes."""
MAX_RECENT = 64
"""More remembered versions than this: processes died in step 3, and their clips' records are looked up."""
MAX_TOLD = 10_000
"""Thresholds remembered as told, to save publishing them again: about 2 MB."""
NO_LIMIT = 10**15
"""A billion dollars: stands for "as much as it likes" in comparisons."""
LIMIT_TTL_S = 2.0
"""A changed budget takes effect after so long."""
SETTLED_TTL_S = 30 * 24 * 3600.0
"""A settled clip's record outlives every possible redelivery."""

_tenant_decoder = msgspec.json.Decoder(TenantAccount)
_entry_decoder = msgspec.json.Decoder(ClipEntry)


class _Stored(NamedTuple):
    entry: ClipEntry
    revision: int


class _Cause(NamedTuple):
    """Why records are changed: for a decision that wants money set aside, or to follow what happened.

    Attributes:
        sequence: Of the newest fact that is known of the job: a record never goes back to an older history.
    """

    sequence: int
    is_hold: bool


class _StaleError(Exception):
    """A record follows a newer history than the decision that wants to hold money in it."""


class _Totals(NamedTuple):
    account: TenantAccount
    revision: int


class Standing(NamedTuple):
    """The records about one job as they were read together.

    Attributes:
        totals: Of its tenant.
        clips: By clip id.
        limits: Of its tenant.
    """

    totals: _Totals
    clips: dict[str, _Stored]
    limits: Limits

    @property
    def entries(self) -> dict[str, ClipEntry]:
        """What the budget knows of the job's clips, by clip id."""
        return {clip_id: stored.entry for clip_id, stored in self.clips.items()}

    def left_usd_micros(self, now: datetime) -> int:
        """Give what the tenant may still hold under each of its limits, micro-dollars."""
        left = self.totals.account.left_usd_micros(self.limits, day_of(now))
        return NO_LIMIT if left is None else left


class _Known(NamedTuple):
    limits: Limits
    read_at: float


Tell = Callable[[BudgetThresholdReached], Awaitable[bool]]


class Ledger:
    """Holds and charges of every tenant."""

    def __init__(self, budgets: Bucket, tenants: Bucket, *, tell: Tell, clock: Clock, defaults: Limits) -> None:
        """Take what the ledger needs.

        Args:
            budgets: The records.
            tenants: The tenants' settings, written by the gateway.
            tell: Appends a fact, once.
            clock: Says which periods are over.
            defaults: Limits of a tenant that has none of its own.
        """
        self._budgets = budgets
        self._tenants = tenants
        self._tell = tell
        self._clock = clock
        self._defaults = defaults
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._limits: dict[str, _Known] = {}
        self._told: OrderedDict[str, None] = OrderedDict()
        self._counted: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._newest: dict[str, _Totals] = {}

    async def look(self, tenant_id: str, job_id: str) -> Standing:
        """Read what the budget knows of a job and its tenant, together."""
        totals, clips, limits = await asyncio.gather(
            self._tenant(tenant_id), self._clips(job_id), self._limits_of(tenant_id)
        )
        return Standing(totals, clips, limits)

    async def hold(
        self,
        tenant_id: str,
        job_id: str,
        holds: Mapping[str, ClipAccount],
        *,
        sequence: int,
        seen: Standing | None = None,
    ) -> bool:
        """Set the quotes of some clips aside, all or none; what is already held is not held again.

        A hold is never lowered by another decision about the same clip: of two replicas that chose differently, either
        may be the one whose order stands. The order then says how much is held.

        Args:
            tenant_id: Whose budget.
            job_id: The clips' job.
            holds: By clip id.
            sequence: Of the history that the decision is based on.
            seen: The records that it looked at; they are read again only where they have changed.

        Returns:
            False where a limit does not allow it, or the records follow a newer history already.
        """
        try:
            return await self._set(tenant_id, job_id, holds, _Cause(sequence, is_hold=True), seen)
        except _StaleError:
            return False

    async def correct(
        self,
        tenant_id: str,
        job_id: str,
        wanted: Mapping[str, ClipAccount],
        *,
        sequence: int,
        seen: Standing | None = None,
    ) -> None:
        """Set the accounts of some clips, and the tenant's totals with them.

        Charges are booked whatever the limit says: the vendor has billed them. A record that follows a newer history
        than `sequence` is left as it is.
        """
        await self._set(tenant_id, job_id, wanted, _Cause(sequence, is_hold=False), seen)

    async def _set(
        self, tenant_id: str, job_id: str, wanted: Mapping[str, ClipAccount], cause: _Cause, seen: Standing | None
    ) -> bool:
        async with self._turns[tenant_id]:
            for number in range(MAX_ROUNDS):
                # Read before the clips' records are written: step 2 then fails where anybody was quicker.
                totals, known, limits = seen or await self.look(tenant_id, job_id)
                totals, seen = max(totals, self._newest.get(tenant_id, totals), key=_revision), None
                try:
                    prepared = await self._prepare(job_id, wanted, known, cause)
                    if not prepared:
                        return True
                    is_done = all(each.entry.account == wanted[_clip_id(key)] for key, each in prepared.items())
                    # A half-done change of somebody else may be a hold, and must fit like one.
                    has_room = await self._count(
                        tenant_id, totals, prepared, limits=limits, must_fit=cause.is_hold or not is_done
                    )
                except ConcurrencyConflict:
                    await _step_aside(number)
                    continue
                if cause.is_hold and not has_room:
                    return False
                if is_done:
                    return True
        raise Transient("budget.contended", tenant_id)

    async def _prepare(
        self, job_id: str, wanted: Mapping[str, ClipAccount], known: Mapping[str, _Stored], cause: _Cause
    ) -> dict[str, _Stored]:
        prepared: dict[str, _Stored] = {}
        for clip_id, account in wanted.items():
            stored = known.get(clip_id)
            if stored is None:
                entry, revision = ClipEntry(account=account, sequence=cause.sequence), 0
            elif not stored.entry.is_counted:
                entry, revision = stored
            elif stored.entry.account == account or (cause.is_hold and stored.entry.account.covers(account)):
                continue
            elif stored.entry.sequence <= cause.sequence:
                entry, revision = stored.entry.changed_to(account, sequence=cause.sequence), stored.revision
            elif cause.is_hold:
                raise _StaleError
            else:
                continue
            prepared[clip_key(job_id, clip_id)] = _Stored(entry, revision)
        return await self._write_all(prepared)

    async def _count(
        self, tenant_id: str, totals: _Totals, prepared: Mapping[str, _Stored], *, limits: Limits, must_fit: bool
    ) -> bool:
        before, now = totals.account, self._clock()
        after = await self._without_old_versions(tenant_id, before)
        for key, stored in prepared.items():
            after = after.counting(key, stored.entry)
        if must_fit and after.breaks(limits, before):
            # Written although nothing changes: whoever is about to count these changes must look at them again.
            await self._write_totals(tenant_id, before, totals.revision)
            await self._withdraw(before, prepared)
            return False
        reached = thresholds(tenant_id, after, limits, now)
        after = after.tidied(day_of(now)).telling(reached, told=self._told)
        await self._write_totals(tenant_id, after, totals.revision)
        for key in before.recent.keys() - after.recent.keys():
            self._counted[tenant_id].pop(key, None)
        await self._tell_thresholds(after.untold)
        await self._confirm(tenant_id, prepared)
        return True

    async def _tell_thresholds(self, untold: Iterable[BudgetThresholdReached]) -> None:
        for event in untold:
            if event.id not in self._told:
                await self._tell(event)
                self._told[event.id] = None
                if len(self._told) > MAX_TOLD:
                    self._told.popitem(last=False)

    async def _confirm(self, tenant_id: str, prepared: Mapping[str, _Stored]) -> None:
        await self._write_all({key: stored._replace(entry=stored.entry.counted()) for key, stored in prepared.items()})
        self._counted[tenant_id].update({key: stored.entry.version for key, stored in prepared.items()})

    async def _withdraw(self, tenant: TenantAccount, prepared: Mapping[str, _Stored]) -> None:
        def undone(key: str, stored: _Stored) -> _Stored:
            is_in_totals = tenant.recent.get(key) == stored.entry.version
            return stored._replace(entry=stored.entry.counted() if is_in_totals else stored.entry.withdrawn())

        await self._write_all({key: undone(key, stored) for key, stored in prepared.items()})

    async def _without_old_versions(self, tenant_id: str, account: TenantAccount) -> TenantAccount:
        counted = dict(self._counted[tenant_id])
        if len(account.recent.keys() - counted.keys()) > MAX_RECENT:
            for key in account.recent.keys() - counted.keys():
                found = await self._budgets.get(key)
                entry = None if found is None else _entry_decoder.decode(found.value)
                if entry is None or entry.is_counted:
                    counted[key] = account.recent[key] if entry is None else entry.version
        return account.forgetting(counted)

    async def _write_all(self, records: Mapping[str, _Stored]) -> dict[str, _Stored]:
        """Write clips' records side by side, each in the place of the revision beside it; gives the new revisions."""
        writing = (self._write(key, stored.entry, stored.revision) for key, stored in records.items())
        done = await asyncio.gather(*writing, return_exceptions=True)  # nothing is left running where one fails
        written: dict[str, _Stored] = {}
        for (key, stored), revision in zip(records.items(), done, strict=True):
            if isinstance(revision, BaseException):
                raise revision
            written[key] = stored._replace(revision=revision)
        return written

    async def _write(self, key: str, entry: ClipEntry, revision: int) -> int:
        is_settled = entry.is_counted and entry.account.held_usd_micros == 0
        ttl_s = SETTLED_TTL_S if is_settled else None
        return await self._budgets.update(key, msgspec.json.encode(entry), revision, ttl_s=ttl_s)

    async def _write_totals(self, tenant_id: str, account: TenantAccount, revision: int) -> None:
        newest = await self._budgets.update(tenant_key(tenant_id), msgspec.json.encode(account), revision)
        self._newest[tenant_id] = _Totals(account, newest)

    async def _tenant(self, tenant_id: str) -> _Totals:
        found = await self._budgets.get(tenant_key(tenant_id))
        return (
            _Totals(TenantAccount(), 0)
            if found is None
            else _Totals(_tenant_decoder.decode(found.value), found.revision)
        )

    async def _clips(self, job_id: str) -> dict[str, _Stored]:
        found = await self._budgets.entries(clip_key(job_id, "*"))
        return {_clip_id(entry.key): _Stored(_entry_decoder.decode(entry.value), entry.revision) for entry in found}

    async def _limits_of(self, tenant_id: str) -> Limits:
        known = self._limits.get(tenant_id)
        now = time.monotonic()
        if known is not None and now - known.read_at < LIMIT_TTL_S:
            return known.limits
        found = await self._tenants.get(tenant_id)
        settings = TenantSettings() if found is None else msgspec.json.decode(found.value, type=TenantSettings)
        limits = settings.limits(self._defaults)
        self._limits[tenant_id] = _Known(limits, now)
        return limits


def _revision(totals: _Totals) -> int:
    return totals.revision


def _clip_id(key: str) -> str:
    return key.rpartition(".")[2]


async def _step_aside(n_lost: int) -> None:
    """Wait a moment, longer after each lost round, so that two replicas do not fence each other off for ever."""
    await asyncio.sleep(random.uniform(0, STEP_ASIDE_S * 2 ** min(n_lost, 5)))  # noqa: S311 (jitter, not a secret)
