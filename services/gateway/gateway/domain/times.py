"""Times as views show them: UTC, to the millisecond, as exactly as MongoDB keeps them."""

from datetime import UTC, datetime


def shown_at(at: datetime) -> datetime:
    """Bring a time of any publisher into the shape that views show.

    A time without a zone counts as UTC: the contract asks for UTC, and a view must not fail on it.
    """
    if at.tzinfo is UTC and at.microsecond % 1_000 == 0:
        return at
    try:
        utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, with an offset
        utc = at.replace(tzinfo=UTC)
    return utc.replace(microsecond=utc.microsecond // 1_000 * 1_000)
