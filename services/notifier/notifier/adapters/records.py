"""Where the notifier keeps what it must not forget: key-value buckets, typed."""

from typing import NamedTuple

import msgspec
from runtime.buckets import Bucket

from notifier.adapters.recent import Recent
from notifier.domain.delivery import Delivery, Idle

DISABLED_FOR_S = 24 * 3600.0
"""A URL that came with a job and answered 410 is left alone for a day; a registered one until it is put right."""
MAX_REMEMBERED = 20_000

_encode = msgspec.json.Encoder().encode
_decode_delivery: msgspec.json.Decoder[Delivery] = msgspec.json.Decoder(Delivery)


class Stored(NamedTuple):
    """A record and the revision that a change must expect."""

    delivery: Delivery
    revision: int


class Deliveries:
    """The records of the bucket `deliveries`, one per job and endpoint."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def load(self, job_id: str, endpoint_id: str) -> Stored:
        """Read one record; a new one where there is none."""
        entry = await self._bucket.get(f"{job_id}.{endpoint_id}")
        return Stored(Idle(), 0) if entry is None else Stored(_decode_delivery.decode(entry.value), entry.revision)

    async def save(self, job_id: str, endpoint_id: str, delivery: Delivery, *, revision: int) -> Stored:
        """Replace one record that has not changed since it was read.

        Raises:
            ConcurrencyConflict: It has changed: load it again.
        """
        new = await self._bucket.update(f"{job_id}.{endpoint_id}", _encode(delivery), revision)
        return Stored(delivery, new)


class DisabledEndpoints:
    """The bucket `endpoints`: which endpoints want nothing more."""

    def __init__(self, bucket: Bucket, recent: Recent[bool]) -> None:
        self._bucket = bucket
        self._recent = recent

    async def holds(self, endpoint_id: str) -> bool:
        """Tell whether an endpoint is disabled; remembered for a short while."""
        known = self._recent.get(endpoint_id)
        if known is None:
            known = await self._bucket.get(endpoint_id) is not None
            self._recent.put(endpoint_id, known)
        return known

    async def add(self, endpoint_id: str, *, reason: str, registered: bool) -> None:
        """Disable an endpoint.

        Args:
            endpoint_id: Which.
            reason: Why.
            registered: It stands in the tenant's settings, so somebody can put it right.
        """
        value = _encode({"reason": reason})
        await self._bucket.create(endpoint_id, value, ttl_s=None if registered else DISABLED_FOR_S)
        self._recent.put(endpoint_id, True)
