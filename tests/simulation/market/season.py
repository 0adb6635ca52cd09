"""One season of one seed: months of jobs with an outage and a vendor that gets worse, decided by everybody."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from dailies_contracts import ClipRequested, JobCompleted, JobFailed
from router.domain.learning import ALL_CLASSES, QualityRecord
from router.domain.market import Market, QualityKey
from router.domain.money import TenantAccount
from runtime.budgets import TOTAL, Limits
from runtime.catalog import Catalog

from market.jobs import START, TENANTS, Ask, Prompts, asks
from market.rivals import RIVALS, Result, Run
from market.truth import Drop, Outage, Truth, make_truth
from market.world import World

PER_DAY = 16.0
OUTAGE_DAY, OUTAGE_DAYS = 0.30, 0.5
DROP_DAY = 0.72
"""When, as a share of the season."""
DROPS_BY = 0.35
RECENT = 120
WINDOW = 20
LEFT_SHARE = 0.25
"""A vendor was left once it gets less than a quarter of what it got before."""
CERTAIN = 1e9
LIMITS = Limits(day=400_000_000, month=6_000_000_000, total=20_000_000_000)


class Degraded(NamedTuple):
    """The vendor that got worse.

    Attributes:
        at_s: When.
        share_before: Of the stage's clips that it had got.
    """

    provider: str
    at_s: float
    share_before: float


@dataclass(slots=True)
class Season:
    """What everybody made of the same season."""

    asks: list[Ask]
    results: dict[str, list[Result]]
    degraded: Degraded
    clips_until_left: int | None
    overruns: int
    duplicates: int
    outage: dict[str, float] = field(default_factory=dict)
    shares: list[Counter[str]] = field(default_factory=list)


async def play(seed: int, catalog: Catalog, prompts: Prompts, *, n_jobs: int) -> Season:
    """Let Dailies, the oracle and every rival decide the same season."""
    stream = asks(seed, n=n_jobs, per_day=PER_DAY)
    length_s = stream[-1].at_s
    truth = make_truth(seed, catalog, prompts.classes)
    ours = World(truth, catalog, stream, prompts=prompts, limits=LIMITS)
    check = TenantCheck(ours, LIMITS)
    degraded: list[Degraded] = []

    async def drop() -> None:
        provider, share = _favourite(ours)
        truth.drops += (Drop(provider, ours.now_s, DROPS_BY),)
        degraded.append(Degraded(provider, ours.now_s, share))

    async def outage() -> None:
        provider, _ = _favourite(ours)
        truth.outages += (Outage(provider, ours.now_s, ours.now_s + OUTAGE_DAYS * 86_400),)

    ours.at(length_s * OUTAGE_DAY, outage)
    ours.at(length_s * DROP_DAY, drop)
    await ours.run()
    oracle = World(truth, catalog, stream, prompts=prompts, limits=LIMITS, reveal=_reveal(truth, prompts.classes))
    await oracle.run()
    results = {"dailies": _results(ours), "oracle": _results(oracle)}
    for name, rival in RIVALS.items():
        draw = random.Random(f"{name} {seed}")
        results[name] = [rival(Run(ask, truth=truth, catalog=catalog, prompts=prompts), draw) for ask in stream]
    return Season(
        asks=stream,
        results=results,
        degraded=degraded[0],
        clips_until_left=_clips_until_left(ours, degraded[0]),
        overruns=check.overruns,
        duplicates=check.duplicates(),
        outage=_after_outage(ours, truth.outages[0]),
        shares=_shares(ours),
    )


class TenantCheck:
    """Looks at every state of every tenant's record: `spent + held <= limit`, and nothing is charged twice."""

    def __init__(self, world: World, limits: Limits) -> None:
        self._world = world
        self._limits = limits
        self.overruns = 0
        world.budgets.listeners.append(self._look)

    def _look(self, key: str, value: bytes) -> None:
        if not key.startswith("tenant."):
            return
        account = msgspec.json.decode(value, type=TenantAccount)
        for period in (TOTAL, *account.periods):
            limit = self._limits.of(period)
            self.overruns += limit is not None and account.of(period).used_usd_micros > limit

    def duplicates(self) -> int:
        """Count clips that were sent twice, and tenants whose books say something else than the vendors' bills."""
        bill, world = self._world.bill, self._world
        twice = sum(max(0, n - 1) for n in bill.submissions.values())
        billed: Counter[str] = Counter()
        for events in world.log.jobs.values():
            for _, event in events:
                if isinstance(event, ClipRequested):
                    billed[event.tenant_id] += bill.charges.get(event.clip_id, 0)
        for tenant in TENANTS:
            entry = world.budgets.values.get(f"tenant.{tenant}")
            account = msgspec.json.decode(entry.value, type=TenantAccount) if entry else TenantAccount()
            twice += account.spent_usd_micros != billed[tenant] or account.held_usd_micros != 0
        return twice


def _reveal(truth: Truth, classes: list[str]) -> Callable[[Market, float], Market]:
    """Give what an oracle sees: records so certain that nothing else counts."""

    def reveal(market: Market, now_s: float) -> Market:
        quality = {}
        for model in truth.natures:
            for stage in ("draft", "final"):
                for name in (*classes, ALL_CLASSES):
                    prompt_class = classes[0] if name == ALL_CLASSES else name
                    quality[QualityKey(*model, stage, name)] = QualityRecord(
                        provider=model.provider,
                        model=model.model,
                        stage=stage,
                        prompt_class=name,
                        n=CERTAIN,
                        mean=truth.quality(model, prompt_class, now_s),
                        variance=truth.natures[model].scatter ** 2,
                        n_asked=CERTAIN,
                        refused=truth.refusal(model, prompt_class),
                        newest_s=START.timestamp() + now_s,
                    )
        return Market(market.health, quality)

    return reveal


def _results(world: World) -> list[Result]:
    found = []
    for ask in world.asks:
        events = [event for _, event in world.log.jobs[ask.requested.job_id]]
        end = next(event for event in events if isinstance(event, JobCompleted | JobFailed))
        cost = sum(world.bill.charges.get(each.clip_id, 0) for each in events if isinstance(each, ClipRequested))
        latency_s = (end.occurred_at - ask.requested.occurred_at).total_seconds()
        score = end.final_score or 0.0 if isinstance(end, JobCompleted) else 0.0
        found.append(Result(score, cost, latency_s))
    return found


def _orders(world: World) -> list[tuple[float, str]]:
    """List the drafts that were ordered, by time and vendor."""
    orders = [
        ((event.occurred_at - START).total_seconds(), event.provider)
        for events in world.log.jobs.values()
        for _, event in events
        if isinstance(event, ClipRequested) and event.stage == "draft"
    ]
    return sorted(orders)


def _favourite(world: World) -> tuple[str, float]:
    """Name the vendor that got most of the recent drafts, with its share."""
    recent = Counter(provider for _, provider in _orders(world)[-RECENT:])
    provider, n = recent.most_common(1)[0]
    return provider, n / recent.total()


def _clips_until_left(world: World, degraded: Degraded) -> int | None:
    """Count the clips that a vendor still got after it had become worse; None where it was never left."""
    after = [provider for at_s, provider in _orders(world) if at_s >= degraded.at_s]
    for end in range(WINDOW, len(after) + 1):
        if after[end - WINDOW : end].count(degraded.provider) < LEFT_SHARE * degraded.share_before * WINDOW:
            return after[: end - WINDOW].count(degraded.provider)
    return None


def _after_outage(world: World, outage: Outage) -> dict[str, float]:
    """Tell how an outage was met: what was sent into it, and how long after its end the vendor got work again."""
    orders = _orders(world)
    during = [
        at_s for at_s, provider in orders if provider == outage.provider and outage.start_s <= at_s < outage.end_s
    ]
    again = [at_s for at_s, provider in orders if provider == outage.provider and at_s >= outage.end_s]
    return {
        "clips_sent_into_it": len(during),
        "hours_until_used_again": (again[0] - outage.end_s) / 3600 if again else float("inf"),
    }


def _shares(world: World, n_parts: int = 60) -> list[Counter[str]]:
    """Split the season into parts, each with the drafts by vendor."""
    orders = _orders(world)
    end_s = orders[-1][0] + 1
    parts: list[Counter[str]] = [Counter() for _ in range(n_parts)]
    for at_s, provider in orders:
        parts[int(at_s / end_s * n_parts)][provider] += 1
    return parts
