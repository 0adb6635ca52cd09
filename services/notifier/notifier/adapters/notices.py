"""What tenants are told beside the states of their jobs: bucket `notices`, key: the notice's id."""

import msgspec
from dailies_contracts import Notice
from runtime.buckets import Bucket
from runtime.errors import Permanent

PREFIX = "notice_"
MAX_NOTICE_BYTES = 16_000
"""The webhook around it stays below what a receiver should be sent."""

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Notice] = msgspec.json.Decoder(Notice)


class Notices:
    """Keeps notices for as long as deliveries are remembered."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def keep(self, notice: Notice) -> Notice:
        """Write a notice down, once, and give back what is kept under its id.

        Raises:
            Permanent: It is too long, or not named like a notice.
        """
        body = _encode(notice)
        if len(body) > MAX_NOTICE_BYTES or not notice.id.startswith(PREFIX):
            raise Permanent("notice.unfit", f"{notice.id} has {len(body)} bytes")
        if await self._bucket.create(notice.id, body) is not None:
            return notice
        return await self.find(notice.id) or notice

    async def find(self, notice_id: str) -> Notice | None:
        """Read a notice, None where there is none."""
        if not notice_id.startswith(PREFIX):
            return None
        entry = await self._bucket.get(notice_id)
        return None if entry is None else _decoder.decode(entry.value)
