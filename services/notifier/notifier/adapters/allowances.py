"""The turns of every endpoint: bucket `allowances`, shared by all processes, and what this process has taken of it."""

import asyncio
from collections import OrderedDict
from datetime import datetime

import msgspec
from runtime.buckets import Bucket
from runtime.clock import Clock
from runtime.errors import ConcurrencyConflict

from notifier.domain.allowance import NO_TURNS, Allowance, Limits, Turns, take
from notifier.domain.endpoints import Endpoint

MAX_REMEMBERED = 20_000
MAX_TRIES = 20
"""Each lost race means that another process took its turns."""
RECORD_TTL_S = 2 * 24 * 3600.0
"""A record older than the day that it counts says nothing."""

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Allowance] = msgspec.json.Decoder(Allowance)


class _Share:
    """What this process knows of one endpoint."""

    def __init__(self) -> None:
        self.turns: Turns = NO_TURNS
        self.allowance = Allowance()
        self.revision = 0
        self.lock = asyncio.Lock()


class Allowances:
    """Gives turns."""

    def __init__(self, bucket: Bucket, *, clock: Clock, usual: Limits) -> None:
        """Start with nothing taken.

        Args:
            bucket: `allowances`, key: tenant and endpoint.
            clock: The time.
            usual: Limits of every endpoint; its owner can ask for less a second.
        """
        self._bucket = bucket
        self._clock = clock
        self._usual = usual
        self._shares: OrderedDict[str, _Share] = OrderedDict()

    async def turn(self, endpoint: Endpoint) -> datetime:
        """Take one turn of an endpoint, and give its time: now, or later where it has too much to do.

        Raises:
            ConcurrencyConflict: Other processes were always quicker.
        """
        limits = self._usual
        if endpoint.max_per_s is not None:
            limits = limits._replace(per_s=min(limits.per_s, endpoint.max_per_s))
        share = self._share(endpoint.key)
        async with share.lock:
            found = share.turns.first(self._clock(), limits)
            if found is None:
                await self._take(endpoint.key, share, limits)
                found = share.turns.first(self._clock(), limits) or (share.turns.next_at, NO_TURNS)
            at, share.turns = found
            return at

    async def _take(self, key: str, share: _Share, limits: Limits) -> None:
        lost = share.turns
        for _ in range(MAX_TRIES):
            allowance, turns = take(share.allowance, limits, now=self._clock(), lost=lost)
            try:
                share.revision = await self._bucket.update(key, _encode(allowance), share.revision)
            except ConcurrencyConflict:
                entry = await self._bucket.get(key)
                share.allowance = Allowance() if entry is None else _decoder.decode(entry.value)
                share.revision = 0 if entry is None else entry.revision
                continue
            share.allowance, share.turns = allowance, turns
            return
        raise ConcurrencyConflict("allowance.contended", key, retry_after_s=1.0)

    def _share(self, key: str) -> _Share:
        share = self._shares.get(key)
        if share is None:
            share = self._shares[key] = _Share()
        self._shares.move_to_end(key)
        if len(self._shares) > MAX_REMEMBERED:
            self._shares.popitem(last=False)
        return share
