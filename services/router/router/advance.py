"""The one way a job moves: load its history, fold, decide, hold the money, append the decision, settle the money.

A decision is appended event by event, each on condition that nothing but the one before it happened; where the
process dies in between, the next look decides the rest. Clips that share a request are appended all or none. Every
handler ends here. Running it twice, on two replicas, or again after a crash at any line, changes nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Protocol

from dailies_contracts import ClipRequested
from runtime.errors import ConcurrencyConflict
from runtime.log import EventLog, History
from runtime.telemetry import span
from runtime.timers import Timers

from router.adapters.ledger import Ledger, Standing
from router.adapters.market import MarketBoard
from router.adapters.surroundings import Surroundings
from router.domain.context import Context
from router.domain.decide import Decision, decide
from router.domain.exclusions import tries_of
from router.domain.lateness import look_again_at
from router.domain.market import lessons_of
from router.domain.money import corrections, holds_of
from router.domain.samples import steps_of
from router.domain.state import Ended, Phase, Requested, fold

LOOK = "look"
"""The timer that goes off when a clip is late, or a vendor may be tried again."""
MAX_ROUNDS = 20
"""Conflicts are with other facts about the same job; there are never so many at once."""

log = logging.getLogger(__name__)


class Advance:
    """Moves jobs; built once per process.

    Attributes:
        board: What was learned, which decisions look at.
    """

    def __init__(
        self, *, log: EventLog, ledger: Ledger, board: MarketBoard, surroundings: Surroundings, timers: Timers
    ) -> None:
        self._log = log
        self._ledger = ledger
        self.board = board
        self._surroundings = surroundings
        self._timers = timers

    async def __call__(self, job_id: str, *, timer: str = "") -> Phase:
        """Decide whatever there is to decide about a job.

        Args:
            job_id: The job.
            timer: The timer that went off, empty where a fact led here.

        Returns:
            The phase it is in afterwards.

        Raises:
            ConcurrencyConflict: The job would not stand still; the message comes again.
            DependencyUnavailable: NATS does not answer; the message comes again.
        """
        tried_elsewhere: frozenset[str] = frozenset()
        for number in range(MAX_ROUNDS):
            history = await self._log.history(job_id)
            state = fold(history.events)
            # Holds of a decision that was cut short fit the same decision. Another one that does not fit into them is
            # made anew without them, every second time.
            context, standing = await self._surroundings.look(
                state, tried_elsewhere=tried_elsewhere, may_use_holds=number % 2 == 0
            )
            decision = decide(state, context)
            taken = await self._taken_turns(job_id, decision, context)
            if taken:
                tried_elsewhere |= taken
                continue
            sequence = await self._commit(state, history, decision, standing) if decision else history.last_sequence
            if sequence is not None:
                after = fold((*history.events, *decision))
                is_due = bool(decision) or timer == LOOK
                await asyncio.gather(
                    self._look_again(after, context, is_due=is_due), self._settle(job_id, after, sequence, standing)
                )
                return after
        raise ConcurrencyConflict("job.contended", job_id)

    async def _taken_turns(self, job_id: str, decision: Decision, context: Context) -> frozenset[str]:
        """Take the turn of each vendor that is to be tried again; gives those that another job is trying."""
        names = sorted(tries_of(decision, context))
        return frozenset([name for name in names if not await self.board.take_turn(name, job_id)])

    async def _commit(
        self, state: Phase, history: History, decision: Decision, standing: Standing | None
    ) -> int | None:
        assert isinstance(state, Requested)  # noqa: S101 (decide() answers nothing in any other phase)
        job_id, tenant_id = state.job.job_id, state.job.tenant_id
        holds = holds_of(decision)
        with span("router.decide", events=[type(event).__name__ for event in decision]):
            if holds and not await self._ledger.hold(
                tenant_id, job_id, holds, sequence=history.last_sequence, seen=standing
            ):
                return None
            try:
                return await self._append(job_id, history.last_sequence, decision)
            except ConcurrencyConflict:
                return None

    async def _look_again(self, state: Phase, context: Context, *, is_due: bool) -> None:
        """Set the timer for what no fact will tell: a clip that is late, a vendor that may be tried again."""
        is_waiting = any(clip.is_pending for clip in state.clips.values())
        if not isinstance(state, Requested) or (is_waiting and not is_due):
            return
        at = look_again_at(state, context)
        if at is not None:
            await self._timers.schedule(LOOK, state.job.job_id, at=at)

    async def _append(self, job_id: str, expected_sequence: int, decision: Decision) -> int:
        for step in steps_of(decision):
            expected_sequence = await self._log.append(job_id, step, expected_sequence=expected_sequence)
            for event in step:
                log.info("job.decided", extra={"decision": type(event).__name__, "event.id": event.id})
                if isinstance(event, ClipRequested):
                    self.board.expect(lessons_of(event, learning=self._surroundings.learning()))
        return expected_sequence

    async def _settle(self, job_id: str, state: Phase, sequence: int, standing: Standing | None) -> None:
        if not _may_need_settling(state):
            return
        tenant_id = _tenant_id(state)
        seen = standing or await self._ledger.look(tenant_id, job_id)
        wanted = corrections(seen.entries, state.clips, has_ended=isinstance(state, Ended))
        if wanted:
            await self._ledger.correct(tenant_id, job_id, wanted, sequence=sequence, seen=seen)


class Move(Protocol):
    """Advances a job."""

    def __call__(self, job_id: str, *, timer: str = "") -> Awaitable[Phase]:
        """Decide whatever there is to decide about it."""
        ...


def _may_need_settling(state: Phase) -> bool:
    return isinstance(state, Ended) or any(not clip.is_pending for clip in state.clips.values())


def _tenant_id(state: Phase) -> str:
    assert isinstance(state, Requested | Ended)  # noqa: S101 (a job with clips was requested)
    return state.tenant_id if isinstance(state, Ended) else state.job.tenant_id
