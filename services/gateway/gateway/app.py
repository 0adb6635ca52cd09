"""Composition root of the HTTP gateway: connects, builds the handlers, serves until SIGTERM."""

import logging
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import NamedTuple

from dailies_contracts import BatchCancelRequested, BatchRequested
from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from runtime import benchmarks, legal_holds, prompt_cache
from runtime.buckets import Bucket
from runtime.budgets import Limits
from runtime.catalog_file import CatalogFile
from runtime.legal_holds import LegalHolds
from runtime.objects import ObjectStore, open_objects
from runtime.service import Service, open_service

from gateway.adapters import api_keys, batch_records, budgets, market, tenants
from gateway.adapters.api_keys import ApiKeys
from gateway.adapters.batch_records import BatchRecords
from gateway.adapters.budgets import Budgets
from gateway.adapters.market import VendorHealth
from gateway.adapters.mongo import DeliveryDocuments, JobDocuments, open_database
from gateway.adapters.prompt_cache import EarlierJobs
from gateway.adapters.tenants import Tenants
from gateway.admin import Admin, DeadLetters
from gateway.assets import Assets
from gateway.batch_runs import TIMER, BatchRuns
from gateway.batches import Batches
from gateway.callbacks import Callbacks
from gateway.costs import CostReports
from gateway.deliveries import Deliveries
from gateway.domain.requests import Allowed
from gateway.endpoints import Endpoints
from gateway.estimates import Estimator
from gateway.feed import Feed
from gateway.handlers import Jobs
from gateway.lists import JobLists
from gateway.routes.admin import AdminRoutes
from gateway.routes.assets import AssetRoutes
from gateway.routes.auth import Doorkeeper
from gateway.routes.batches import BatchRoutes
from gateway.routes.callbacks import CallbackRoutes
from gateway.routes.catalog import CatalogRoutes
from gateway.routes.deliveries import DeliveryRoutes
from gateway.routes.endpoints import EndpointRoutes
from gateway.routes.errors import install_problems
from gateway.routes.express import Express, Lane
from gateway.routes.health import HealthRoutes
from gateway.routes.jobs import JobRoutes
from gateway.routes.money import MoneyRoutes
from gateway.routes.openapi import install_openapi
from gateway.routes.tenants import TenantRoutes
from gateway.routes.tracing import Tracing
from gateway.server import HttpServer, bind
from gateway.settings import GatewaySettings
from gateway.storage import Storage

BATCHES_AT_ONCE = 4
"""Looks at batches beside the requests of this process."""
BOOTSTRAP_NAME = "bootstrap"
TELEMETRY_OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}
"""FastAPI's own spans would stand beside ours, and take `baggage` from strangers."""
log = logging.getLogger(__name__)


class Parts(NamedTuple):
    """What the routes are built from."""

    service: Service
    holds: LegalHolds
    documents: JobDocuments
    objects: ObjectStore
    keys: ApiKeys
    tenants: Tenants
    budgets: Budgets
    standings: Bucket
    deliveries: DeliveryDocuments
    catalog: CatalogFile | None
    estimator: Estimator
    reports: CostReports
    batches: Batches
    batch_records: BatchRecords
    health: VendorHealth
    earlier: EarlierJobs


async def run(settings: GatewaySettings) -> None:
    """Serve HTTP until SIGTERM."""
    async with AsyncExitStack() as stack:
        parts = await open_parts(settings, stack)
        listener = stack.enter_context(bind(settings.host, settings.port))
        server = HttpServer(build_app(settings, parts), listener, drain_s=settings.shutdown_timeout_s)
        _run_batches(settings, parts)
        parts.service.background("http", server.serve)
        if parts.catalog is not None:
            parts.service.background("catalogue", parts.catalog.follow)
        log.info("gateway.listening", extra={"host": settings.host, "port": listener.getsockname()[1]})
        await parts.service.run()


def _run_batches(settings: GatewaySettings, parts: Parts) -> None:
    service = parts.service
    runs = BatchRuns(
        log=service.log,
        batches=parts.batches,
        records=parts.batch_records,
        timers=service.timers,
        clock=service.clock,
        window=settings.batch_window,
        look_every_s=settings.batch_look_s,
    )
    service.subscribe((BatchRequested, BatchCancelRequested), runs.on_batch_fact, concurrency=BATCHES_AT_ONCE)
    service.on_timer(TIMER, runs.on_batch_due)


async def open_parts(settings: GatewaySettings, stack: AsyncExitStack) -> Parts:
    """Connect to everything behind the gateway, and register the bootstrap key.

    Raises:
        DependencyUnavailable: NATS or S3 does not answer. MongoDB may: lists wait for it, nothing else does.
    """
    service = await stack.enter_async_context(open_service("gateway", settings))
    owners = Tenants(await service.bucket(tenants.BUCKET))
    opening = open_database(settings.mongo_url, settings.mongo_database, timeout_s=settings.mongo_timeout_s)
    database = await stack.enter_async_context(opening)
    catalog = None if settings.catalog is None else CatalogFile(settings.catalog)
    defaults = catalog().defaults.limits() if catalog else Limits()
    objects = await stack.enter_async_context(open_objects(settings))
    documents, clock = JobDocuments(database), service.clock
    estimator = Estimator(catalog, clock)
    reports = CostReports(documents=documents, clock=clock, stale_s=settings.projection_stale_s)
    records = BatchRecords(await service.bucket(batch_records.BUCKET))
    batches = Batches(
        log=service.log, objects=objects, records=records, estimator=estimator, reports=reports, clock=clock
    )
    parts = Parts(
        service=service,
        holds=LegalHolds(await service.bucket(legal_holds.BUCKET)),
        documents=documents,
        objects=objects,
        keys=ApiKeys(await service.bucket(api_keys.BUCKET), ttl_s=settings.api_key_ttl_s),
        tenants=owners,
        budgets=Budgets(await service.bucket(budgets.BUCKET), owners, service.log, defaults=defaults),
        catalog=catalog,
        standings=await service.bucket("endpoints"),
        deliveries=DeliveryDocuments(database),
        estimator=estimator,
        reports=reports,
        batches=batches,
        batch_records=records,
        health=VendorHealth(await service.bucket(market.BUCKET), await service.bucket(benchmarks.BUCKET)),
        earlier=EarlierJobs(await service.bucket(prompt_cache.BUCKET)),
    )
    await register_bootstrap_key(settings, parts)
    return parts


def _asset_routers(settings: GatewaySettings, parts: Parts, doorkeeper: Doorkeeper) -> tuple[APIRouter, ...]:
    service = parts.service
    routes = AssetRoutes(
        assets=Assets(
            log=service.log,
            objects=parts.objects,
            holds=parts.holds,
            store=service.timers_of("assets"),
            clock=service.clock,
            signed_url_ttl_s=settings.signed_url_ttl_s,
        ),
        storage=Storage(documents=parts.documents, clock=service.clock, stale_s=settings.projection_stale_s),
        doorkeeper=doorkeeper,
        # A cached redirect must not outlive the address that it leads to, which may be half its life old.
        max_age_s=settings.signed_url_ttl_s // 3,
    )
    return routes.router(), routes.admin_router()


async def register_bootstrap_key(settings: GatewaySettings, parts: Parts) -> None:
    """Register the key of the settings, where there is one.

    Raises:
        InvalidRequest: Its tenant is missing or cannot be one.
    """
    key = settings.bootstrap_api_key.get_secret_value()
    if key:
        admin = Admin(keys=parts.keys, tenants=parts.tenants, clock=parts.service.clock)
        await admin.register_key(settings.bootstrap_tenant, key, name=BOOTSTRAP_NAME)


def build_app(settings: GatewaySettings, parts: Parts) -> FastAPI:
    """Build the app from its parts."""
    service = parts.service
    doorkeeper = Doorkeeper(keys=parts.keys, admin_key=settings.admin_key.get_secret_value())
    admin = Admin(keys=parts.keys, tenants=parts.tenants, clock=service.clock)
    secret = settings.callback_secret.get_secret_value()
    callbacks = Callbacks(log=service.log, timers_of=service.timers_of, secret=secret)
    jobs = _job_routes(settings, parts, doorkeeper)
    routers = (
        jobs.router(),
        *_asset_routers(settings, parts, doorkeeper),
        CallbackRoutes(callbacks=callbacks).router(),
        TenantRoutes(admin=admin, doorkeeper=doorkeeper).router(),
        *_money_routers(parts, admin=admin, doorkeeper=doorkeeper),
        *_telling_routes(settings, parts, doorkeeper),
        _catalog_routes(settings, parts, doorkeeper).router(),
        BatchRoutes(batches=parts.batches, doorkeeper=doorkeeper, allowed=_allowed(settings)).router(),
        AdminRoutes(admin=admin, letters=DeadLetters(service.connection), doorkeeper=doorkeeper).router(),
        HealthRoutes(is_ready=lambda: service.ready).router(),
    )
    app = FastAPI(
        title="Dailies", version=version("dailies-gateway"), docs_url=None, redoc_url=None, telemetry=TELEMETRY_OFF
    )
    for router in routers:
        app.include_router(router)
    app.add_middleware(Express, lane=Lane("POST", "/v1/jobs", jobs.create))
    app.add_middleware(Tracing)
    install_problems(app)
    install_openapi(app)
    return app


def _money_routers(parts: Parts, *, admin: Admin, doorkeeper: Doorkeeper) -> tuple[APIRouter, ...]:
    routes = MoneyRoutes(
        budgets=parts.budgets,
        reports=parts.reports,
        admin=admin,
        doorkeeper=doorkeeper,
        clock=parts.service.clock,
    )
    return routes.router(), routes.admin_router()


def _catalog_routes(settings: GatewaySettings, parts: Parts, doorkeeper: Doorkeeper) -> CatalogRoutes:
    return CatalogRoutes(
        catalog=parts.catalog,
        estimator=parts.estimator,
        health=parts.health,
        earlier=parts.earlier,
        tenants=parts.tenants,
        doorkeeper=doorkeeper,
        allowed=_allowed(settings),
        clock=parts.service.clock,
    )


def _allowed(settings: GatewaySettings) -> Allowed:
    return Allowed(http_webhooks=settings.allow_http_webhooks, bucket=settings.s3_bucket)


def _job_routes(settings: GatewaySettings, parts: Parts, doorkeeper: Doorkeeper) -> JobRoutes:
    service = parts.service
    return JobRoutes(
        jobs=Jobs(
            log=service.log, objects=parts.objects, clock=service.clock, signed_url_ttl_s=settings.signed_url_ttl_s
        ),
        lists=JobLists(documents=parts.documents, clock=service.clock, stale_s=settings.projection_stale_s),
        doorkeeper=doorkeeper,
        estimator=parts.estimator,
        allowed=_allowed(settings),
    )


def _telling_routes(settings: GatewaySettings, parts: Parts, doorkeeper: Doorkeeper) -> tuple[APIRouter, ...]:
    notifier = parts.service.timers_of("notifier")
    endpoints = Endpoints(
        tenants=parts.tenants,
        standings=parts.standings,
        notifier=notifier,
        clock=parts.service.clock,
        allow_http=settings.allow_http_webhooks,
        channel_schemes=settings.channel_schemes,
    )
    deliveries = Deliveries(documents=parts.deliveries, notifier=notifier)
    return (
        EndpointRoutes(endpoints=endpoints, doorkeeper=doorkeeper).router(),
        DeliveryRoutes(deliveries=deliveries, feed=Feed(parts.service.connection), doorkeeper=doorkeeper).router(),
    )
