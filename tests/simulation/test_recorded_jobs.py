"""Logs of real jobs, recorded on the whole stack (`make record`), held against today's code.

Each decision of the router is made again from what came before it, by the catalogue that was kept beside the logs and
by what the logs had taught until then. Deliveries are repeated and shuffled.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from dailies_contracts import (
    TERMINAL_EVENTS,
    AnyEvent,
    ClipEvent,
    ClipRequested,
    ClipWithdrawn,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobFailed,
    JobPromoted,
    JobRequested,
    PromptCompiled,
    ReviewDecided,
    ReviewRequested,
    decode,
)
from dailies_contracts.events import ClipReused
from router.domain.context import Context
from router.domain.decide import decide
from router.domain.market import NOTHING_KNOWN, Market, Teacher, learn, lessons_of
from router.domain.state import Ended, cost_usd_micros, deadline_of, fold
from runtime.catalog import Catalog, load_catalog
from runtime.worth import price_of, utility_of

FOLDER = Path(__file__).parent / "recorded"
LOGS = sorted(FOLDER.glob("*.jsonl"))
DECIDED = (
    ClipRequested | ClipReused | ClipWithdrawn | JobPromoted | ReviewRequested | JobCompleted | JobFailed | JobCancelled
)
TENANT_LEFT_USD_MICROS = 100_000_000
"""Of the catalogue's default budget; the recorded jobs cost a fraction of it."""

Job = tuple[AnyEvent, ...]


class Step(NamedTuple):
    """One decision, and all that was known of the job before it."""

    before: Job
    decision: Job


def read(path: Path) -> Job:
    return tuple(decode(line) for line in path.read_bytes().splitlines())


def steps(job: Job) -> Iterator[Step]:
    """Cut a log into decisions: what the router appended together has one time."""
    position = 0
    for decided_at, group in groupby(job, key=lambda each: each.occurred_at if isinstance(each, DECIDED) else None):
        events = tuple(group)
        if decided_at is not None:
            yield Step(job[:position], events)
        position += len(events)


@pytest.fixture(scope="session")
def recorded_catalog() -> Catalog:
    return load_catalog(FOLDER / "catalog.toml")


@pytest.fixture(scope="session")
def jobs() -> dict[str, Job]:
    return {path.stem: read(path) for path in LOGS}


def taught(jobs: dict[str, Job], before: Job, catalog: Catalog) -> Market:
    """Give what all the logs had taught at the end of a part of one."""
    learning = catalog.policy.learning
    known_at = before[-1].occurred_at
    classes = {e.job_id: e.prompt_class for job in jobs.values() for e in job if isinstance(e, PromptCompiled)}
    market = NOTHING_KNOWN
    facts = (event for job in jobs.values() for event in job if isinstance(event, Teacher))
    for event in sorted(facts, key=lambda each: each.occurred_at):
        if event.occurred_at < known_at:
            for lesson in lessons_of(event, prompt_class=classes[event.job_id], learning=learning):
                market = learn(market, lesson, learning)
    return market


def told(event: AnyEvent) -> Any:
    """Say what must be the same when an event is decided again."""
    match event:
        case ClipRequested():
            return ("ordered", event.clip_id, event.stage, event.attempt, event.draft_clip_id, event.prompt.audio)
        case ClipWithdrawn():
            return ("withdrawn", event.clip_id)
        case JobPromoted():
            return ("promoted", event.draft_clip_id, event.promotion.draft_scores, event.promotion.threshold)
        case ReviewRequested():
            return ("review", event.clip_id)
        case JobCompleted():
            return (
                "completed",
                event.clip_id,
                event.asset,
                event.cost_usd_micros,
                event.final_score,
                event.draft_score,
            )
        case JobFailed():
            return ("failed", event.code, event.reason, event.cost_usd_micros)
        case JobCancelled():
            return ("cancelled", event.cost_usd_micros)
    raise AssertionError(event)


def test_every_way_for_a_job_to_go_is_recorded(jobs: dict[str, Job]) -> None:
    kinds = {type(event) for job in jobs.values() for event in job}
    assert {JobCompleted, JobFailed, JobCancelled, JobPromoted, ReviewDecided, JobCancelRequested} <= kinds
    codes = {event.code for job in jobs.values() for event in job if isinstance(event, JobFailed)}
    assert {"job.budget_exhausted", "job.refused", "job.deadline_exceeded"} <= codes


@pytest.mark.parametrize("name", [path.stem for path in LOGS])
def test_a_job_ends_once_and_its_money_adds_up(name: str, jobs: dict[str, Job]) -> None:
    job = jobs[name]
    assert isinstance(job[0], JobRequested)
    (end,) = (event for event in job if isinstance(event, TERMINAL_EVENTS))
    state = fold(job)
    assert isinstance(state, Ended)
    assert not any(isinstance(event, DECIDED) for event in job[job.index(end) + 1 :])
    assert end.cost_usd_micros == cost_usd_micros(fold(job[: job.index(end)]).clips)
    assert len({event.id for event in job}) == len(job)
    orders = [event for event in job if isinstance(event, ClipRequested)]
    assert set(state.clips) == {order.clip_id for order in orders}
    assert all(clip.charged_usd_micros <= clip.quote_usd_micros for clip in state.clips.values())


@pytest.mark.parametrize("name", [path.stem for path in LOGS])
def test_every_decision_is_made_again_from_what_came_before(
    name: str, jobs: dict[str, Job], recorded_catalog: Catalog
) -> None:
    job = jobs[name]
    found = list(steps(job))
    assert found
    for step in found:
        context = Context(
            now=step.decision[0].occurred_at,
            catalog=recorded_catalog,
            budget_left_usd_micros=TENANT_LEFT_USD_MICROS,
            market=taught(jobs, step.before, recorded_catalog),
        )
        again = [told(event) for event in decide(fold(step.before), context)]
        # A decision is a chain of events: where a fact came between two of them, the next decision makes up for it.
        assert again[: len(step.decision)] == [told(event) for event in step.decision]


@pytest.mark.parametrize("name", [path.stem for path in LOGS])
def test_an_order_goes_where_its_own_record_says_most_is_to_be_had(
    name: str, jobs: dict[str, Job], recorded_catalog: Catalog
) -> None:
    job, policy = jobs[name], recorded_catalog.policy
    quality = next(event.request.quality for event in job if isinstance(event, JobRequested))
    for order in (event for event in job if isinstance(event, ClipRequested)):
        assert order.decision is not None
        (chosen,) = (each for each in order.decision.candidates if not each.passed_over)
        assert (chosen.provider, chosen.model) == (order.provider, order.model)
        worse = [each for each in order.decision.candidates if each.passed_over == "lower utility"]
        assert all(each.utility <= chosen.utility for each in worse)
        for each in order.decision.candidates if order.stage == "draft" else ():
            about = {"cost_usd_micros": each.cost_usd_micros, "latency_s": each.latency_s, "success": each.success}
            price = price_of(policy, quality=quality, stage="draft", **about)
            score = utility_of(policy, quality=quality, stage="draft", score=each.drawn, price=price)
            assert each.utility == pytest.approx(score, rel=0.01, abs=0.002)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", [path.stem for path in LOGS])
def test_shuffled_and_repeated_deliveries_lead_to_the_same_kind_of_end(
    name: str, seed: int, jobs: dict[str, Job], recorded_catalog: Catalog
) -> None:
    job, draw = jobs[name], random.Random(seed)
    waiting = [event for event in job if not isinstance(event, DECIDED)]
    (ended,) = (event for event in job if isinstance(event, TERMINAL_EVENTS))
    is_late = isinstance(ended, JobFailed) and ended.code == "job.deadline_exceeded"
    log: list[AnyEvent] = []
    n_before = -1
    while len(log) > n_before:
        n_before = len(log)
        ready = [each for each in _next_of_each(waiting) if _may_come(each, log)]
        if ready:
            event = draw.choice(ready)
            waiting.remove(event)
            log.append(_about_what_was_asked(event, log))
        now = max(event.occurred_at for event in log)
        if not ready and is_late and isinstance(job[0], JobRequested):
            now = deadline_of(job[0], recorded_catalog.policy.job_deadline_s)
        context = Context(now=now, catalog=recorded_catalog, budget_left_usd_micros=TENANT_LEFT_USD_MICROS)
        for _ in range(draw.randrange(3) if ready else 1):
            decision = decide(fold(log), context)
            log.extend(decision)
            waiting.extend(_answers(decision, job))
    ends = [event for event in log if isinstance(event, TERMINAL_EVENTS)]
    assert [type(end) for end in ends] == [type(ended)]
    assert len({event.id for event in log}) == len(log)


def _answers(decision: Sequence[AnyEvent], job: Job) -> list[AnyEvent]:
    """Let vendors answer orders that were never recorded as they answered another one of that stage."""
    recorded = [event for event in job if isinstance(event, ClipRequested)]
    known = {order.clip_id for order in recorded}
    answers = []
    for order in decision:
        if not isinstance(order, ClipRequested) or order.clip_id in known:
            continue
        like = next(each.clip_id for each in reversed(recorded) if each.stage == order.stage)
        about = {"clip_id": order.clip_id, "provider": order.provider, "model": order.model, "id": ""}
        answers += [
            msgspec.structs.replace(event, **about)
            for event in job
            if isinstance(event, ClipEvent) and not isinstance(event, DECIDED) and event.clip_id == like
        ]
    return answers


def _next_of_each(waiting: Sequence[AnyEvent]) -> list[AnyEvent]:
    """Give the next fact about the job itself and about each clip: only facts about different things change places."""
    first: dict[str, AnyEvent] = {}
    for event in waiting:
        first.setdefault(getattr(event, "clip_id", ""), event)
    return list(first.values())


def _about_what_was_asked(event: AnyEvent, log: Sequence[AnyEvent]) -> AnyEvent:
    """Let the reviewer look at the clip that this time was chosen for it."""
    if not isinstance(event, ReviewDecided):
        return event
    asked = next(each for each in log if isinstance(each, ReviewRequested))
    return msgspec.structs.replace(event, clip_id=asked.clip_id, id="")


def _may_come(event: AnyEvent, log: Sequence[AnyEvent]) -> bool:
    """A vendor tells nothing of a clip that nobody ordered; a person cancels or reviews what is there."""
    if isinstance(event, ReviewDecided):
        return any(isinstance(each, ReviewRequested) for each in log)
    if isinstance(event, JobCancelRequested):
        return any(isinstance(each, ClipRequested) for each in log)
    clip_id = getattr(event, "clip_id", None)
    return clip_id is None or any(isinstance(each, ClipRequested) and each.clip_id == clip_id for each in log)


def test_a_changed_log_is_noticed(jobs: dict[str, Job], recorded_catalog: Catalog) -> None:
    job = jobs[LOGS[0].stem]
    promoted = next(step for step in steps(job) if isinstance(step.decision[0], JobPromoted))
    scores = promoted.decision[0].promotion.draft_scores
    other = next(clip_id for clip_id in scores if clip_id != promoted.decision[0].draft_clip_id)
    changed = msgspec.structs.replace(promoted.decision[0], draft_clip_id=other)
    context = Context(now=changed.occurred_at, catalog=recorded_catalog, budget_left_usd_micros=TENANT_LEFT_USD_MICROS)
    assert told(decide(fold(promoted.before), context)[0]) != told(changed)
