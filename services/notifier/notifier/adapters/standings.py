"""The standing of every endpoint: bucket `endpoints`. The gateway shows it, and clears it when an owner enables one."""

from datetime import timedelta

import msgspec
from runtime.buckets import Bucket
from runtime.clock import Clock

from notifier.adapters.recent import Recent
from notifier.domain.endpoints import Endpoint
from notifier.domain.outcomes import Outcome
from notifier.domain.standing import GOOD, Standing, standing_after

URL_DISABLED_S = 24 * 3600.0
"""A URL that came with a job has nobody who could enable it again: it is left alone for a day."""
MAX_REMEMBERED = 20_000
MAX_AGE_S = 10.0
"""What the gateway or another process wrote is known after so long."""

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Standing] = msgspec.json.Decoder(Standing)


class Standings:
    """Reads and changes the standing of endpoints."""

    def __init__(self, bucket: Bucket, *, clock: Clock, patience_s: float, max_age_s: float = MAX_AGE_S) -> None:
        """Remember nothing yet.

        Args:
            bucket: `endpoints`, key: tenant and endpoint.
            clock: The time.
            patience_s: An endpoint that fails for so long is disabled.
            max_age_s: What was read is remembered for so long.
        """
        self._bucket = bucket
        self._clock = clock
        self._patience = timedelta(seconds=patience_s)
        self._recent: Recent[Standing] = Recent(clock, size=MAX_REMEMBERED, max_age_s=max_age_s)

    async def of(self, endpoint: Endpoint) -> Standing:
        """Read a standing; remembered for a short while."""
        known = self._recent.get(endpoint.key)
        if known is None:
            entry = await self._bucket.get(endpoint.key)
            known = GOOD if entry is None else _decoder.decode(entry.value)
            self._recent.put(endpoint.key, known)
        return known

    async def take_in(self, endpoint: Endpoint, outcome: Outcome) -> Standing | None:
        """Take the outcome of an attempt in.

        Returns:
            The new standing where the endpoint was disabled by it, for the first time; else None.
        """
        before = await self.of(endpoint)
        after = standing_after(before, outcome, now=self._clock(), patience=self._patience)
        if after is before:
            return None
        # Several processes may write; whichever wins, the next attempt sees it and corrects it.
        ttl_s = URL_DISABLED_S if after.disabled_at is not None and not endpoint.registered else None
        if after == GOOD:
            await self._bucket.delete(endpoint.key)
        else:
            await self._bucket.put(endpoint.key, _encode(after), ttl_s=ttl_s)
        self._recent.put(endpoint.key, after)
        return after if after.disabled_at is not None else None
