"""The newest few facts of a kind, whatever order they came in, however often.

A window is the N newest of everything ever put in: putting in again, late, in another order, or from a log that is read
once more gives the same window. That is what makes all that is learned from the log rebuildable.
"""

from bisect import bisect_left
from typing import Protocol, TypeVar


class Dated(Protocol):
    """What a window holds: a fact with a name and a time."""

    @property
    def key(self) -> str:
        """Names the fact."""
        ...

    @property
    def at_s(self) -> float:
        """When it happened, seconds since 1970."""
        ...


D = TypeVar("D", bound=Dated)


def with_fact(window: tuple[D, ...], fact: D, *, size: int) -> tuple[D, ...]:
    """Put one fact in, oldest first; the same window where it is there already or too old.

    Args:
        window: Oldest first.
        fact: To put in.
        size: So many facts are kept.
    """
    place = bisect_left(window, _order(fact), key=_order)
    if place < len(window) and window[place].key == fact.key:
        return window
    if len(window) >= size and place == 0:
        return window
    grown = (*window[:place], fact, *window[place:])
    return grown[-size:]


def _order(fact: Dated) -> tuple[float, str]:
    return fact.at_s, fact.key
