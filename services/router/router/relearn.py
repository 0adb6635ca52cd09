"""Composition root of learning again: `python -m router.relearn`, where the bucket `market` was lost.

Teaches what archived jobs tell; what the stream still has, the routers learn themselves once they run.
"""

import sys
from contextlib import AsyncExitStack
from typing import get_args

from dailies_contracts import AnyEvent, subject_filter
from nats.aio.client import Client
from runtime.archive import ArchiveReader, open_archive
from runtime.catalog_file import CatalogFile
from runtime.replay import archived
from runtime.service import open_service, run_service

from router.adapters.market import MarketBoard
from router.app import open_shared
from router.domain.market import Teacher
from router.learning import Learning
from router.settings import Settings

SERVICE = "router-relearn"
BATCH = 500


async def run(settings: Settings) -> None:
    """Teach everything that is archived; repeating it is harmless."""
    beside = settings.model_copy(update={"health_port": 0})  # a running router has the port
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(SERVICE, beside))
        catalog = CatalogFile(settings.catalog)
        shared = await open_shared(service)
        board = MarketBoard(shared.market, shared.turns, learning=lambda: catalog().policy.learning)
        learning = Learning(log=service.log, board=board, catalog=catalog)
        n_facts = await relearn(learning, service.connection, open_archive(settings, stack))
    sys.stdout.write(f"Learned from {n_facts} archived facts.\n")


async def relearn(learning: Learning, connection: Client, archive: ArchiveReader) -> int:
    """Teach in batches, as the routers learn."""
    filters = tuple(subject_filter(kind) for kind in get_args(Teacher))
    batch: list[AnyEvent] = []
    n_facts = 0
    async for event in archived(connection, filters, archive=archive):
        batch.append(event)
        n_facts += 1
        if len(batch) == BATCH:
            await learning.on_events(batch)
            batch = []
    if batch:
        await learning.on_events(batch)
    return n_facts


if __name__ == "__main__":
    run_service(run(Settings()))
