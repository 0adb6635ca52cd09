"""A clock that moves only when a test says so."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeClock:
    """Stands in wherever a `Clock` (a callable that gives UTC now) is wanted."""

    def __init__(self, start: datetime = START) -> None:
        self.now = start

    def __call__(self) -> datetime:
        """Give the time it stands at."""
        return self.now

    def advance(self, seconds: float) -> datetime:
        """Move on and give the new time.

        Args:
            seconds: May not be negative.

        Raises:
            ValueError: time does not run backwards.
        """
        if seconds < 0:
            raise ValueError(f"cannot advance by {seconds} s")
        self.now += timedelta(seconds=seconds)
        return self.now
