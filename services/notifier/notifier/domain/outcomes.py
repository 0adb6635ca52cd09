"""What came of one attempt, and when to try again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

SUCCESS = range(200, 300)
REDIRECTION = range(300, 400)
GONE = 410
MAX_RETRY_AFTER_S = 12 * 3600.0
"""An endpoint may slow us down for half a day, not forever."""


class Accepted(NamedTuple):
    """The endpoint took it."""

    code: str


class Failed(NamedTuple):
    """Not this time.

    Attributes:
        code: Ours, stable and dotted, for example `webhook.timed_out`.
        retry_after_s: What the endpoint asked us to wait.
    """

    code: str
    retry_after_s: float | None = None


class Rejected(NamedTuple):
    """Never: the address is not one that we may call."""

    code: str


class Gone(NamedTuple):
    """The endpoint wants nothing more, ever."""

    code: str


class Deferred(NamedTuple):
    """Not sent, because its turn has not come: no failure.

    Attributes:
        code: Why.
        until: When it may be sent.
    """

    code: str
    until: datetime


Outcome = Accepted | Failed | Rejected | Gone | Deferred


class Reply(NamedTuple):
    """What came of one request.

    Attributes:
        outcome: Its class.
        body: The beginning of what the server answered, as text.
    """

    outcome: Outcome
    body: str = ""


def outcome_of(status: int, retry_after: str | None, *, now: datetime) -> Outcome:
    """Read an HTTP answer. Whatever is neither success nor 410 is tried again; redirects are not followed.

    Args:
        status: HTTP status.
        retry_after: The header, seconds or an HTTP date.
        now: For a date.
    """
    if status in SUCCESS:
        return Accepted(f"http.{status}")
    if status == GONE:
        return Gone("http.410")
    if status in REDIRECTION:
        return Failed("webhook.redirected")
    return Failed(f"http.{status}", _retry_after_s(retry_after, now=now))


class Schedule(NamedTuple):
    """When a failed notification is tried again.

    Attributes:
        delays_s: Wait after the first failure, the second, …; after the last one it is given up.
        jitter: Up to this share is added to each wait, so that what failed together does not return together.
    """

    delays_s: Sequence[float]
    jitter: float

    def next_at(self, n_failures: int, *, now: datetime, retry_after_s: float | None, draw: float) -> datetime | None:
        """Name the time of the next attempt.

        Args:
            n_failures: Failed attempts at this notification so far, >= 1.
            now: Time of the last one.
            retry_after_s: At least so long.
            draw: Random in [0, 1).

        Returns:
            None where it is given up.
        """
        if n_failures > len(self.delays_s):
            return None
        delay_s = self.delays_s[n_failures - 1] * (1 + self.jitter * draw)
        return now + timedelta(seconds=max(delay_s, retry_after_s or 0.0))


def _retry_after_s(header: str | None, *, now: datetime) -> float | None:
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - now).total_seconds()), MAX_RETRY_AFTER_S)
