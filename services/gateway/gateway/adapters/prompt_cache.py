"""Earlier jobs that a request can expect to be answered by, as the router keeps them. Only reads."""

from datetime import datetime

import msgspec
from dailies_contracts import VideoRequest
from runtime.buckets import Bucket
from runtime.prompt_cache import Record, asked_key

_record = msgspec.json.Decoder(Record)


class EarlierJobs:
    """Reads the router's records of equal requests."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def find(self, request: VideoRequest, *, tenant_id: str, since: datetime) -> str | None:
        """Name the tenant's newest job for an equal request, None where there is none since a time.

        Raises:
            DependencyUnavailable: NATS does not answer.
        """
        entry = await self._bucket.get(asked_key(tenant_id, request))
        record = _record.decode(entry.value) if entry else None
        if record is None or record.withdrawn or record.completed_at <= since:
            return None
        return record.job_id
