"""The one way a job moves: load its history, fold, decide, hold the money, append the decision, settle the money.

A decision is appended event by event, each on condition that nothing but the one before it happened; where the
process dies in between, the next look decides the rest. Every handler ends here. Running it twice, on two
replicas, or again after a crash at any line, changes nothing.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from runtime.catalog import Catalog
from runtime.clock import Clock
from runtime.errors import ConcurrencyConflict
from runtime.log import EventLog, History
from runtime.telemetry import span

from router.adapters.ledger import Ledger
from router.domain.context import Context
from router.domain.decide import Decision, decide
from router.domain.money import corrections, held_in_advance_usd_micros, holds_of
from router.domain.state import Drafting, Ended, Phase, Requested, fold

MAX_ROUNDS = 20
"""Conflicts are with other facts about the same job; there are never so many at once."""

log = logging.getLogger(__name__)


class Advance:
    """Moves jobs; built once per process."""

    def __init__(self, *, log: EventLog, ledger: Ledger, catalog: Catalog, clock: Clock) -> None:
        self._log = log
        self._ledger = ledger
        self._catalog = catalog
        self._clock = clock

    async def __call__(self, job_id: str) -> Phase:
        """Decide whatever there is to decide about a job.

        Returns:
            The phase it is in afterwards.

        Raises:
            ConcurrencyConflict: The job would not stand still; the message comes again.
            DependencyUnavailable: NATS does not answer; the message comes again.
        """
        for _ in range(MAX_ROUNDS):
            history = await self._log.history(job_id)
            state = fold(history.events)
            decision = decide(state, await self._context(state))
            sequence = await self._commit(state, history, decision) if decision else history.last_sequence
            if sequence is not None:
                after = fold((*history.events, *decision))
                await self._settle(job_id, after, sequence)
                return after
        raise ConcurrencyConflict("job.contended", job_id)

    async def _context(self, state: Phase) -> Context:
        now = self._clock()
        left = await self._left_usd_micros(state, now) if isinstance(state, Drafting) else 0
        return Context(now=now, catalog=self._catalog, budget_left_usd_micros=left)

    async def _left_usd_micros(self, state: Drafting, now: datetime) -> int:
        left = await self._ledger.left_usd_micros(state.job.tenant_id, now)
        return left + held_in_advance_usd_micros(await self._ledger.entries(state.job.job_id), state.clips)

    async def _commit(self, state: Phase, history: History, decision: Decision) -> int | None:
        assert isinstance(state, Requested)  # noqa: S101 (decide() answers nothing in any other phase)
        job_id, tenant_id = state.job.job_id, state.job.tenant_id
        holds = holds_of(decision)
        with span("router.decide", events=[type(event).__name__ for event in decision]):
            if holds and not await self._ledger.hold(tenant_id, job_id, holds, sequence=history.last_sequence):
                return None
            try:
                return await self._append(job_id, history.last_sequence, decision)
            except ConcurrencyConflict:
                return None

    async def _append(self, job_id: str, expected_sequence: int, decision: Decision) -> int:
        for event in decision:
            expected_sequence = await self._log.append(job_id, (event,), expected_sequence=expected_sequence)
            log.info("job.decided", extra={"decision": type(event).__name__, "event.id": event.id})
        return expected_sequence

    async def _settle(self, job_id: str, state: Phase, sequence: int) -> None:
        if not _may_need_settling(state):
            return
        entries = await self._ledger.entries(job_id)
        wanted = corrections(entries, state.clips, has_ended=isinstance(state, Ended))
        if wanted:
            await self._ledger.correct(_tenant_id(state), job_id, wanted, sequence=sequence)


Move = Callable[[str], Awaitable[Phase]]


def _may_need_settling(state: Phase) -> bool:
    return isinstance(state, Ended) or any(not clip.is_pending for clip in state.clips.values())


def _tenant_id(state: Phase) -> str:
    assert isinstance(state, Requested | Ended)  # noqa: S101 (a job with clips was requested)
    return state.tenant_id if isinstance(state, Ended) else state.job.tenant_id
