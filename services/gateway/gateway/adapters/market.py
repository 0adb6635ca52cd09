"""How vendors are doing, as the router's replicas share it (bucket `market`). Only reads."""

import logging

import msgspec
from runtime.buckets import Bucket

from gateway.domain.providers import HealthRecord

BUCKET = "market"
_record = msgspec.json.Decoder(HealthRecord)
log = logging.getLogger(__name__)


class VendorHealth:
    """Reads the router's records of vendors' health."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def load(self) -> dict[tuple[str, str, str], HealthRecord]:
        """Read every record, by provider, model and stage; one that cannot be read is left out and told."""
        found: dict[tuple[str, str, str], HealthRecord] = {}
        for entry in await self._bucket.entries("health.>"):
            try:
                record = _record.decode(entry.value)
            except msgspec.MsgspecError as err:
                log.warning("market.unreadable", extra={"key": entry.key, "reason": str(err)})
                continue
            found[record.provider, record.model, record.stage] = record
        return found
