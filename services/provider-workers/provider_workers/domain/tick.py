"""The payload of the timers `poll` and `watch`: which clip to look at, how often that was done, and perhaps a callback.

The gateway fires `poll` with the same JSON when a vendor calls back.
"""

import msgspec
from runtime.errors import Permanent

OFTEN = 1_000
"""Counts as so many polls when the payload does not say: a callback must not make polling quick again."""


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """A callback as it came in, unverified."""

    body: str
    headers: dict[str, str] = {}


class Tick(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One look at a clip.

    Attributes:
        n: Looks so far in this phase.
        n_downloads: Failed downloads so far.
        hint: The callback that caused this look.
    """

    job_id: str
    clip_id: str
    n: int = OFTEN
    n_downloads: int = 0
    hint: Hint | None = None

    def next(self) -> "Tick":
        """The look after this one."""
        return msgspec.structs.replace(self, n=self.n + 1, hint=None)

    def again(self) -> "Tick":
        """The look after this one, which learned nothing of its callback."""
        return msgspec.structs.replace(self, n=self.n + 1)

    def after_failed_download(self) -> "Tick":
        """The look after this one, whose download failed."""
        return msgspec.structs.replace(self.next(), n_downloads=self.n_downloads + 1)

    def of(self, clip_id: str) -> "Tick":
        """The same look, at a clip that is ordered with this one's request."""
        return self if clip_id == self.clip_id else msgspec.structs.replace(self, clip_id=clip_id, hint=None)

    def restarted(self) -> "Tick":
        """The first look of another phase."""
        return Tick(job_id=self.job_id, clip_id=self.clip_id, n=0)


def encode_tick(tick: Tick) -> bytes:
    """Give the timer's payload."""
    return msgspec.json.encode(tick)


def decode_tick(payload: bytes) -> Tick:
    """Read a timer's payload.

    Raises:
        Permanent: It is not one of ours.
    """
    try:
        return msgspec.json.decode(payload, type=Tick)
    except msgspec.MsgspecError as err:
        raise Permanent("worker.malformed_timer", str(err)) from err
