"""What the worker's steps need from outside, and the parts they share.

The protocols are met by `runtime` in a service and by small fakes in tests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from dailies_contracts import AssetRef, Event
from runtime.catalog import Provider
from runtime.clock import Clock
from runtime.log import History

from provider_workers.adapters.intents import Intents
from provider_workers.adapters.slots import Slots
from provider_workers.domain.adapter import Adapter
from provider_workers.domain.pace import Pace
from provider_workers.domain.progress import Clip, clip_of
from provider_workers.domain.tick import Tick, encode_tick


class FactLog(Protocol):
    """The event log."""

    async def append_fact(self, event: Event) -> bool:
        """Write one fact; False where it had already happened."""
        ...

    async def append(self, job_id: str, events: Sequence[Event], *, expected_sequence: int) -> int:
        """Write a decision if nothing about the job changed, else raise ConcurrencyConflict."""
        ...

    async def history(self, job_id: str) -> History:
        """Read everything that happened to a job."""
        ...


class TimerBook(Protocol):
    """The service's timers."""

    async def schedule(self, name: str, key: str, *, at: datetime, payload: bytes = b"") -> None:
        """Let a timer go off at a time."""
        ...

    async def fire(self, name: str, key: str, payload: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Let a timer go off now."""
        ...


class AssetStore(Protocol):
    """The object store."""

    async def put(
        self, key: str, data: bytes | Path, *, media_type: str, tags: Mapping[str, str] | None = None
    ) -> AssetRef:
        """Store bytes."""
        ...

    async def fetch(self, ref: AssetRef) -> bytes:
        """Read an asset whole."""
        ...

    async def presign(self, ref: AssetRef, *, expires_s: int) -> str:
        """Make a URL that lets anybody read an asset for a while."""
        ...


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Everything that the steps share.

    Attributes:
        listed: The vendor's entry in the catalogue as it is now.
        tempo: Waiting times; the catalogue's own are put in.
        callback_base_url: The gateway as the vendor reaches it; empty: no callbacks.
        callback_secret: Signs callback addresses.
    """

    adapter: Adapter
    log: FactLog
    timers: TimerBook
    objects: AssetStore
    slots: Slots
    intents: Intents
    clock: Clock
    listed: Callable[[], Provider]
    tempo: Pace
    callback_base_url: str = ""
    callback_secret: str = ""

    @property
    def vendor(self) -> Provider:
        """The vendor's entry in the catalogue."""
        return self.listed()

    @property
    def pace(self) -> Pace:
        """The vendor's waiting times."""
        vendor = self.listed()
        return self.tempo._replace(poll_s=vendor.poll_s, reconcile_s=vendor.reconcile_s)

    async def clip(self, job_id: str, clip_id: str) -> Clip | None:
        """Read what has become of a clip."""
        history = await self.log.history(job_id)
        return clip_of(
            history.events,
            clip_id,
            last_sequence=history.last_sequence,
            takes_samples=self.adapter.takes_samples,
        )

    async def leave_slot(self, clip: Clip) -> None:
        """Free a clip's slot and let the clip whose turn it is ask for it at once."""
        await self.slots.release(clip.claim)
        await self.call_next(clip)

    async def call_next(self, clip: Clip) -> None:
        """Let the clip whose turn it is ask at once, where a slot of a clip's pool is free."""
        following = self.slots.next_in_line(clip.claim)
        if following is not None:
            tick = Tick(job_id=following.job_id, clip_id=following.clip_id, n=0)
            await self.timers.fire("poll", following.clip_id, encode_tick(tick))

    async def poll_after(self, tick: Tick, wait: timedelta) -> None:
        """Look at a clip again after a while."""
        await self.timers.schedule("poll", tick.clip_id, at=self.clock() + wait, payload=encode_tick(tick))

    async def watch_after(self, tick: Tick, wait: timedelta) -> None:
        """Look at a clip that was given up again after a while."""
        await self.timers.schedule("watch", tick.clip_id, at=self.clock() + wait, payload=encode_tick(tick))
