from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from dailies_contracts import ClipRequested, FeedbackGiven, JobPromoted
from router.adapters.ledger import Ledger
from router.adapters.market import MarketBoard
from router.advance import Advance
from router.app import build_advance, open_shared
from router.domain.market import Teacher
from router.learning import Learning
from runtime.budgets import Limits
from runtime.catalog import load_catalog
from runtime.service import Service
from testkit.builders import (
    NOW,
    TENANT,
    clip_failed,
    clip_ready,
    clip_scored,
    job_requested,
    prompt_compiled,
)
from testkit.stories import promoted_job

CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")


class Replica:
    """One router process: its board and its way to move jobs."""

    def __init__(self, board: MarketBoard, advance: Advance) -> None:
        self.board = board
        self.advance = advance


class Routers:
    """Makes replicas; they share the server and a clock."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.now: datetime = NOW

    async def replica(self) -> Replica:
        service = self.service
        shared = await open_shared(service)
        ledger = Ledger(
            await service.bucket("budgets"),
            shared.tenants,
            tell=service.log.append_fact,
            clock=lambda: self.now,
            defaults=Limits(total=100_000_000),
        )
        advance = build_advance(
            shared,
            log=service.log,
            timers=service.timers,
            ledger=ledger,
            catalog=CATALOG,
            clock=lambda: self.now,
        )
        return Replica(advance.board, advance)


@pytest.fixture
def routers(service: Service) -> Routers:
    return Routers(service)


async def learned(service: Service, board: Any, events: Any) -> dict[str, bytes]:
    learning = Learning(log=service.log, board=board, catalog=lambda: CATALOG)
    await learning.on_events([event for event in events if isinstance(event, get_args(Teacher))])
    bucket = await service.bucket("market")
    return {entry.key: entry.value for entry in await bucket.entries()}


async def test_what_is_learned_does_not_depend_on_order_or_repetition(service: Service, routers: Routers) -> None:
    story = promoted_job()
    for event in story:
        await service.log.append_fact(event)
    first, second = await routers.replica(), await routers.replica()
    once = await learned(service, first.board, story)
    assert await learned(service, second.board, [*reversed(story), *story]) == once
    bucket = await service.bucket("market")
    for key in once:
        await bucket.delete(key)
    assert await learned(service, second.board, reversed(story)) == once
    assert {key.split(".")[0] for key in once} == {"health", "quality"}


async def test_replicas_see_what_others_learned(service: Service, routers: Routers) -> None:
    story = promoted_job()
    for event in story:
        await service.log.append_fact(event)
    first, second = await routers.replica(), await routers.replica()
    before = await second.board.snapshot()
    assert not before.quality
    await learned(service, first.board, story)
    third = await routers.replica()
    market = await third.board.snapshot()
    overall, of_class = market.quality_of("kling", "kling-test", "draft", "object.static")
    assert overall is not None
    assert of_class is not None
    assert [mark.value for mark in of_class.marks] == [0.8]


async def test_a_rating_counts_for_the_clips_model(service: Service, routers: Routers) -> None:
    story = promoted_job()
    for event in story:
        await service.log.append_fact(event)
    clip = next(event for event in story if isinstance(event, ClipRequested))
    about: dict[str, Any] = {"job_id": clip.job_id, "tenant_id": TENANT, "occurred_at": NOW}
    rating = FeedbackGiven(**about, clip_id=clip.clip_id, author="ana", rating=1)
    replica = await routers.replica()
    await learned(service, replica.board, [rating])
    overall, _ = (await replica.board.snapshot()).quality_of("kling", "kling-test", "draft", "object.static")
    assert overall is not None
    assert overall.mean == 0.0


async def requested(service: Service, job_id: str, **request: Any) -> None:
    await service.log.append_fact(job_requested(job_id, **request))
    await service.log.append_fact(prompt_compiled(job_id))


async def orders(service: Service, job_id: str) -> tuple[ClipRequested, ...]:
    return (await service.log.history(job_id)).all(ClipRequested)


async def test_a_failing_vendor_is_left_alone_and_tried_again_by_one_job_at_a_time(
    service: Service, routers: Routers
) -> None:
    replica = await routers.replica()
    await requested(service, "job_first")
    await replica.advance("job_first")
    kling = next(order for order in await orders(service, "job_first") if order.provider == "kling")
    down = [
        msgspec.structs.replace(clip_failed(kling), clip_id=f"clip_{n}", occurred_at=NOW + timedelta(seconds=n), id="")
        for n in range(6)
    ]
    await learned(service, replica.board, down)
    routers.now = NOW + timedelta(seconds=10)

    avoiding = await routers.replica()
    await requested(service, "job_second")
    await avoiding.advance("job_second")
    chosen = await orders(service, "job_second")
    assert "kling" not in {order.provider for order in chosen}
    passed_over = {c.provider: c.passed_over for order in chosen if order.decision for c in order.decision.candidates}
    assert "left alone after 6 times unavailable" in passed_over["kling"]

    routers.now = NOW + timedelta(seconds=1_000)
    providers = []
    for n in range(4):
        trying = await routers.replica()
        await requested(service, f"job_try_{n}")
        await trying.advance(f"job_try_{n}")
        providers += [order.provider for order in await orders(service, f"job_try_{n}") if order.stage == "draft"]
    assert providers.count("kling") == 1


async def test_a_job_goes_on_when_a_late_clip_is_looked_at(service: Service, routers: Routers) -> None:
    replica = await routers.replica()
    await requested(service, "job_late", quality="draft", provider="kling", budget_usd_micros=2_000_000)
    await replica.advance("job_late")
    before = await orders(service, "job_late")
    routers.now = NOW + timedelta(seconds=600)
    await replica.advance("job_late", timer="look")
    after = await orders(service, "job_late")
    hedges = [order for order in after if order.decision is not None and order.decision.cause == "hedge"]
    assert len(after) == len(before) + 1
    assert len(hedges) == 1


async def test_a_promotion_says_who_could_have_rendered_the_final(service: Service, routers: Routers) -> None:
    replica = await routers.replica()
    await requested(service, "job_whole")
    await replica.advance("job_whole")
    for order in await orders(service, "job_whole"):
        await service.log.append_fact(clip_ready(order))
        await service.log.append_fact(clip_scored(order))
    await replica.advance("job_whole")
    promoted = (await service.log.history("job_whole")).first(JobPromoted)
    assert promoted is not None
    assert promoted.promotion.plan is not None
    assert promoted.promotion.seed > 0
    reasons = [candidate.passed_over for candidate in promoted.promotion.candidates]
    assert reasons.count("") == 1
    assert len(reasons) > 1
