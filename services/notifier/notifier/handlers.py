"""What the notifier does with an event or a timer: have a look, at everybody who is told of the job.

A handler waits for a delivery only briefly. What takes longer goes on beside it, covered by a timer that looks
again should this process die, so that slow servers never hold the events of others up.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, TypeVar

import msgspec
from dailies_contracts import AnyEvent, BudgetThresholdReached, Event, Notice, Replay
from runtime.clock import Clock
from runtime.errors import Permanent, Transient
from runtime.telemetry import bound_job
from runtime.timers import Due, Timers

from notifier.adapters.directory import Directory
from notifier.adapters.feed import Feed
from notifier.adapters.notices import Notices
from notifier.adapters.topics import Topics
from notifier.courier import Courier, Errand, TimerNames
from notifier.domain.endpoints import Endpoint
from notifier.domain.notices import budget_notice
from notifier.domain.notifications import topic_of_notice
from notifier.lanes import STOPPING_RETRY_S, Lanes
from notifier.replays import Replays, key_of

T = TypeVar("T")
_decode_errand: msgspec.json.Decoder[Errand] = msgspec.json.Decoder(Errand)
_decode_replay: msgspec.json.Decoder[Replay] = msgspec.json.Decoder(Replay)
_decode_notice: msgspec.json.Decoder[Notice] = msgspec.json.Decoder(Notice)


class Patience(NamedTuple):
    """How long a handler cares.

    Attributes:
        wait_s: A delivery that takes longer goes on without its handler.
        look_again: Then a timer looks after it; longer than an attempt.
    """

    wait_s: float
    look_again: timedelta


class Audience(NamedTuple):
    """One kind of receivers, with all that is needed to tell them.

    Attributes:
        directory: Who they are.
        courier: Tells them.
        replays: Tell them again.
        lanes: Run the deliveries.
        timers: The notifier's own.
        names: Which of them look after these receivers.
    """

    directory: Directory
    courier: Courier
    replays: Replays
    lanes: Lanes
    timers: Timers
    names: TimerNames


class Handlers:
    """The handlers of one audience."""

    def __init__(self, audience: Audience, *, clock: Clock, patience: Patience) -> None:
        """Take whom to tell and how long to care."""
        self._directory, self._courier, self._replays, self._lanes, self._timers, self._names = audience
        self._clock = clock
        self._patience = patience

    async def on_event(self, event: Event) -> None:
        """Tell everybody who wants to know what this fact changed.

        Consumes: every fact that tells something (`TELLING_EVENTS`). Emits: webhooks.
        Idempotent by: the record of each endpoint and job, which says how far it has been told.
        """
        with bound_job(event.job_id):
            endpoints = await self._directory.told_of(event)
            await self.look_at(event.job_id, endpoints, fact=event.id)

    async def on_delivery_due(self, due: Due) -> None:
        """Go on with a delivery that failed or may have died.

        Consumes: the timers `retry` and `look_again`. Emits: webhooks.
        Idempotent by: the record of the endpoint and job.
        """
        errand = _read(due, _decode_errand)
        with bound_job(errand.job_id):
            found = await self._directory.endpoints(errand.job_id) or ()
            wanted = tuple(endpoint for endpoint in found if endpoint.id == errand.endpoint_id)
            await self.look_at(errand.job_id, wanted, fact=None)

    async def on_replay_due(self, due: Due) -> None:
        """Tell an endpoint something again because somebody asked for it.

        Consumes: the timer `replay`. Emits: webhooks.
        Idempotent by: nothing: it repeats a webhook with the same id.
        """
        order = _read(due, _decode_replay)
        with bound_job(order.topic_id):
            found = await self._directory.endpoints(order.topic_id) or ()
            for endpoint in found:
                if endpoint.id == order.endpoint_id:
                    await self._replay(order, endpoint)

    async def on_notice(self, notice: Notice) -> None:
        """Tell everybody who wants to know of a notice.

        Consumes: notices that are kept. Emits: webhooks.
        Idempotent by: the record of each endpoint and notice.
        """
        endpoints = await self._directory.endpoints(notice.id) or ()
        await self.look_at(notice.id, endpoints, fact=None)

    async def look_at(self, topic_id: str, endpoints: tuple[Endpoint, ...], *, fact: str | None) -> None:
        """Have a look at some endpoints of a topic, side by side.

        Raises:
            Transient: A delivery broke: look again.
        """
        tasks = [self._lanes.start(topic_id, endpoint, fact=fact) for endpoint in endpoints]
        running = {task for task in tasks if task is not None}
        if running:
            await asyncio.wait(running, timeout=self._patience.wait_s)
        for endpoint, task in zip(endpoints, tasks, strict=True):
            if task is None or not task.done():
                await self._look_after(Errand(job_id=topic_id, endpoint_id=endpoint.id))
        for task in running:
            _settle(task)

    async def _replay(self, order: Replay, endpoint: Endpoint) -> None:
        if await self._courier.begin_again(order.topic_id, endpoint, sequence=order.sequence):
            await self.look_at(order.topic_id, (endpoint,), fact=None)
            return
        task = self._lanes.start(key_of(order), endpoint, fact=None, work=lambda: self._replays.repeat(order, endpoint))
        if task is not None:
            await asyncio.wait({task}, timeout=self._patience.wait_s)
        if task is None or not task.done():
            await self._replays.look_after(order, at=self._clock() + self._patience.look_again)
        else:
            _settle(task)

    async def _look_after(self, errand: Errand) -> None:
        at = self._clock() + self._patience.look_again
        await self._timers.schedule(self._names.look_again, errand.key, at=at, payload=msgspec.json.encode(errand))


class Everybody:
    """What concerns every audience: the feed, and notices."""

    def __init__(self, audiences: tuple[Handlers, ...], *, topics: Topics, feed: Feed, notices: Notices) -> None:
        """Take who there is, and where to write."""
        self._audiences = audiences
        self._topics = topics
        self._feed = feed
        self._notices = notices

    async def on_events(self, events: Sequence[AnyEvent]) -> None:
        """Write what facts changed into the feeds of their tenants.

        Consumes: every fact that tells something (`TELLING_EVENTS`). Emits: messages of the feed.
        Idempotent by: the expected last message of the job in the feed.
        """
        facts: dict[str, set[str]] = {}
        for event in events:
            facts.setdefault(event.job_id, set()).add(event.id)
        for job_id, ids in facts.items():
            topic = await self._topics.load(job_id, facts=frozenset(ids))
            if topic is not None:
                await self._feed.write(topic)

    async def on_notice_due(self, due: Due) -> None:
        """Tell a tenant something that belongs to no state of a job.

        Consumes: the timer `notice`. Emits: webhooks, messages of the feed, messages to people.
        Idempotent by: the notice's id.
        """
        await self._tell(_read(due, _decode_notice))

    async def on_budget_threshold(self, event: BudgetThresholdReached) -> None:
        """Tell a tenant how much of a budget is used up.

        Consumes: BudgetThresholdReached. Emits: as a notice.
        Idempotent by: the notice's id, which the event names.
        """
        await self._tell(budget_notice(event))

    async def _tell(self, told: Notice) -> None:
        notice = await self._notices.keep(told)
        if not notice.only:
            await self._feed.write(topic_of_notice(notice))
        for audience in self._audiences:
            await audience.on_notice(notice)


def _read(due: Due, decoder: "msgspec.json.Decoder[T]") -> T:
    try:
        return decoder.decode(due.payload)
    except msgspec.MsgspecError as err:
        raise Permanent("timer.malformed", str(err)) from err


def _settle(task: "asyncio.Task[None]") -> None:
    if task.cancelled():
        raise Transient("notifier.stopping", retry_after_s=STOPPING_RETRY_S)
    if task.done():
        task.result()
