"""How an endpoint has behaved lately: since when it fails, and whether it was disabled. Pure.

The record is written when something changes, not at every attempt.
"""

from datetime import datetime, timedelta

import msgspec

from notifier.domain.outcomes import Accepted, Failed, Gone, Outcome

UNSENT = "webhook.circuit_open"
"""Nothing was sent, so it says nothing about the endpoint."""

NOTE_SHARE = 1 / 20
"""Of the patience: failures are noted so often, so that an endpoint that fails costs few writes."""
GAP_SHARE = 1 / 2
"""Of the patience: failures further apart are not one failure."""


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of one endpoint; without one all is well.

    Attributes:
        failing_since: The first failure after the last success.
        failed_at: A failure since then, of the last hours.
        disabled_at: It is told nothing since then.
        reason: Why it was disabled.
    """

    failing_since: datetime | None = None
    failed_at: datetime | None = None
    disabled_at: datetime | None = None
    reason: str = ""


GOOD = Standing()


def standing_after(standing: Standing, outcome: Outcome, *, now: datetime, patience: timedelta) -> Standing:
    """Take one outcome in.

    Args:
        standing: So far.
        outcome: Of an attempt.
        now: The time.
        patience: An endpoint that fails for so long is disabled.

    Returns:
        The same value where nothing changed.
    """
    match outcome:
        case Accepted():
            healed = msgspec.structs.replace(standing, failing_since=None, failed_at=None)
            return standing if healed == standing else healed
        case Gone(code):
            return _disabled(standing, code, now)
        case Failed(code) if code != UNSENT:
            return _failed(standing, code, now, patience)
        case _:
            return standing


def _failed(standing: Standing, code: str, now: datetime, patience: timedelta) -> Standing:
    since, last = standing.failing_since, standing.failed_at
    # Where nothing was sent for long, nothing is known of the time between: it begins anew.
    if since is None or last is None or now - last > patience * GAP_SHARE:
        return msgspec.structs.replace(standing, failing_since=now, failed_at=now)
    if now - since >= patience:
        return _disabled(standing, f"failing for days, last {code}", now)
    if now - last >= patience * NOTE_SHARE:
        return msgspec.structs.replace(standing, failed_at=now)
    return standing


def _disabled(standing: Standing, reason: str, now: datetime) -> Standing:
    if standing.disabled_at is not None:
        return standing
    return msgspec.structs.replace(standing, disabled_at=now, reason=reason)
