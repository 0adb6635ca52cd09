"""Composition root of the asset store."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta

import cv2
from dailies_contracts import ClipReady, ClipReused, ClipScored, JobCompleted
from media.layout import lifecycle_rules
from media.rules import Limits
from runtime import legal_holds
from runtime.catalog_file import CatalogFile
from runtime.errors import Permanent
from runtime.objects import open_objects
from runtime.retention import Retention
from runtime.service import Service, open_service

from assets.adapters.development_key import development_credential
from assets.adapters.signing import Credential, Signatures, read_credential
from assets.adapters.stream import FactStream
from assets.archiving import Archiving
from assets.handlers import Handlers
from assets.keeping import ERASE, HOLD
from assets.making import Recipe
from assets.ports import Desk
from assets.settings import Settings

NAME = "assets"


async def run(settings: Settings) -> None:
    """Run until SIGTERM.

    Raises:
        Permanent: A setting is missing or wrong; the message says which.
        DependencyUnavailable: NATS or the object store does not answer.
    """
    cv2.setNumThreads(1)  # one slot a core: a picture must not take those of the other slots
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(NAME, settings))
        desk = await open_desk(settings, service, stack)
        archiving = open_archiving(settings, service, desk)
        service.background("archiving", lambda: archiving.run(every_s=settings.archive_every_s))
        register(service, Handlers(desk, archiving), settings)
        await service.run()


async def open_desk(settings: Settings, service: Service, stack: AsyncExitStack) -> Desk:
    """Connect what the steps share, and declare how long the bucket keeps what."""
    catalog = CatalogFile(settings.catalog)
    service.background("catalog", catalog.follow)
    signatures = Signatures(credential_of(settings), timestamp_url=settings.timestamp_url)
    objects = await stack.enter_async_context(open_objects(settings))
    retention = Retention(objects)
    await retention.declare(lifecycle_rules(draft_days=settings.draft_days))
    return Desk(
        log=service.log,
        timers=service.timers,
        objects=objects,
        keeper=retention,
        holds=legal_holds.LegalHolds(await service.bucket(legal_holds.BUCKET)),
        clock=service.clock,
        signatures=signatures,
        recipe=recipe_of(settings),
        cores=stack.enter_context(ThreadPoolExecutor(settings.slots, thread_name_prefix="make")),
        licence_of=lambda name: next((each.licence for each in catalog().provider if each.name == name), ""),
        draft_days=settings.draft_days,
    )


def open_archiving(settings: Settings, service: Service, desk: Desk) -> Archiving:
    """Build what archives jobs."""
    return Archiving(
        stream=FactStream(service.connection),
        log_of_jobs=service.log,
        objects=desk.objects,
        keeper=desk.keeper,
        holds=desk.holds,
        clock=service.clock,
        hot=timedelta(hours=settings.hot_hours),
    )


def recipe_of(settings: Settings) -> Recipe:
    """Give the heavy work its part of the settings."""
    limits = Limits(
        size_bytes=settings.max_clip_bytes,
        duration_s=settings.max_duration_s,
        frame_px=settings.max_frame_px,
        n_frames=settings.max_frames,
        wall_s=settings.max_read_s,
    )
    return Recipe(limits=limits, preset=settings.preset, share_bytes=settings.share_bytes)


def credential_of(settings: Settings) -> Credential:
    """Read what signs: the configured certificates, else the development key.

    Raises:
        Permanent: Neither is set.
    """
    if settings.signing_certificates and settings.signing_key:
        return read_credential(
            settings.signing_certificates, settings.signing_key, settings.signing_algorithm, settings.trust_anchors
        )
    if settings.development_keys is None:
        raise Permanent(
            "assets.no_credential",
            "Set ASSETS_SIGNING_CERTIFICATES and ASSETS_SIGNING_KEY, or ASSETS_DEVELOPMENT_KEYS on one machine.",
        )
    return development_credential(settings.development_keys)


def register(service: Service, handlers: Handlers, settings: Settings) -> None:
    """Tell the service which handler runs for which message."""
    service.subscribe(ClipReady, handlers.on_clip_ready, concurrency=settings.concurrency)
    service.subscribe(ClipReused, handlers.on_clip_reused, concurrency=settings.concurrency)
    service.subscribe(ClipScored, handlers.on_clip_scored, concurrency=settings.concurrency)
    service.subscribe(JobCompleted, handlers.on_job_completed, concurrency=settings.concurrency)
    service.on_timer(ERASE, handlers.on_erase_due)
    service.on_timer(HOLD, handlers.on_hold_due)
