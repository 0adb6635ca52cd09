"""What the steps of the asset store need from outside, and the parts they share."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from dailies_contracts import AnyEvent, AssetRef, Event
from runtime.clock import Clock
from runtime.legal_holds import LegalHold
from runtime.log import History

from assets.adapters.signing import Signatures
from assets.making import Recipe

E = TypeVar("E", bound=AnyEvent)
T = TypeVar("T")


class FactLog(Protocol):
    """The event log."""

    async def append_fact(self, event: Event) -> bool:
        """Write one fact; False where it had already happened."""
        ...

    async def find(self, kind: type[E], job_id: str, *tokens: str) -> E | None:
        """Read one fact by its subject's tokens."""
        ...

    async def history(self, job_id: str) -> History:
        """Read everything that happened to a job."""
        ...


class Objects(Protocol):
    """The object store."""

    async def put_once(
        self, key: str, data: bytes, *, media_type: str, tags: Mapping[str, str] | None = None
    ) -> AssetRef:
        """Store bytes where nothing is stored; give what is stored."""
        ...

    async def fetch(self, ref: AssetRef) -> bytes:
        """Read an asset whole."""
        ...

    async def download(self, ref: AssetRef, path: Path) -> None:
        """Write an asset to a local file."""
        ...

    async def look_up(self, key: str) -> AssetRef:
        """Refer to an object by its key."""
        ...


class Keeper(Protocol):
    """How long objects are kept."""

    async def tag(self, prefix: str, tags: Mapping[str, str]) -> int:
        """Tag every object below a prefix."""
        ...

    async def hold(self, prefix: str, *, on: bool) -> None:
        """Let the server refuse to delete what lies below a prefix."""
        ...

    async def erase(self, prefix: str, *, keep: tuple[str, ...] = ()) -> int:
        """Delete every version below a prefix."""
        ...

    async def keys(self, prefix: str) -> list[str]:
        """List what can be read below a prefix."""
        ...


class HoldBook(Protocol):
    """What may not be erased, and what is being erased."""

    async def load(self, job_id: str) -> LegalHold:
        """Read the hold of a job."""
        ...


class TimerBook(Protocol):
    """The service's timers."""

    async def schedule(self, name: str, key: str, *, at: datetime, payload: bytes = b"") -> None:
        """Let a timer go off at a time."""
        ...


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Everything that the steps share.

    Attributes:
        recipe: How derivatives are made.
        cores: Runs heavy work, one slot a core.
        licence_of: Gives the licence note of a vendor, as the catalogue has it now.
        draft_days: The files of a draft that is not delivered live so long.
    """

    log: FactLog
    timers: TimerBook
    objects: Objects
    keeper: Keeper
    holds: HoldBook
    clock: Clock
    signatures: Signatures
    recipe: Recipe
    cores: Executor
    licence_of: Callable[[str], str]
    draft_days: int
    _busy: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def one_at_a_time(self, clip_id: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do work on a clip while nothing else in this process works on it: two decodes would be one too many."""
        lock = self._busy.setdefault(clip_id, asyncio.Lock())
        try:
            async with lock:
                return await work()
        finally:
            if not lock.locked():
                self._busy.pop(clip_id, None)
