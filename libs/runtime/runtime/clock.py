"""The clock as an argument: handlers ask it, tests turn it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_clock() -> datetime:
    """Give the time now, UTC."""
    return datetime.now(UTC)
