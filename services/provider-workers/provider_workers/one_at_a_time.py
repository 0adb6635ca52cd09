"""One look at a clip at a time in this process: callbacks come in bursts, and each would download the same file.

Replicas do not know each other's locks, and need not: the log keeps them exact. This only saves work.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class OneAtATime:
    """Locks by key; a key that nobody waits for is forgotten."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._n_users: dict[str, int] = {}

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Wait for the turn at a key, and keep it while the block runs."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._n_users[key] = self._n_users.get(key, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._n_users[key] -= 1
            if not self._n_users[key]:
                del self._n_users[key], self._locks[key]
