"""The one rule from what a handler did to what becomes of its message.

Returned → ack. Transient → nak with delay. Permanent or malformed → dead letter. Anything else is our bug: nak
with delay, and a dead letter after a few deliveries. Nothing is acknowledged before its fact is published.
"""

import logging
import random
from typing import Literal, NamedTuple

from dailies_contracts import MalformedEvent

from runtime.errors import DailiesError, Permanent, Transient

FIRST_DELAY_S = 0.2
MAX_DELAY_S = 30.0
"""A dependency that is back is noticed within half a minute."""
MAX_DELIVERIES_OF_A_BUG = 6
"""Long enough to outlive a rolling deployment of the mended version, short enough to be noticed."""
MAX_DELIVERIES = 2_000
"""About sixteen hours of an unavailable dependency."""

log = logging.getLogger(__name__)


class Settlement(NamedTuple):
    """What becomes of a message."""

    outcome: Literal["ack", "nak", "dead_letter"]
    delay_s: float = 0.0
    reason: str = ""


ACK = Settlement("ack")


def settlement_of(error: BaseException, *, n_deliveries: int) -> Settlement:
    """Decide what becomes of a message whose handler raised.

    Args:
        error: What was raised.
        n_deliveries: How often the message was delivered, this time included, >= 1.
    """
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, MalformedEvent | Permanent):
        return Settlement("dead_letter", reason=reason)
    limit = MAX_DELIVERIES if isinstance(error, Transient) else MAX_DELIVERIES_OF_A_BUG
    if n_deliveries >= limit:
        return Settlement("dead_letter", reason=f"after {n_deliveries} deliveries: {reason}")
    asked = error.retry_after_s if isinstance(error, Transient) else None
    return Settlement("nak", delay_s=_backoff(n_deliveries) if asked is None else asked, reason=reason)


def log_settlement(settlement: Settlement, error: BaseException, *, consumer: str) -> None:
    """Say what happened: handled and degraded as a warning, a bug or a dead letter as an error."""
    facts = {"consumer": consumer, "reason": settlement.reason}
    if settlement.outcome == "dead_letter":
        log.error("message.dead_lettered", extra=facts)
    elif isinstance(error, DailiesError):
        log.warning("message.deferred", extra=facts | {"delay_s": settlement.delay_s})
    else:
        log.error("message.handler_broke", extra=facts, exc_info=error)


def _backoff(n_deliveries: int) -> float:
    delay = min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** min(n_deliveries - 1, 10))
    return delay * random.uniform(0.8, 1.2)  # noqa: S311 (jitter, not a secret)
