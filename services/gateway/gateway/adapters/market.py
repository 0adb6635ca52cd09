"""How vendors are doing: the router's records of health, and published benchmarks, both from buckets. Only reads."""

import logging
from typing import TypeVar

import msgspec
from runtime.benchmarks import Benchmark
from runtime.breakers import HealthRecord
from runtime.buckets import Bucket

from gateway.domain.providers import Known

BUCKET = "market"
"""The router's replicas share it."""
R = TypeVar("R")
log = logging.getLogger(__name__)


class VendorHealth:
    """Reads what is known of vendors."""

    def __init__(self, market: Bucket, benchmarks: Bucket) -> None:
        self._market = market
        self._benchmarks = benchmarks

    async def load(self) -> Known:
        """Read every record; one that cannot be read is left out and told."""
        health = await _records(self._market, "health.>", HealthRecord)
        benchmarks = await _records(self._benchmarks, ">", Benchmark)
        return Known(
            {(each.provider, each.model, each.stage): each for each in health},
            {(each.provider, each.model): each for each in benchmarks},
        )


async def _records(bucket: Bucket, pattern: str, kind: type[R]) -> list[R]:
    found: list[R] = []
    for entry in await bucket.entries(pattern):
        try:
            found.append(msgspec.json.decode(entry.value, type=kind))
        except msgspec.MsgspecError as err:
            log.warning("market.unreadable", extra={"key": entry.key, "reason": str(err)})
    return found
