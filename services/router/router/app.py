"""Composition root of the router."""

from typing import NamedTuple, get_args

from dailies_contracts import JobRequested
from runtime import legal_holds, prompt_cache
from runtime.buckets import Bucket
from runtime.catalog import Catalog
from runtime.catalog_file import CatalogFile
from runtime.clock import Clock
from runtime.legal_holds import LegalHolds
from runtime.log import EventLog
from runtime.objects import open_objects
from runtime.service import Service, open_service
from runtime.timers import Timers

from router.adapters.ledger import Ledger
from router.adapters.market import TENANT_TTL_S, MarketBoard
from router.adapters.prompt_cache import Copies, PromptCache
from router.adapters.surroundings import Surroundings
from router.adapters.tenants import Tenants
from router.advance import LOOK, Advance
from router.domain.market import Teacher
from router.handlers import DEADLINE, Handlers, JobFact
from router.learning import Learning
from router.remembering import Remembered, Remembering
from router.settings import Settings


class Shared(NamedTuple):
    """The buckets that routers share beside the budgets.

    Attributes:
        market: What was learned of vendors and models.
        turns: Who tries a vendor again, and how much each tenant tries again.
        tenants: Tenants' settings, written by the gateway.
    """

    market: Bucket
    turns: Bucket
    tenants: Bucket


async def run(settings: Settings) -> None:
    """Run the router until it is told to stop."""
    catalog = CatalogFile(settings.catalog)
    async with open_service("router", settings) as service, open_objects(settings) as objects:
        shared = await open_shared(service)
        ledger = Ledger(
            await service.bucket("budgets"),
            shared.tenants,
            tell=service.log.append_fact,
            clock=service.clock,
            defaults=catalog().defaults.limits(),
        )
        board = MarketBoard(shared.market, shared.turns, learning=lambda: catalog().policy.learning)
        tenants = Tenants(shared.tenants)
        cache = await open_cache(service, tenants, objects)
        surroundings = Surroundings(
            ledger=ledger, board=board, tenants=tenants, catalog=catalog, clock=service.clock, cache=cache
        )
        advance = Advance(log=service.log, ledger=ledger, board=board, surroundings=surroundings, timers=service.timers)
        handlers = Handlers(advance=advance, timers=service.timers, catalog=catalog)
        learning = Learning(log=service.log, board=board, catalog=catalog)
        service.subscribe(JobRequested, handlers.on_job_requested, concurrency=settings.concurrency)
        service.subscribe(get_args(JobFact), handlers.on_job_fact, concurrency=settings.concurrency)
        service.subscribe_batch(learning.on_events, kinds=get_args(Teacher), purpose="market")
        remembering = Remembering(log=service.log, cache=cache, catalog=catalog)
        service.subscribe_batch(remembering.on_events, kinds=get_args(Remembered), purpose="prompt-cache")
        service.on_timer(DEADLINE, handlers.on_deadline)
        service.on_timer(LOOK, handlers.on_look)
        service.background("catalog", catalog.follow)
        await service.run()


async def open_shared(service: Service) -> Shared:
    """Open the buckets that routers share, declaring those that do not exist."""
    return Shared(
        await service.bucket("market"),
        await service.bucket("turns", ttl_s=TENANT_TTL_S),
        await service.bucket("tenants"),
    )


async def open_cache(service: Service, tenants: Tenants, copies: Copies) -> PromptCache:
    """Open the prompt cache."""
    holds = LegalHolds(await service.bucket(legal_holds.BUCKET))
    bucket = await service.bucket(prompt_cache.BUCKET)
    return PromptCache(bucket, log=service.log, tenants=tenants, holds=holds, copies=copies)


def build_advance(
    shared: Shared,
    *,
    log: EventLog,
    timers: Timers,
    ledger: Ledger,
    catalog: Catalog,
    clock: Clock,
    cache: PromptCache | None = None,
) -> Advance:
    """Build the way jobs move with a catalogue that stays as it is, for measurements and tests."""
    board = MarketBoard(shared.market, shared.turns, learning=lambda: catalog.policy.learning)
    surroundings = Surroundings(
        ledger=ledger, board=board, tenants=Tenants(shared.tenants), catalog=lambda: catalog, clock=clock, cache=cache
    )
    return Advance(log=log, ledger=ledger, board=board, surroundings=surroundings, timers=timers)
