"""A job in memory: given facts, ask the decider, when more facts come, ask again."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from dailies_contracts import AnyEvent, ClipRequested, Stage
from router.domain.context import Context, TenantRules
from router.domain.decide import Decision, decide
from router.domain.market import NOTHING_KNOWN
from router.domain.state import Phase, fold
from runtime.catalog import Catalog, load_catalog
from testkit.builders import NOW, clip_ready, clip_scored, job_requested, prompt_compiled, provider_submitted

CATALOG = Path(__file__).parents[3] / "deploy" / "catalog.toml"


class Job:
    """A job's log in memory, with the decider at its end."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.events: list[AnyEvent] = []
        self.now: datetime = NOW
        self.budget_left_usd_micros = 100_000_000
        self.vendors_accept = True
        self.market = NOTHING_KNOWN
        self.tenant = TenantRules()
        self.retry_ratio = 0.0

    @property
    def state(self) -> Phase:
        return fold(self.events)

    def given(self, *events: AnyEvent) -> "Job":
        self.events.extend(events)
        return self

    def decide(self) -> Decision:
        context = Context(
            now=self.now,
            catalog=self.catalog,
            budget_left_usd_micros=self.budget_left_usd_micros,
            market=self.market,
            tenant=self.tenant,
            retry_ratio=self.retry_ratio,
        )
        decision = decide(self.state, context)
        self.events.extend(decision)
        if self.vendors_accept:
            self.events.extend(provider_submitted(event) for event in decision if isinstance(event, ClipRequested))
        return decision

    @staticmethod
    def asked(state: Phase, context: Context) -> Decision:
        """Ask the decider about any other job."""
        return decide(state, context)

    def when(self, *events: AnyEvent) -> Decision:
        self.given(*events)
        return self.decide()

    def later(self, seconds: float) -> "Job":
        self.now += timedelta(seconds=seconds)
        return self

    def orders(self, stage: Stage) -> list[ClipRequested]:
        return [event for event in self.events if isinstance(event, ClipRequested) and event.stage == stage]

    def succeed(self, order: ClipRequested, *, aggregate: float = 0.8, passed: bool = True) -> Decision:
        return self.when(clip_ready(order), clip_scored(order, aggregate=aggregate, passed=passed))


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog(CATALOG)


@pytest.fixture
def job(catalog: Catalog) -> Job:
    return Job(catalog)


@pytest.fixture
def drafting(job: Job) -> Job:
    job.given(job_requested(), prompt_compiled()).decide()
    return job
