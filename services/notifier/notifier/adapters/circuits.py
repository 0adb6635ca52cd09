"""The circuits of a process: which servers are known to be failing, so that nothing waits for them."""

from collections import OrderedDict

from runtime.clock import Clock

from notifier.domain.circuit import CLOSED, Breaker, Circuit
from notifier.domain.outcomes import Accepted, Failed, Outcome

MAX_CIRCUITS = 20_000
"""Only failing servers are remembered; the one that failed longest ago is forgotten first."""


class Circuits:
    """One circuit a lane."""

    def __init__(self, clock: Clock, breaker: Breaker) -> None:
        self._clock = clock
        self._breaker = breaker
        self._failing: OrderedDict[str, Circuit] = OrderedDict()

    def allows(self, lane: str) -> bool:
        """Tell whether something might be sent, without asking for it."""
        return self._failing.get(lane, CLOSED).allows(self._clock())

    def admit(self, lane: str) -> bool:
        """Tell whether something may be sent; after a cooldown one attempt is let through to see."""
        circuit = self._failing.get(lane, CLOSED)
        now = self._clock()
        if not circuit.allows(now):
            return False
        if circuit.open_until is not None:
            self._failing[lane] = circuit.probing(now, self._breaker)
        return True

    def record(self, lane: str, outcome: Outcome) -> None:
        """Take an outcome in; an address that may not be called says nothing of its server."""
        match outcome:
            case Accepted():
                self._failing.pop(lane, None)
            case Failed():
                self._failing[lane] = self._failing.get(lane, CLOSED).after_failure(self._clock(), self._breaker)
                self._failing.move_to_end(lane)
                if len(self._failing) > MAX_CIRCUITS:
                    self._failing.popitem(last=False)
            case _:
                pass
