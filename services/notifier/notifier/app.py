"""The composition root of the notifier: everything is built here and nowhere else."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp.abc import AbstractResolver
from runtime.service import Service, open_service

from notifier.adapters.circuits import Circuits
from notifier.adapters.directory import Directory
from notifier.adapters.guard import Guard
from notifier.adapters.recent import Recent
from notifier.adapters.records import MAX_REMEMBERED, Deliveries, DisabledEndpoints
from notifier.adapters.sender import Sender, open_sender
from notifier.attempts import Attempts
from notifier.courier import LOOK_AGAIN, RETRY, Courier, Lease
from notifier.domain.circuit import Breaker
from notifier.domain.delivery import Rules
from notifier.domain.notifications import TELLING_EVENTS
from notifier.domain.outcomes import Schedule
from notifier.handlers import Handlers
from notifier.lanes import Lanes, Places
from notifier.settings import Settings

LANES_SHARE = 0.5
"""Of the time to shut down; the handlers need the rest."""
DISABLED_AGE_S = 10.0
"""An endpoint that was put right again is called again after so long."""


async def run(settings: Settings) -> None:
    """Run the notifier until it is told to stop."""
    async with open_service("notifier", settings) as service, installed(service, settings):
        await service.run(timer_concurrency=settings.concurrency)


@asynccontextmanager
async def installed(
    service: Service, settings: Settings, *, resolver: AbstractResolver | None = None
) -> AsyncIterator[None]:
    """Build the handlers of the notifier and register them with a service.

    Args:
        service: Not running yet.
        settings: Of the notifier.
        resolver: Looks names up; None: the system's name servers.
    """
    guard = Guard(
        allow_private=settings.allow_private_addresses, allow_http=settings.allow_http, ports=settings.allowed_ports
    )
    opening = open_sender(
        guard, clock=service.clock, timeout_s=settings.timeout_s, ca_file=settings.ca_file, resolver=resolver
    )
    places = Places(
        per_lane=settings.attempts_per_server,
        per_tenant=settings.attempts_per_tenant,
        waiting_per_lane=settings.waiting_per_server,
    )
    async with opening as sender:
        courier = await _courier(service, settings, sender)
        lanes = Lanes(courier.deliver, places, grace_s=settings.shutdown_timeout_s * LANES_SHARE)
        handlers = await _handlers(service, settings, lanes)
        service.background("lanes", lanes.stay_open)
        service.subscribe(TELLING_EVENTS, handlers.on_event, concurrency=settings.concurrency)
        service.on_timer(RETRY, handlers.on_delivery_due)
        service.on_timer(LOOK_AGAIN, handlers.on_delivery_due)
        yield


async def _handlers(service: Service, settings: Settings, lanes: Lanes) -> Handlers:
    return Handlers(
        directory=Directory(
            log=service.log,
            tenants=await service.bucket("tenants"),
            clock=service.clock,
            default_secret=settings.webhook_secret.get_secret_value(),
        ),
        lanes=lanes,
        timers=service.timers,
        clock=service.clock,
        patience_s=settings.patience_s,
        look_again_s=settings.look_again_s,
    )


async def _courier(service: Service, settings: Settings, sender: Sender) -> Courier:
    disabled: Recent[bool] = Recent(service.clock, size=MAX_REMEMBERED, max_age_s=DISABLED_AGE_S)
    breaker = Breaker(settings.circuit_failures, settings.circuit_cooldown_s, settings.circuit_max_cooldown_s)
    schedule = Schedule(settings.retry_delays_s, settings.retry_jitter)
    return Courier(
        log=service.log,
        deliveries=Deliveries(await service.bucket("deliveries", ttl_s=settings.record_ttl_s)),
        disabled=DisabledEndpoints(await service.bucket("endpoints"), disabled),
        attempts=Attempts(
            sender=sender,
            circuits=Circuits(service.clock, breaker),
            clock=service.clock,
            public_url=settings.public_url,
        ),
        timers=service.timers,
        clock=service.clock,
        lease=Lease(holder=uuid.uuid4().hex, lasts_s=settings.timeout_s + settings.lease_margin_s),
        rules=Rules(schedule, skip_exhausted=settings.on_exhausted == "skip"),
    )
