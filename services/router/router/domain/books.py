"""What the budget records must hold, summed from the histories of all jobs, and where the records differ. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from router.domain.money import ClipAccount, TenantAccount, account_of
from router.domain.state import Ended, Phase, Requested


class Books(NamedTuple):
    """The accounts of all clips, by record key, and of all tenants, by id."""

    clips: dict[str, ClipAccount]
    tenants: dict[str, TenantAccount]


class Difference(NamedTuple):
    """A record that does not say what the log says."""

    key: str
    by_log: ClipAccount | TenantAccount
    recorded: ClipAccount | TenantAccount


def clip_key(job_id: str, clip_id: str) -> str:
    """Name the record of a clip."""
    return f"clip.{job_id}.{clip_id}"


def tenant_key(tenant_id: str) -> str:
    """Name the record of a tenant."""
    return f"tenant.{tenant_id}"


def enter(books: Books, job_id: str, state: Phase) -> None:
    """Enter one job: the accounts of its clips, and what they add to its tenant."""
    if not isinstance(state, Requested | Ended):
        return
    tenant_id = state.tenant_id if isinstance(state, Ended) else state.job.tenant_id
    tenant = books.tenants.get(tenant_id, TenantAccount())
    for clip_id, clip in state.clips.items():
        if clip.origin is not None:
            continue  # nothing was held for it, and nothing is paid
        account = account_of(clip)
        books.clips[clip_key(job_id, clip_id)] = account
        tenant = tenant.booking(account)
    books.tenants[tenant_id] = tenant


def differences(by_log: Books, recorded: Books, *, today: str, may_have_expired: bool = True) -> Iterator[Difference]:
    """Compare the records with the log.

    Args:
        by_log: What must be.
        recorded: What is. The record of a clip that was never ordered must hold nothing.
        today: Periods that are long over do not matter.
        may_have_expired: The record of a settled clip may be missing: it is forgotten after a while.
    """
    for key in sorted(by_log.clips.keys() | recorded.clips.keys()):
        wanted, found = by_log.clips.get(key), recorded.clips.get(key)
        if wanted is None and found is not None:
            wanted = ClipAccount(day=found.day)
        if wanted is not None and found is None:
            found = wanted if may_have_expired and not wanted.held_usd_micros else ClipAccount()
        if wanted is not None and found is not None and wanted != found:
            yield Difference(key, wanted, found)
    for tenant_id in sorted(by_log.tenants):
        wanted_sums = _sums(by_log.tenants, tenant_id, today)
        found_sums = _sums(recorded.tenants, tenant_id, today)
        if wanted_sums != found_sums:
            yield Difference(tenant_key(tenant_id), wanted_sums, found_sums)


def _sums(tenants: Mapping[str, TenantAccount], tenant_id: str, today: str) -> TenantAccount:
    account = tenants.get(tenant_id, TenantAccount())
    return msgspec.structs.replace(account.tidied(today), recent={}, untold=())
