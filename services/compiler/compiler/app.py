"""Composition root of the compiler."""

from dailies_contracts import JobRequested
from runtime.catalog_file import CatalogFile
from runtime.service import open_service

from compiler.adapters.expander import keep_as_written
from compiler.adapters.rule_files import load_rules
from compiler.handlers import Handlers
from compiler.settings import Settings


async def run(settings: Settings) -> None:
    """Run the compiler until it is told to stop."""
    catalog, rules = CatalogFile(settings.catalog), load_rules(settings.rules)
    async with open_service("compiler", settings) as service:
        handlers = Handlers(log=service.log, clock=service.clock, catalog=catalog, rules=rules, expand=keep_as_written)
        service.subscribe(JobRequested, handlers.on_job_requested, concurrency=settings.concurrency)
        service.background("catalog", catalog.follow)
        await service.run()
