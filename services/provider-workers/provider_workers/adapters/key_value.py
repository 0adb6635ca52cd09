"""The part of a key-value bucket that slots and intents use; `runtime.buckets.Bucket` is one."""

from typing import Protocol

from runtime.buckets import Entry


class KeyValue(Protocol):
    """A key-value bucket."""

    async def get(self, key: str) -> Entry | None:
        """Read one key."""
        ...

    async def entries(self, pattern: str = ">") -> list[Entry]:
        """Read every key that matches a pattern."""
        ...

    async def create(self, key: str, value: bytes, *, ttl_s: float | None = None) -> int | None:
        """Create a key; None where it exists."""
        ...

    async def put(self, key: str, value: bytes, *, ttl_s: float | None = None) -> None:
        """Set a key whatever it was."""
        ...

    async def update(self, key: str, value: bytes, revision: int, *, ttl_s: float | None = None) -> int:
        """Replace a key that has not changed, else raise ConcurrencyConflict."""
        ...
