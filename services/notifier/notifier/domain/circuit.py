"""A circuit breaker for one server: after several failures in a row it fails at once for a while.

Pure: the state is a value, time is an argument.
"""

from datetime import datetime, timedelta
from typing import NamedTuple


class Breaker(NamedTuple):
    """When a circuit opens, and for how long.

    Attributes:
        n_failures: In a row, over all jobs.
        cooldown_s: Then nothing is sent for so long; doubled after every further failure.
        max_cooldown_s: At most so long.
    """

    n_failures: int
    cooldown_s: float
    max_cooldown_s: float


class Circuit(NamedTuple):
    """The state of one circuit.

    Attributes:
        n_failures: In a row.
        open_until: Nothing is sent before.
    """

    n_failures: int = 0
    open_until: datetime | None = None

    def allows(self, now: datetime) -> bool:
        """Tell whether something may be sent."""
        return self.open_until is None or now >= self.open_until

    def probing(self, now: datetime, breaker: Breaker) -> "Circuit":
        """Let one attempt through after the cooldown, and keep the others out until it is back."""
        if self.open_until is None or now < self.open_until:
            return self
        return self._replace(open_until=now + timedelta(seconds=breaker.cooldown_s))

    def after_failure(self, now: datetime, breaker: Breaker) -> "Circuit":
        """Count a failure."""
        n_failures = self.n_failures + 1
        if n_failures < breaker.n_failures:
            return Circuit(n_failures, self.open_until)
        doublings = min(n_failures - breaker.n_failures, 16)
        cooldown_s = min(breaker.cooldown_s * 2**doublings, breaker.max_cooldown_s)
        return Circuit(n_failures, now + timedelta(seconds=cooldown_s))


CLOSED = Circuit()
