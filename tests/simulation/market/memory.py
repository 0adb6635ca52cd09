"""Log, buckets and timers in memory, with the promises of the real ones: write-once, compare-and-set, in order.

A `Fate` may strike at any write, on either side of it: the process that wrote is gone, what it wrote may stay.
"""

import random
from collections.abc import Callable, Sequence
from datetime import datetime

from dailies_contracts import AnyEvent, Event, subject_of
from runtime.buckets import Change, Entry
from runtime.errors import ConcurrencyConflict
from runtime.log import History


class DiedError(Exception):
    """The process is gone."""


class Fate:
    """Says at each write whether the process dies."""

    def __init__(self, *, seed: int = 0, deaths: float = 0.0) -> None:
        self._random = random.Random(seed)
        self._deaths = deaths
        self.n_deaths = 0

    def strikes(self) -> None:
        """Die, or go on.

        Raises:
            DiedError: Died.
        """
        if self._deaths and self._random.random() < self._deaths:
            self.n_deaths += 1
            raise DiedError


class MemoryLog:
    """The event log: each subject once, decisions only on what was read."""

    def __init__(self, fate: Fate | None = None) -> None:
        self.jobs: dict[str, list[tuple[int, AnyEvent]]] = {}
        self.told: list[Event] = []
        self.listeners: list[Callable[[AnyEvent], None]] = []
        self._subjects: set[str] = set()
        self._sequence = 0
        self._fate = fate or Fate()

    async def append_fact(self, event: Event) -> bool:
        """Write one fact; False where it had already happened."""
        if subject_of(event) in self._subjects:
            return False
        self._write(event)
        return True

    async def append(self, job_id: str, events: Sequence[Event], *, expected_sequence: int) -> int:
        """Write a decision if nothing about the job changed."""
        self._fate.strikes()
        known = self.jobs.get(job_id, [])
        last = known[-1][0] if known else 0
        if last != expected_sequence or any(subject_of(event) in self._subjects for event in events):
            raise ConcurrencyConflict("job.changed", job_id, retry_after_s=0.0)
        for event in events:
            self._write(event)
        self._fate.strikes()
        return self._sequence

    async def history(self, job_id: str) -> History:
        """Read everything that happened to a job."""
        known = self.jobs.get(job_id, [])
        return History(tuple(event for _, event in known), known[-1][0] if known else 0)

    async def find(self, kind: type[Event], job_id: str, *tokens: str) -> AnyEvent | None:
        """Read one fact of a job."""
        wanted = ".".join((job_id, kind.FACT, *tokens))
        return next((event for _, event in self.jobs.get(job_id, []) if event.id == wanted), None)

    def _write(self, event: Event) -> None:
        self._subjects.add(subject_of(event))
        self._sequence += 1
        if not hasattr(event, "job_id"):  # a fact about a tenant
            self.told.append(event)
            return
        self.jobs.setdefault(event.job_id, []).append((self._sequence, event))
        for listener in self.listeners:
            listener(event)


class MemoryBucket:
    """A key-value bucket with compare-and-set.

    Args:
        fate: When its writer dies.
        clock: Seconds of virtual time, for keys with a time to live; None: they stay.
    """

    def __init__(self, fate: Fate | None = None, *, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._ends_at_s: dict[str, float] = {}
        self.values: dict[str, Entry] = {}
        self._below: dict[str, set[str]] = {}
        self.listeners: list[Callable[[str, bytes], None]] = []
        self._revision = 0
        self._fate = fate or Fate()

    async def get(self, key: str) -> Entry | None:
        """Read one key."""
        if self._clock is not None and self._clock() >= self._ends_at_s.get(key, float("inf")):
            self.values.pop(key, None)
        return self.values.get(key)

    async def entries(self, pattern: str = ">") -> list[Entry]:
        """Read every key below one (`a.b.*`), or all (`>`)."""
        parent, _, last = pattern.rpartition(".")
        if last == "*" and "*" not in parent:
            return [self.values[key] for key in sorted(self._below.get(parent, ())) if key in self.values]
        if pattern == ">":
            return list(self.values.values())
        raise NotImplementedError(pattern)

    async def changes(self, *, after_revision: int) -> list[Entry]:
        """Read every key that was set after a revision, oldest change first."""
        return sorted(
            (entry for entry in self.values.values() if entry.revision > after_revision), key=lambda each: each.revision
        )

    async def create(self, key: str, value: bytes, *, ttl_s: float | None = None) -> int | None:
        """Create a key; None where it exists."""
        return None if await self.get(key) else self._set(key, value, ttl_s=ttl_s)

    async def update(self, key: str, value: bytes, revision: int, *, ttl_s: float | None = None) -> int:
        """Replace a key that has not changed since it was read."""
        self._fate.strikes()
        known = self.values.get(key)
        if (known.revision if known else 0) != revision:
            raise ConcurrencyConflict("bucket.changed", key, retry_after_s=0.0)
        written = self._set(key, value, ttl_s=ttl_s)
        self._fate.strikes()
        return written

    async def update_together(self, changes: Sequence[Change]) -> None:
        """Replace several keys, all or none."""
        for change in changes:
            known = self.values.get(change.key)
            if (known.revision if known else 0) != change.revision:
                raise ConcurrencyConflict("bucket.changed", change.key, retry_after_s=0.0)
        for change in changes:
            self._set(change.key, change.value)

    async def put(self, key: str, value: bytes, *, ttl_s: float | None = None) -> None:
        """Set a key whatever it was."""
        self._set(key, value, ttl_s=ttl_s)

    async def delete(self, key: str) -> None:
        """Forget a key."""
        self.values.pop(key, None)

    def _set(self, key: str, value: bytes, *, ttl_s: float | None = None) -> int:
        self._revision += 1
        self._ends_at_s.pop(key, None)
        if self._clock is not None and ttl_s is not None:
            self._ends_at_s[key] = self._clock() + ttl_s
        self.values[key] = Entry(key, value, self._revision)
        self._below.setdefault(key.rpartition(".")[0], set()).add(key)
        for listener in self.listeners:
            listener(key, value)
        return self._revision


class MemoryTimers:
    """Timers that tell whoever runs virtual time."""

    def __init__(self, scheduled: Callable[[str, str, datetime], None]) -> None:
        self._scheduled = scheduled

    async def schedule(self, name: str, key: str, *, at: datetime, payload: bytes = b"") -> None:
        """Let a timer go off at a time."""
        del payload
        self._scheduled(name, key, at)
