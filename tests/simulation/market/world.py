"""Virtual time: jobs come, vendors render, scores arrive; the router's own `Advance`, ledger and learning decide.

Nothing here decides anything. A strike of fate kills the router at any write; what it was doing is done again.
"""

import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, get_args

from dailies_contracts import (
    AnyEvent,
    ClipEvent,
    ClipFailed,
    ClipReady,
    ClipRequested,
    ClipScored,
    ClipSettled,
    ClipWithdrawn,
    PromptCompiled,
    ProviderSubmitted,
    Scores,
)
from router.adapters.ledger import Ledger
from router.adapters.market import MarketBoard
from router.adapters.surroundings import Surroundings
from router.adapters.tenants import Tenants
from router.advance import LOOK, Advance
from router.domain.market import Market, Teacher
from router.handlers import DEADLINE, Handlers, JobFact
from router.learning import Learning
from runtime.budgets import Limits
from runtime.catalog import Catalog
from runtime.errors import Transient
from runtime.timers import Due
from testkit.builders import ASSET, MEDIA

from market.jobs import START, Ask, Prompts
from market.memory import DiedError, Fate, MemoryBucket, MemoryLog, MemoryTimers
from market.truth import CARRY, Model, Outcome, Truth

SCORING_S = 3.0
SUBMIT_S = 0.5
WAKES = get_args(JobFact)
TEACHES = get_args(Teacher)

logging.getLogger("router").setLevel(logging.ERROR)


@dataclass(slots=True)
class Bill:
    """What vendors were asked for and billed, by clip."""

    submissions: dict[str, int] = field(default_factory=dict)
    charges: dict[str, int] = field(default_factory=dict)


class TruthfulBoard(MarketBoard):
    """The market as the oracle sees it: quality and refusals as they are, health as everybody learns it."""

    reveal: Callable[[Market], Market]

    async def snapshot(self) -> Market:
        """Give the learned market with the truth put in."""
        return self.reveal(await super().snapshot())


class World:
    """One run over one stream of jobs.

    Args:
        truth: The hidden market.
        catalog: What the deciders know.
        asks: The jobs.
        limits: The tenants' budgets.
        fate: When the router dies.
        reveal: What an oracle sees of the market; None: what was learned.
        shuffle: Gives the delay of a delivery, seconds, and how often it comes; None: at once, once.
    """

    def __init__(
        self,
        truth: Truth,
        catalog: Catalog,
        asks: list[Ask],
        *,
        prompts: Prompts,
        limits: Limits | None = None,
        fate: Fate | None = None,
        reveal: Callable[[Market, float], Market] | None = None,
        shuffle: Callable[[], tuple[float, int]] | None = None,
    ) -> None:
        self.truth, self.catalog, self.asks, self.prompts = truth, catalog, asks, prompts
        self.bill = Bill()
        self.now_s = 0.0
        self.fate = fate or Fate()
        self.log = MemoryLog(self.fate)
        self.budgets, self.tenants = MemoryBucket(self.fate), MemoryBucket()
        self._market, self._turns = MemoryBucket(), MemoryBucket(clock=lambda: self.now_s)
        self._limits = limits or Limits()
        self._reveal = reveal
        self._shuffle = shuffle or (lambda: (0.0, 1))
        self._due: list[tuple[float, int, Callable[[], Awaitable[None]]]] = []
        self._order = itertools.count()
        self._running: dict[str, int] = {}
        self.log.listeners.append(self._happened)
        self.restart()

    def restart(self) -> None:
        """Start the router's process anew: it knows nothing but what log and buckets keep."""
        stock: Any = {"log": self.log, "catalog": lambda: self.catalog}
        clock = self.clock
        ledger = Ledger(self.budgets, self.tenants, tell=self.log.append_fact, clock=clock, defaults=self._limits)
        kind = TruthfulBoard if self._reveal else MarketBoard
        board = kind(self._market, self._turns, learning=lambda: self.catalog.policy.learning, catch_up_s=0.0)
        if isinstance(board, TruthfulBoard):
            board.reveal = lambda market: self._reveal(market, self.now_s) if self._reveal else market
        surroundings = Surroundings(
            ledger=ledger, board=board, tenants=Tenants(self.tenants), catalog=stock["catalog"], clock=clock
        )
        timers: Any = MemoryTimers(self._scheduled)
        advance = Advance(log=stock["log"], ledger=ledger, board=board, surroundings=surroundings, timers=timers)
        self.handlers = Handlers(advance=advance, timers=timers, catalog=stock["catalog"])
        self.learning = Learning(log=stock["log"], board=board, catalog=stock["catalog"])

    def clock(self) -> datetime:
        """Give the time of the simulation."""
        return START + timedelta(seconds=self.now_s)

    async def run(self) -> None:
        """Let every job come and end."""
        for ask in self.asks:
            self.at(ask.at_s, lambda ask=ask: self._ask(ask))
        while self._due:
            at_s, _, action = heapq.heappop(self._due)
            self.now_s = max(self.now_s, at_s)
            await action()

    def at(self, at_s: float, action: Callable[[], Awaitable[None]]) -> None:
        """Do something at a time of the simulation."""
        heapq.heappush(self._due, (at_s, next(self._order), action))

    async def _ask(self, ask: Ask) -> None:
        await self.log.append_fact(ask.requested)
        await self.log.append_fact(self.prompts.event(ask.requested))

    def _happened(self, event: AnyEvent) -> None:
        """Deliver a fact to whoever it concerns, as often and as late as the bus pleases."""
        delay_s, times = self._shuffle()
        for number in range(times):
            at_s = self.now_s + delay_s * (number + 1)
            if isinstance(event, TEACHES):
                self.at(at_s, lambda: self.learning.on_events([event]))
            if isinstance(event, WAKES):
                self.at(at_s, lambda: self._handle(lambda: self.handlers.on_job_fact(event)))
            if event.FACT == "job_requested":
                self.at(at_s, lambda: self._handle(lambda: self.handlers.on_job_requested(event)))
            if isinstance(event, ClipRequested):
                self.at(at_s + SUBMIT_S, lambda: self._submit(event))
            if isinstance(event, ClipReady):
                self.at(at_s + SCORING_S, lambda: self._score(event))

    async def _handle(self, call: Callable[[], Awaitable[None]]) -> None:
        """Run a handler; where its process dies, another one is started and the message comes again."""
        try:
            await call()
        except (DiedError, Transient) as err:
            if isinstance(err, DiedError):
                self.restart()
            self.at(self.now_s + 1.0, lambda: self._handle(call))

    def _scheduled(self, name: str, key: str, at: datetime) -> None:
        handler = {LOOK: self.handlers.on_look, DEADLINE: self.handlers.on_deadline}[name]
        at_s = max(self.now_s, (at - START).total_seconds())
        self.at(at_s, lambda: self._handle(lambda: handler(Due(name, key, b"", {}))))

    async def _submit(self, order: ClipRequested) -> None:
        """Hand a clip to its vendor once, as the worker does, as soon as a slot is free."""
        history = await self.log.history(order.job_id)
        if any(isinstance(event, ProviderSubmitted) and event.clip_id == order.clip_id for event in history.events):
            return
        withdrawn = [event.clip_id for event in history.all(ClipWithdrawn)]
        if order.clip_id in withdrawn:
            await self._fail(order, "unclassified", code="clip.withdrawn")
            return
        slots = self.catalog.vendor(order.provider).slots
        if self._running.get(order.provider, 0) >= slots:
            self.at(self.now_s + 2.0, lambda: self._submit(order))
            return
        self._running[order.provider] = self._running.get(order.provider, 0) + 1
        self.bill.submissions[order.clip_id] = self.bill.submissions.get(order.clip_id, 0) + 1
        await self.log.append_fact(
            ProviderSubmitted(**_about(order), occurred_at=self.clock(), provider_task_id=order.clip_id)
        )
        outcome = self.truth.outcome(_model(order), self._class(order), name=_luck(order), at_s=self.now_s)
        self.at(self.now_s + outcome.after_s, lambda: self._end(order, outcome))

    async def _end(self, order: ClipRequested, outcome: Outcome) -> None:
        self._running[order.provider] -= 1
        price = order.quote_usd_micros - self.catalog.policy.scoring_cost_usd_micros
        charge = price if outcome.charged else 0
        self.bill.charges[order.clip_id] = charge
        if outcome.failure is not None:
            is_lost = outcome.failure == "outcome_unknown"
            await self._fail(order, outcome.failure, charge=0 if is_lost else charge, may_still_bill=is_lost)
            if outcome.settled_after_s is not None:
                settled = ClipSettled(
                    **_about(order), occurred_at=self.clock(), charged_usd_micros=charge, reason="found out"
                )
                self.at(self.now_s + outcome.settled_after_s, lambda: self._tell(settled))
            return
        ready = ClipReady(
            **_about(order),
            occurred_at=self.clock(),
            asset=ASSET,
            media=MEDIA,
            prompt=order.prompt.score_prompt,
            cost_usd_micros=charge,
            render_ms=int(outcome.after_s * 1000),
            seed=order.seed,
            first_frame=ASSET,
        )
        await self.log.append_fact(ready)

    async def _tell(self, event: AnyEvent) -> None:
        await self.log.append_fact(event)

    async def _fail(
        self, order: ClipRequested, kind: Any, *, code: str = "", charge: int = 0, may_still_bill: bool = False
    ) -> None:
        await self.log.append_fact(
            ClipFailed(
                **_about(order),
                occurred_at=self.clock(),
                kind=kind,
                code=code or f"provider.{kind}",
                message="It failed.",
                charged_usd_micros=charge,
                may_still_bill=may_still_bill,
            )
        )

    async def _score(self, ready: ClipReady) -> None:
        history = await self.log.history(ready.job_id)
        order = next(each for each in history.all(ClipRequested) if each.clip_id == ready.clip_id)
        found = {each.clip_id: each for each in history.all(ClipScored)}
        score = self.score_of(order, found.get(order.draft_clip_id or ""))
        self.bill.charges[ready.clip_id] += self.catalog.policy.scoring_cost_usd_micros * (ready.clip_id not in found)
        scores = Scores(
            alignment=score,
            motion=score,
            aesthetic=score,
            safety=1.0,
            aggregate=score,
            passed=score >= self.catalog.policy.draft_pass_threshold,
            scorer_version="market",
        )
        scored = ClipScored(
            **_about(order),
            occurred_at=self.clock(),
            scores=scores,
            scoring_cost_usd_micros=self.catalog.policy.scoring_cost_usd_micros,
        )
        await self.log.append_fact(scored)

    def score_of(self, order: ClipRequested, draft: ClipScored | None) -> float:
        """Give a clip's score, with what it keeps of its draft's luck."""
        kept = {}
        if draft is not None:
            usual = self.truth.quality(_model(draft), self._class(order), self.now_s)
            kept = {"draft_luck": draft.scores.aggregate - usual, "carry": CARRY[_how(order, draft, self.catalog)]}
        return self.truth.score(_model(order), self._class(order), name=_luck(order), at_s=self.now_s, **kept)

    def _class(self, order: ClipRequested) -> str:
        compiled = next(event for _, event in self.log.jobs[order.job_id] if isinstance(event, PromptCompiled))
        return compiled.prompt_class


def _about(order: ClipRequested) -> dict[str, Any]:
    return {name: getattr(order, name) for name in ("job_id", "tenant_id", "clip_id", "provider", "model", "stage")}


def _model(clip: ClipEvent) -> Model:
    return Model(clip.provider, clip.model)


def _luck(order: ClipRequested) -> str:
    return f"{order.job_id} {order.stage} {order.attempt}"


def _how(order: ClipRequested, draft: ClipScored, catalog: Catalog) -> str:
    listing = catalog.find(order.provider, order.model)
    if listing and draft.model in listing.model.finishes and draft.provider == order.provider:
        return "exact"
    return "anchored" if order.first_frame is not None else "fresh"
