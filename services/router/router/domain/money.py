"""What the budget records must say about a job, derived from its state: holds while clips are open, then charges."""

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


class TenantAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant has spent and set aside; `spent + held <= limit` whenever a hold is taken."""

    spent_usd_micros: int = 0
    held_usd_micros: int = 0

    def moved(self, old: ClipAccount | None, new: ClipAccount) -> "TenantAccount":
        """Give the account after one clip's account changed from old to new."""
        before = old or ClipAccount()
        return TenantAccount(
            spent_usd_micros=self.spent_usd_micros + new.charged_usd_micros - before.charged_usd_micros,
            held_usd_micros=self.held_usd_micros + new.held_usd_micros - before.held_usd_micros,
        )

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
        settled so long ago that its account expired: it is left alone.
    """
    wanted = {clip_id: account_of(clips[clip_id]) if clip_id in clips else ClipAccount() for clip_id in accounts}
    return {clip_id: account for clip_id, account in wanted.items() if account != accounts[clip_id]}
