"""What the budget records must say about a job, derived from its state: holds while clips are open, then charges."""

from collections.abc import Mapping

import msgspec

from router.domain.state import Clip, Clips


class ClipAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What the budget knows of one clip.

    Attributes:
        held_usd_micros: Kept aside; 0 once the clip's charge is known.
        charged_usd_micros: Spent for it.
    """

    held_usd_micros: int = 0
    charged_usd_micros: int = 0


class ClipEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A clip's record: its account, and whether the tenant's totals have followed its last change.

    Attributes:
        account: As it shall be.
        before: As it was before the last change.
        version: Counts the changes; names a change in the tenant's record.
        is_counted: The tenant's totals have followed.
    """

    account: ClipAccount
    before: ClipAccount = ClipAccount()
    version: int = 1
    is_counted: bool = False

    def changed_to(self, account: ClipAccount) -> "ClipEntry":
        """Give the entry of the next change."""
        return ClipEntry(account=account, before=self.account, version=self.version + 1)

    def counted(self) -> "ClipEntry":
        """Give the entry once the totals have followed."""
        return msgspec.structs.replace(self, is_counted=True)

    def withdrawn(self) -> "ClipEntry":
        """Give the entry of a change that the budget refused."""
        return ClipEntry(account=self.before, before=self.before, version=self.version, is_counted=True)


class TenantAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant has spent and set aside; `spent + held <= limit` whenever a hold is taken.

    Attributes:
        recent: Version of the last change that was counted, by clip key: kept until the clip's own record says so.
    """

    spent_usd_micros: int = 0
    held_usd_micros: int = 0
    recent: dict[str, int] = {}

    def counting(self, key: str, entry: ClipEntry) -> "TenantAccount":
        """Count one change of a clip; counting it again changes nothing."""
        if self.recent.get(key) == entry.version:
            return self
        return TenantAccount(
            spent_usd_micros=self.spent_usd_micros + entry.account.charged_usd_micros - entry.before.charged_usd_micros,
            held_usd_micros=self.held_usd_micros + entry.account.held_usd_micros - entry.before.held_usd_micros,
            recent=self.recent | {key: entry.version},
        )

    def forgetting(self, counted: Mapping[str, int]) -> "TenantAccount":
        """Forget changes whose clips' own records say that they are counted, by clip key and version."""
        recent = {key: version for key, version in self.recent.items() if counted.get(key) != version}
        return msgspec.structs.replace(self, recent=recent)

    def left_usd_micros(self, limit_usd_micros: int) -> int:
        """Give what may still be held under a limit; negative where the limit was lowered."""
        return limit_usd_micros - self.spent_usd_micros - self.held_usd_micros


def account_of(clip: Clip) -> ClipAccount:
    """Give what the budget must say about a clip: its hold while its cost is not known, its charge afterwards."""
    if clip.status in ("failed", "scored"):
        return ClipAccount(charged_usd_micros=clip.charged_usd_micros)
    return ClipAccount(held_usd_micros=clip.quote_usd_micros)


def corrections(accounts: dict[str, ClipAccount], clips: Clips) -> dict[str, ClipAccount]:
    """Compare the budget's accounts of a job with its state.

    Args:
        accounts: By clip id, as recorded. A hold is taken before its clip is ordered, so every clip has one.
        clips: The job's clips.

    Returns:
        The accounts to write. A hold whose clip was never ordered is released. A clip without an account was
        settled so long ago that its record expired: it is left alone.
    """
    wanted = {clip_id: account_of(clips[clip_id]) if clip_id in clips else ClipAccount() for clip_id in accounts}
    return {clip_id: account for clip_id, account in wanted.items() if account != accounts[clip_id]}
