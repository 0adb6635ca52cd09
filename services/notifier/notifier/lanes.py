"""Deliveries side by side, without one server in the way of another.

Each errand is a task of its own; a server has few places, a tenant some more. One errand runs at most once at a time:
whoever asks for it meanwhile makes it look once more.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from runtime.errors import Transient

from notifier.domain.endpoints import Endpoint

Deliver = Callable[[str, Endpoint, frozenset[str]], Awaitable[None]]
Work = Callable[[], Awaitable[None]]

STOPPING_RETRY_S = 1.0
"""Another replica, or the next start, takes over after so long."""

log = logging.getLogger(__name__)


class Places(NamedTuple):
    """How much may run at once.

    Attributes:
        per_lane: Attempts at one server.
        per_tenant: Attempts at all servers of one tenant.
        waiting_per_lane: Errands that wait for a place at one server; further ones come back by timer.
    """

    per_lane: int
    per_tenant: int
    waiting_per_lane: int


class _Gate:
    """So many places, as long as anybody wants one."""

    def __init__(self, n_places: int) -> None:
        self.semaphore = asyncio.Semaphore(n_places)
        self.n_errands = 0


class _Errand:
    """One endpoint and one job, under way."""

    def __init__(self, job_id: str, endpoint: Endpoint, work: Work | None) -> None:
        self.job_id = job_id
        self.endpoint = endpoint
        self.work = work
        self.facts: set[str] = set()
        self.wanted = True
        self.task: asyncio.Task[None] | None = None


class Lanes:
    """Runs errands."""

    def __init__(self, deliver: Deliver, places: Places, *, grace_s: float) -> None:
        """Start empty.

        Args:
            deliver: Does one errand.
            places: How much at once.
            grace_s: At the end errands get so long to finish.
        """
        self._deliver = deliver
        self._places = places
        self._grace_s = grace_s
        self._errands: dict[tuple[str, str], _Errand] = {}
        self._lanes: dict[str, _Gate] = {}
        self._tenants: dict[str, _Gate] = {}
        self._closed = False

    async def stay_open(self) -> None:
        """Wait to be cancelled; then take nothing more, let what runs finish, and cancel what is late.

        What is cancelled comes back by its timer or its unacknowledged event.
        """
        try:
            await asyncio.Event().wait()
        finally:
            self._closed = True
            await self._finish()

    async def _finish(self) -> None:
        tasks = [errand.task for errand in self._errands.values() if errand.task is not None]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._grace_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def start(
        self, job_id: str, endpoint: Endpoint, *, fact: str | None, work: Work | None = None
    ) -> "asyncio.Task[None] | None":
        """Look what an endpoint does not know of a job, now or as soon as there is a place.

        Args:
            job_id: The job, or another name for what is done.
            endpoint: Who is told.
            fact: Id of the fact that gave the reason; None: a timer did.
            work: Do this instead of a look.

        Returns:
            The running errand; None where too many wait for this server already.

        Raises:
            Transient: This process is about to end.
        """
        if self._closed:
            raise Transient("notifier.stopping", retry_after_s=STOPPING_RETRY_S)
        key = (job_id, endpoint.id)
        errand = self._errands.get(key)
        if errand is None:
            lane = self._lanes.get(endpoint.lane)
            if lane is not None and lane.n_errands >= self._places.per_lane + self._places.waiting_per_lane:
                return None
            errand = self._errands[key] = _Errand(job_id, endpoint, work)
            errand.task = asyncio.create_task(self._run(key, errand), name=f"deliver-{job_id}")
            errand.task.add_done_callback(_log_failure)
        errand.wanted = True
        if fact is not None:
            errand.facts.add(fact)
        return errand.task

    async def _run(self, key: tuple[str, str], errand: _Errand) -> None:
        lane = _entered(self._lanes, errand.endpoint.lane, self._places.per_lane)
        tenant = _entered(self._tenants, errand.endpoint.tenant_id, self._places.per_tenant)
        try:
            async with lane.semaphore, tenant.semaphore:
                while errand.wanted:
                    errand.wanted = False
                    if errand.work is not None:
                        await errand.work()
                        continue
                    await self._deliver(errand.job_id, errand.endpoint, frozenset(errand.facts))
        finally:
            del self._errands[key]
            _left(self._lanes, errand.endpoint.lane, lane)
            _left(self._tenants, errand.endpoint.tenant_id, tenant)


def _entered(gates: dict[str, _Gate], name: str, n_places: int) -> _Gate:
    gate = gates.get(name)
    if gate is None:
        gate = gates[name] = _Gate(n_places)
    gate.n_errands += 1
    return gate


def _left(gates: dict[str, _Gate], name: str, gate: _Gate) -> None:
    gate.n_errands -= 1
    if gate.n_errands == 0:
        del gates[name]


def _log_failure(task: "asyncio.Task[None]") -> None:
    """Say so where nobody waits for the errand any more; its timer brings it back."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("webhook.errand_failed", extra={"reason": f"{type(error).__name__}: {error}"})
