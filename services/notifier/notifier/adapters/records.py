"""Where the notifier keeps what it must not forget: key-value buckets, typed."""

from typing import NamedTuple

import msgspec
from runtime.buckets import Bucket

from notifier.domain.delivery import Delivery, Idle

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
