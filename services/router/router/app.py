"""Composition root of the router."""

from typing import get_args

from dailies_contracts import JobRequested
from runtime.catalog import load_catalog
from runtime.service import open_service

from router.adapters.ledger import Ledger
from router.advance import Advance
from router.handlers import DEADLINE, Handlers, JobFact
from router.settings import Settings


async def run(settings: Settings) -> None:
    """Run the router until it is told to stop."""
    catalog = load_catalog(settings.catalog)
    async with open_service("router", settings) as service:
        ledger = Ledger(
            await service.bucket("budgets"),
            await service.bucket("tenants"),
            tell=service.log.append_fact,
            clock=service.clock,
            defaults=catalog.defaults.limits(),
        )
        advance = Advance(log=service.log, ledger=ledger, catalog=catalog, clock=service.clock)
        handlers = Handlers(advance=advance, timers=service.timers, catalog=catalog)
        service.subscribe(JobRequested, handlers.on_job_requested, concurrency=settings.concurrency)
        service.subscribe(get_args(JobFact), handlers.on_job_fact, concurrency=settings.concurrency)
        service.on_timer(DEADLINE, handlers.on_deadline)
        await service.run()
