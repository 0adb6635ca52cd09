"""A small memory of what was read lately: bounded in number and in age."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from runtime.clock import Clock

T = TypeVar("T")


class Recent(Generic[T]):
    """Remembers the newest values."""

    def __init__(self, clock: Clock, *, size: int, max_age_s: float) -> None:
        """Make an empty memory.

        Args:
            clock: The time.
            size: So many values at most; the least recently read goes first.
            max_age_s: Forgotten after so long.
        """
        self._clock = clock
        self._size = size
        self._max_age = timedelta(seconds=max_age_s)
        self._values: OrderedDict[str, tuple[datetime, T]] = OrderedDict()

    def get(self, key: str) -> T | None:
        """Give a value that is remembered, None where it is not."""
        found = self._values.get(key)
        if found is None or self._clock() - found[0] > self._max_age:
            return None
        self._values.move_to_end(key)
        return found[1]

    def put(self, key: str, value: T) -> None:
        """Remember a value."""
        self._values[key] = (self._clock(), value)
        self._values.move_to_end(key)
        if len(self._values) > self._size:
            self._values.popitem(last=False)

    def forget(self, key: str) -> None:
        """Forget a value, where it is remembered."""
        self._values.pop(key, None)
