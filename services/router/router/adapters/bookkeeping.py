"""The budget records as a whole, beside the ledger that changes them one job at a time: read them, write them anew."""

import asyncio
import logging

import msgspec
from nats.aio.client import Client
from runtime.buckets import Bucket
from runtime.budgets import day_of
from runtime.clock import Clock
from runtime.job_index import requested_jobs
from runtime.log import EventLog

from router.adapters.ledger import SETTLED_TTL_S
from router.domain.books import Books, Difference, clip_key, differences, enter, tenant_key
from router.domain.money import ClipEntry, TenantAccount
from router.domain.state import fold

N_READS = 16
"""Histories read at the same time."""

_tenant_decoder = msgspec.json.Decoder(TenantAccount)
_entry_decoder = msgspec.json.Decoder(ClipEntry)
log = logging.getLogger(__name__)


class Bookkeeping:
    """Compares the records with the log, and writes them anew."""

    def __init__(self, *, log_of_jobs: EventLog, connection: Client, budgets: Bucket, clock: Clock) -> None:
        self._log = log_of_jobs
        self._connection = connection
        self._budgets = budgets
        self._clock = clock

    async def check(self) -> list[Difference]:
        """List the records that do not say what the log says; jobs that move meanwhile may seem to be among them.

        Raises:
            DependencyUnavailable: NATS does not answer.
        """
        by_log, recorded = await self._by_log_and_recorded()
        return list(differences(by_log, recorded, today=day_of(self._clock())))

    async def rebuild(self) -> list[Difference]:
        """Write every record that differs as the log has it. No router may run meanwhile.

        Returns:
            What was different.

        Raises:
            DependencyUnavailable: NATS does not answer; run it again.
        """
        by_log, recorded = await self._by_log_and_recorded()
        found = list(differences(by_log, recorded, today=day_of(self._clock()), may_have_expired=False))
        for difference in found:
            log.info("books.rewritten", extra={"key": difference.key})
            await self._rewrite(difference)
        return found

    async def _by_log_and_recorded(self) -> tuple[Books, Books]:
        by_log, recorded = Books({}, {}), Books({}, {})
        at_once = asyncio.Semaphore(N_READS)
        async for job_ids in requested_jobs(self._connection):
            await asyncio.gather(*(self._read(job_id, by_log, recorded, at_once=at_once) for job_id in job_ids))
        for tenant_id in by_log.tenants:
            found = await self._budgets.get(tenant_key(tenant_id))
            if found is not None:
                recorded.tenants[tenant_id] = _tenant_decoder.decode(found.value)
        return by_log, recorded

    async def _read(self, job_id: str, by_log: Books, recorded: Books, *, at_once: asyncio.Semaphore) -> None:
        async with at_once:
            history = await self._log.history(job_id)
            entries = await self._budgets.entries(clip_key(job_id, "*"))
        enter(by_log, job_id, fold(history.events))
        for entry in entries:
            recorded.clips[entry.key] = _entry_decoder.decode(entry.value).account

    async def _rewrite(self, difference: Difference) -> None:
        wanted = difference.by_log
        if isinstance(wanted, TenantAccount):
            await self._budgets.put(difference.key, msgspec.json.encode(wanted))
            return
        found = await self._budgets.get(difference.key)
        version = _entry_decoder.decode(found.value).version + 1 if found else 1
        entry = ClipEntry(account=wanted, before=wanted, version=version, is_counted=True)
        ttl_s = None if wanted.held_usd_micros else SETTLED_TTL_S
        await self._budgets.put(difference.key, msgspec.json.encode(entry), ttl_s=ttl_s)
