"""The composition root of the notifier: everything is built here and nowhere else."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

from aiohttp.abc import AbstractResolver
from dailies_contracts import CHANNEL_PREFIX, NOTICE, REPLAY, BudgetThresholdReached
from runtime.service import Service, open_service
from runtime.timers import Due

from notifier.adapters.allowances import RECORD_TTL_S, Allowances
from notifier.adapters.attempt_log import AttemptLog
from notifier.adapters.circuits import Circuits
from notifier.adapters.directory import Directory
from notifier.adapters.feed import Feed
from notifier.adapters.guard import Guard
from notifier.adapters.notices import Notices
from notifier.adapters.people import open_people
from notifier.adapters.records import Deliveries
from notifier.adapters.sender import open_sender
from notifier.adapters.standings import Standings
from notifier.adapters.topics import Topics
from notifier.attempts import Attempts, Transport, Webhooks
from notifier.courier import OF_ENDPOINTS, OF_PEOPLE, Courier, Lease, TimerNames
from notifier.domain.allowance import Limits
from notifier.domain.circuit import Breaker
from notifier.domain.delivery import Rules
from notifier.domain.notifications import ENDING_EVENTS, TELLING_EVENTS
from notifier.domain.outcomes import Schedule
from notifier.handlers import Audience, Everybody, Handlers, Patience
from notifier.lanes import Lanes, Places
from notifier.replays import Replays
from notifier.reports import Reports
from notifier.settings import Settings

LANES_SHARE = 0.5
"""Of the time to shut down; the handlers need the rest."""


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
    people = open_people(
        schemes=settings.channel_schemes,
        mail_relay=settings.mail_relay_url.get_secret_value(),
        public_url=settings.public_url,
        timeout_s=settings.channel_timeout_s,
    )
    async with opening as sender:
        with people as channels:
            shared = await _shared(service, settings)
            webhooks = Webhooks(sender=sender, clock=service.clock, public_url=settings.public_url)
            endpoints = await _endpoints(service, settings, shared, webhooks)
            persons = await _people(service, settings, shared, channels)
            everybody = Everybody(
                (endpoints, persons),
                topics=shared.topics,
                feed=Feed(service.connection, clock=service.clock, public_url=settings.public_url),
                notices=shared.notices,
            )
            _register(service, settings, endpoints, persons, everybody=everybody)
            yield


class Shared(NamedTuple):
    """What both audiences use."""

    topics: Topics
    notices: Notices
    deliveries: Deliveries
    reports: Reports
    allowances: Allowances


async def _shared(service: Service, settings: Settings) -> Shared:
    notices = Notices(await service.bucket("notices", ttl_s=settings.record_ttl_s))
    standings = Standings(
        await service.bucket("endpoints"),
        clock=service.clock,
        patience_s=settings.disable_after_s,
        max_age_s=settings.standing_age_s,
    )
    reports = Reports(
        attempts=AttemptLog(service.connection), standings=standings, timers=service.timers, clock=service.clock
    )
    return Shared(
        topics=Topics(log=service.log, notices=notices),
        notices=notices,
        deliveries=Deliveries(await service.bucket("deliveries", ttl_s=settings.record_ttl_s)),
        reports=reports,
        allowances=Allowances(
            await service.bucket("allowances", ttl_s=RECORD_TTL_S),
            clock=service.clock,
            usual=Limits(settings.max_per_s, settings.max_per_day),
        ),
    )


class Way(NamedTuple):
    """How one audience is told.

    Attributes:
        transport: Carries messages.
        rules: When failed ones are tried again.
        names: Timers.
        attempt_s: Limit of one attempt.
    """

    transport: Transport
    rules: Rules
    names: TimerNames
    attempt_s: float


async def _endpoints(service: Service, settings: Settings, shared: Shared, transport: Transport) -> Handlers:
    directory = Directory(
        log=service.log,
        notices=shared.notices,
        tenants=await service.bucket("tenants"),
        clock=service.clock,
        default_secret=settings.webhook_secret.get_secret_value(),
    )
    schedule = Schedule(settings.retry_delays_s, settings.retry_jitter)
    rules = Rules(schedule, skip_exhausted=settings.on_exhausted == "skip")
    way = Way(transport, rules, OF_ENDPOINTS, settings.timeout_s)
    return _handlers(service, settings, shared, directory, way=way)


async def _people(service: Service, settings: Settings, shared: Shared, transport: Transport) -> Handlers:
    directory = Directory(
        log=service.log,
        notices=shared.notices,
        tenants=await service.bucket("tenants"),
        clock=service.clock,
        people=True,
    )
    rules = Rules(Schedule(settings.channel_retry_delays_s, settings.retry_jitter), skip_exhausted=True)
    way = Way(transport, rules, OF_PEOPLE, settings.channel_timeout_s)
    return _handlers(service, settings, shared, directory, way=way)


def _handlers(service: Service, settings: Settings, shared: Shared, directory: Directory, *, way: Way) -> Handlers:
    breaker = Breaker(settings.circuit_failures, settings.circuit_cooldown_s, settings.circuit_max_cooldown_s)
    attempts = Attempts(
        transport=way.transport,
        circuits=Circuits(service.clock, breaker),
        turn=shared.allowances.turn,
        clock=service.clock,
    )
    courier = Courier(
        topics=shared.topics,
        deliveries=shared.deliveries,
        attempts=attempts,
        reports=shared.reports,
        timers=service.timers,
        clock=service.clock,
        lease=Lease(holder=uuid.uuid4().hex, lasts_s=way.attempt_s + settings.lease_margin_s),
        rules=way.rules,
        names=way.names,
    )
    replays = Replays(
        topics=shared.topics,
        attempts=attempts,
        reports=shared.reports,
        timers=service.timers,
        clock=service.clock,
        schedule=way.rules.schedule,
    )
    places = Places(
        per_lane=settings.attempts_per_server,
        per_tenant=settings.attempts_per_tenant,
        waiting_per_lane=settings.waiting_per_server,
    )
    lanes = Lanes(courier.deliver, places, grace_s=settings.shutdown_timeout_s * LANES_SHARE)
    service.background(f"lanes-{way.names.retry}", lanes.stay_open)
    audience = Audience(directory, courier, replays, lanes, service.timers, way.names)
    patience = Patience(settings.patience_s, timedelta(seconds=settings.look_again_s))
    return Handlers(audience, clock=service.clock, patience=patience)


def _register(
    service: Service, settings: Settings, endpoints: Handlers, people: Handlers, *, everybody: Everybody
) -> None:
    async def on_replay_due(due: Due) -> None:
        about_people = f"-{CHANNEL_PREFIX}" in due.key
        await (people if about_people else endpoints).on_replay_due(due)

    service.subscribe(TELLING_EVENTS, endpoints.on_event, concurrency=settings.concurrency)
    service.subscribe(ENDING_EVENTS, people.on_event, purpose="people")
    service.subscribe_batch(everybody.on_events, kinds=TELLING_EVENTS, purpose="feed")
    service.subscribe(BudgetThresholdReached, everybody.on_budget_threshold)
    for handlers, names in ((endpoints, OF_ENDPOINTS), (people, OF_PEOPLE)):
        service.on_timer(names.retry, handlers.on_delivery_due)
        service.on_timer(names.look_again, handlers.on_delivery_due)
    service.on_timer(REPLAY, on_replay_due)
    service.on_timer(NOTICE, everybody.on_notice_due)
