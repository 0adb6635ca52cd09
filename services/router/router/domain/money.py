"""What the budget records must say about a job, derived from its state: holds while clips are open, then charges."""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime

import msgspec
from dailies_contracts import BudgetThresholdReached, ClipRequested, Event
from runtime.budgets import TOTAL, Limits, Sums, TenantSums, day_of, kept, periods_of, standings

from router.domain.state import Clip, Clips


class ClipAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What the budget knows of one clip.

    Attributes:
        held_usd_micros: Kept aside; 0 once the clip's charge is known.
        charged_usd_micros: Spent for it.
        day: UTC day in which the hold was taken: the day and month that the clip counts in, whenever it ends.
    """

    held_usd_micros: int = 0
    charged_usd_micros: int = 0
    day: str = ""

    def covers(self, other: "ClipAccount") -> bool:
        """Tell whether as much or more is held, in the same day."""
        return self.day == other.day and self.held_usd_micros >= other.held_usd_micros > 0


class ClipEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A clip's record: its account, and whether the tenant's totals have followed its last change.

    Attributes:
        account: As it shall be.
        before: As it was before the last change.
        version: Counts the changes; names a change in the tenant's record.
        is_counted: The tenant's totals have followed.
        sequence: Of the newest fact about the job that the account follows from.
    """

    account: ClipAccount
    before: ClipAccount = ClipAccount()
    version: int = 1
    is_counted: bool = False
    sequence: int = 0

    def changed_to(self, account: ClipAccount, *, sequence: int) -> "ClipEntry":
        """Give the entry of the next change."""
        return ClipEntry(account=account, before=self.account, version=self.version + 1, sequence=sequence)

    def counted(self) -> "ClipEntry":
        """Give the entry once the totals have followed."""
        return msgspec.structs.replace(self, is_counted=True)

    def withdrawn(self) -> "ClipEntry":
        """Give the entry of a change that the budget refused."""
        return msgspec.structs.replace(self, account=self.before, is_counted=True)


class TenantAccount(TenantSums, frozen=True, kw_only=True):
    """What a tenant has spent and set aside; within every limit whenever a hold is taken.

    Attributes:
        recent: Version of the last change that was counted, by clip key: kept until the clip's own record says so.
        untold: Thresholds that were reached, until somebody has told them and writes the record again.
    """

    recent: dict[str, int] = {}
    untold: tuple[BudgetThresholdReached, ...] = ()

    def counting(self, key: str, entry: ClipEntry) -> "TenantAccount":
        """Count one change of a clip; counting it again changes nothing."""
        if self.recent.get(key) == entry.version:
            return self
        changed = self.booking(entry.before, sign=-1).booking(entry.account)
        return msgspec.structs.replace(changed, recent=self.recent | {key: entry.version})

    def booking(self, account: ClipAccount, *, sign: int = 1) -> "TenantAccount":
        """Add a clip's account to the sums, or take it out of them."""
        spent, held = sign * account.charged_usd_micros, sign * account.held_usd_micros
        periods = dict(self.periods)
        for period in periods_of(account.day):
            periods[period] = periods.get(period, Sums()).plus(spent, held)
        return TenantAccount(
            spent_usd_micros=self.spent_usd_micros + spent,
            held_usd_micros=self.held_usd_micros + held,
            periods=periods,
            recent=self.recent,
            untold=self.untold,
        )

    def forgetting(self, counted: Mapping[str, int]) -> "TenantAccount":
        """Forget changes whose clips' own records say that they are counted, by clip key and version."""
        recent = {key: version for key, version in self.recent.items() if counted.get(key) != version}
        return msgspec.structs.replace(self, recent=recent)

    def tidied(self, today: str) -> "TenantAccount":
        """Forget the periods that are long over."""
        return msgspec.structs.replace(self, periods=kept(self.periods, today))

    def telling(self, reached: Iterable[BudgetThresholdReached], *, told: Container[str]) -> "TenantAccount":
        """Keep the thresholds that nobody has told yet; the first to find one reached says with what sums."""
        waiting = {event.id: event for event in (*reached, *self.untold)}
        return msgspec.structs.replace(self, untold=tuple(each for each in waiting.values() if each.id not in told))

    def left_usd_micros(self, limits: Limits, day: str) -> int | None:
        """Give what may still be held on a day under every limit; negative where one was lowered, None without any."""
        lefts = (standing.left_usd_micros for standing in standings(self, limits, day))
        return min((left for left in lefts if left is not None), default=None)

    def breaks(self, limits: Limits, before: "TenantAccount") -> bool:
        """Tell whether a change overdraws a budget: one of which it uses more than before."""
        return any(
            self.of(period).used_usd_micros > limit
            for period in (TOTAL, *self.periods)
            if self.of(period).used_usd_micros > before.of(period).used_usd_micros
            and (limit := limits.of(period)) is not None
        )


def thresholds(tenant_id: str, sums: TenantSums, limits: Limits, now: datetime) -> tuple[BudgetThresholdReached, ...]:
    """List the thresholds that a tenant has reached in the periods of now."""
    return tuple(
        BudgetThresholdReached(
            tenant_id=tenant_id,
            occurred_at=now,
            scope=standing.scope,
            period=standing.period,
            limit_usd_micros=standing.limit_usd_micros,
            percent=percent,
            spent_usd_micros=standing.sums.spent_usd_micros,
            held_usd_micros=standing.sums.held_usd_micros,
        )
        for standing in standings(sums, limits, day_of(now))
        for percent in standing.reached()
        if standing.limit_usd_micros is not None
    )


def holds_of(decision: Iterable[Event]) -> dict[str, ClipAccount]:
    """Give what a decision must set aside, by clip id: the quotes of the clips that it orders."""
    return {
        event.clip_id: ClipAccount(held_usd_micros=event.quote_usd_micros, day=day_of(event.occurred_at))
        for event in decision
        if isinstance(event, ClipRequested)
    }


def account_of(clip: Clip) -> ClipAccount:
    """Give what the budget must say about a clip: its hold while its cost is not known, its charge afterwards."""
    day = day_of(clip.ordered_at)
    if clip.status in ("failed", "scored"):
        return ClipAccount(charged_usd_micros=clip.charged_usd_micros, day=day)
    return ClipAccount(held_usd_micros=clip.quote_usd_micros, day=day)


def corrections(entries: Mapping[str, ClipEntry], clips: Clips, *, has_ended: bool) -> dict[str, ClipAccount]:
    """Compare the budget's records of a job with its state.

    Args:
        entries: By clip id, as recorded. A hold is taken before its clip is ordered, so every clip has one.
        clips: The job's clips.
        has_ended: No clip can be ordered any more.

    Returns:
        The accounts to write: those that differ, and those whose last change was left half done. A hold whose clip
        was not ordered is released when the job has ended; before, another replica may be about to order it. A clip
        without an account was settled so long ago that its record expired: it is left alone.
    """
    wanted: dict[str, ClipAccount] = {}
    for clip_id, entry in entries.items():
        if clip_id in clips:
            wanted[clip_id] = account_of(clips[clip_id])
        elif has_ended:
            wanted[clip_id] = ClipAccount(day=entry.account.day)
    return {
        clip_id: account
        for clip_id, account in wanted.items()
        if account != entries[clip_id].account or not entries[clip_id].is_counted
    }


def held_in_advance_usd_micros(entries: Mapping[str, ClipEntry], clips: Clips) -> int:
    """Sum what is held for clips of a job that are not ordered yet: a decision that was cut short left it."""
    return sum(entry.account.held_usd_micros for clip_id, entry in entries.items() if clip_id not in clips)
