"""What the notifier does with an event or a timer: have a look, at every endpoint of the job.

A handler waits for a delivery only briefly. What takes longer goes on beside it, covered by a timer that looks
again should this process die, so that slow servers never hold the events of others up.
"""

import asyncio
from datetime import timedelta

import msgspec
from dailies_contracts import Event
from runtime.clock import Clock
from runtime.errors import Permanent, Transient
from runtime.telemetry import bound_job
from runtime.timers import Due, Timers

from notifier.adapters.directory import Directory
from notifier.courier import LOOK_AGAIN, Errand
from notifier.domain.endpoints import Endpoint
from notifier.lanes import STOPPING_RETRY_S, Lanes

_decode_errand: msgspec.json.Decoder[Errand] = msgspec.json.Decoder(Errand)


class Handlers:
    """The notifier's handlers."""

    def __init__(
        self,
        *,
        directory: Directory,
        lanes: Lanes,
        timers: Timers,
        clock: Clock,
        patience_s: float,
        look_again_s: float,
    ) -> None:
        """Take what the handlers need.

        Args:
            directory: Who is told of a job.
            lanes: Run the deliveries.
            timers: The notifier's own.
            clock: The time.
            patience_s: A delivery that takes longer goes on without its handler.
            look_again_s: Then a timer looks after it; longer than an attempt.
        """
        self._directory = directory
        self._lanes = lanes
        self._timers = timers
        self._clock = clock
        self._patience_s = patience_s
        self._look_again = timedelta(seconds=look_again_s)

    async def on_event(self, event: Event) -> None:
        """Tell everybody who wants to know what this fact changed.

        Consumes: every fact that tells something (`TELLING_EVENTS`). Emits: webhooks.
        Idempotent by: the record of each endpoint and job, which says how far it has been told.
        """
        with bound_job(event.job_id):
            endpoints = await self._directory.told_of(event)
            await self._look_at(event.job_id, endpoints, fact=event.id)

    async def on_delivery_due(self, due: Due) -> None:
        """Go on with a delivery that failed or may have died.

        Consumes: the timers `retry` and `look_again`. Emits: webhooks.
        Idempotent by: the record of the endpoint and job.
        """
        try:
            errand = _decode_errand.decode(due.payload)
        except msgspec.MsgspecError as err:
            raise Permanent("timer.malformed", str(err)) from err
        with bound_job(errand.job_id):
            endpoints = await self._directory.endpoints(errand.job_id) or ()
            wanted = tuple(endpoint for endpoint in endpoints if endpoint.id == errand.endpoint_id)
            await self._look_at(errand.job_id, wanted, fact=None)

    async def _look_at(self, job_id: str, endpoints: tuple[Endpoint, ...], *, fact: str | None) -> None:
        tasks = [self._lanes.start(job_id, endpoint, fact=fact) for endpoint in endpoints]
        running = {task for task in tasks if task is not None}
        if running:
            await asyncio.wait(running, timeout=self._patience_s)
        for endpoint, task in zip(endpoints, tasks, strict=True):
            if task is None or not task.done():
                await self._look_after(Errand(job_id=job_id, endpoint_id=endpoint.id))
        for task in running:
            if task.cancelled():
                raise Transient("notifier.stopping", retry_after_s=STOPPING_RETRY_S)
            if task.done():
                task.result()

    async def _look_after(self, errand: Errand) -> None:
        at = self._clock() + self._look_again
        await self._timers.schedule(LOOK_AGAIN, errand.key, at=at, payload=msgspec.json.encode(errand))
