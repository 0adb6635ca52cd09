"""Composition root: builds one vendor's worker and runs it."""

from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx
from dailies_contracts import ClipRequested, ClipWithdrawn, JobCancelled
from runtime.catalog import CatalogSource, Provider
from runtime.catalog_file import CatalogFile
from runtime.errors import Permanent
from runtime.objects import open_objects
from runtime.service import Service, open_service

from provider_workers.adapters.intents import Intents
from provider_workers.adapters.registry import open_adapter
from provider_workers.adapters.slots import Slots
from provider_workers.domain.account import Account
from provider_workers.domain.pace import Pace
from provider_workers.handlers import Handlers
from provider_workers.ports import AssetStore, Desk
from provider_workers.settings import Settings


async def run(settings: Settings) -> None:
    """Run until SIGTERM.

    Raises:
        Permanent: A setting is missing or wrong; the message says which.
        DependencyUnavailable: NATS or the object store does not answer.
    """
    catalog = CatalogFile(settings.catalog)
    vendor = catalog().vendor(settings.provider)
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(f"provider-workers-{vendor.name}", settings))
        objects = await stack.enter_async_context(open_objects(settings))
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        listed = Listed(catalog, vendor)
        desk = await build_desk(settings, listed, service=service, objects=objects, client=client)
        register(service, Handlers(desk), settings)
        service.background("catalog", catalog.follow)
        await service.run(timer_concurrency=settings.timer_concurrency)


async def build_desk(
    settings: Settings,
    listed: Callable[[], Provider],
    *,
    service: Service,
    objects: AssetStore,
    client: httpx.AsyncClient,
) -> Desk:
    """Build what the steps share."""
    if settings.callback_url and not settings.callback_secret.get_secret_value():
        raise Permanent("worker.missing_setting", "Set WORKER_CALLBACK_SECRET: it signs the callback addresses.")
    vendor = listed()
    adapter = open_adapter(settings.adapter or vendor.name, account_of(settings), client, service.clock)
    slots = await service.bucket("slots")
    submissions = await service.bucket("submissions")
    pace = tempo_of(settings, vendor)
    return Desk(
        adapter=adapter,
        log=service.log,
        timers=service.timers,
        objects=objects,
        slots=Slots(
            slots,
            listed,
            account=settings.account,
            ttl_s=settings.slot_ttl_s,
            wait_ttl_s=pace.slot_memory_s,
            clock=service.clock,
        ),
        intents=Intents(submissions, vendor.name),
        clock=service.clock,
        listed=listed,
        tempo=pace,
        callback_base_url=settings.callback_url,
        callback_secret=settings.callback_secret.get_secret_value(),
    )


def tempo_of(settings: Settings, vendor: Provider) -> Pace:
    """Give the waiting times, as settings and catalogue say."""
    return Pace(
        poll_s=vendor.poll_s,
        reconcile_s=vendor.reconcile_s,
        submit_timeout_s=settings.submit_timeout_s,
        visible_after_s=settings.visible_after_s,
        watch_limit_s=settings.watch_limit_s,
        scale=settings.poll_scale,
    )


class Listed:
    """The vendor's entry as the catalogue has it now; the last one that it had where it was taken out."""

    def __init__(self, catalog: CatalogSource, vendor: Provider) -> None:
        self._catalog = catalog
        self._vendor = vendor

    def __call__(self) -> Provider:
        """Give the entry: clips that are open at the vendor are followed to their end whatever is edited."""
        found = (each for each in self._catalog().provider if each.name == self._vendor.name)
        self._vendor = next(found, self._vendor)
        return self._vendor


def account_of(settings: Settings) -> Account:
    """Give the adapter its part of the settings."""
    return Account(
        provider=settings.provider,
        base_url=settings.base_url,
        api_key=settings.api_key.get_secret_value(),
        access_key=settings.access_key,
        secret_key=settings.secret_key.get_secret_value(),
        token_file=settings.token_file,
        project=settings.project,
        location=settings.location,
        webhook_secret=settings.webhook_secret.get_secret_value(),
        keys_url=settings.keys_url,
        unit_usd_micros=settings.unit_usd_micros,
        has_callbacks=bool(settings.callback_url),
        submit_timeout_s=settings.submit_timeout_s,
        max_clip_bytes=settings.max_clip_bytes,
    )


def register(service: Service, handlers: Handlers, settings: Settings) -> None:
    """Tell the service which handler runs for which message."""
    provider = settings.provider
    service.subscribe(ClipRequested, handlers.on_clip_requested, provider=provider, concurrency=settings.concurrency)
    service.subscribe(ClipWithdrawn, handlers.on_clip_withdrawn, provider=provider)
    service.subscribe(JobCancelled, handlers.on_job_cancelled)
    service.on_timer("poll", handlers.on_poll_due)
    service.on_timer("watch", handlers.on_watch_due)
