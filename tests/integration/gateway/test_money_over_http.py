"""Budgets and costs over HTTP: budgets from the exact records, costs from the projection."""

import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from dailies_contracts import BudgetThresholdReached, CostEstimate
from testkit.stories import promoted_job

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = "2026-11-22"
JOB_COST = 3 * 200_400


async def test_a_budget_shows_what_the_router_recorded_under_the_limits_that_apply(gateway: Any, tenant: Any) -> None:
    name = tenant.headers["x-tenant"]
    today = datetime.now(UTC).date().isoformat()
    period = {"spent_usd_micros": 600_000, "held_usd_micros": 300_000}
    record = {"spent_usd_micros": 5_000_000, "held_usd_micros": 300_000, "periods": {today: period}, "recent": {}}
    await (await gateway.parts.service.bucket("budgets")).put(f"tenant.{name}", msgspec.json.encode(record))
    limits = {"limit_usd_micros": 10_000_000, "day_limit_usd_micros": 1_000_000}
    await gateway.admin.put(f"/v1/admin/tenants/{name}/budget", json=limits)
    reached = BudgetThresholdReached(
        tenant_id=name,
        occurred_at=datetime.now(UTC),
        scope="day",
        period=today,
        limit_usd_micros=1_000_000,
        percent=80,
        **period,
    )
    await gateway.parts.service.log.append_fact(reached)

    view = (await tenant.get("/v1/budget")).json()
    assert view == (await gateway.admin.get(f"/v1/admin/tenants/{name}/budget")).json() | {"at": view["at"]}
    day, month, total = view["budgets"]
    assert (day["scope"], day["limit_usd_micros"], day["left_usd_micros"]) == ("day", 1_000_000, 100_000)
    assert [(each["percent"], each["reached"], bool(each["told_at"])) for each in day["alerts"]] == [
        (50, True, False),
        (80, True, True),
        (100, False, False),
    ]
    assert (month["limit_usd_micros"], month["left_usd_micros"]) == (None, None)
    assert (total["spent_usd_micros"], total["held_usd_micros"]) == (5_000_000, 300_000)
    assert total["left_usd_micros"] == 4_700_000


async def test_a_tenant_that_never_asked_for_anything_has_the_default_budget(tenant: Any) -> None:
    total = (await tenant.get("/v1/budget")).json()["budgets"][2]
    assert (total["limit_usd_micros"], total["spent_usd_micros"]) == (100_000_000, 0)


@pytest.fixture
def told(projecting: Any, tenant: Any, until: Any) -> Any:
    """Two promoted jobs of a tenant, projected; the first had an estimate."""

    async def tell() -> None:
        name = tenant.headers["x-tenant"]
        estimates = (CostEstimate(low_usd_micros=1, expected_usd_micros=600_000, high_usd_micros=700_000), None)
        for estimate in estimates:
            requested, *rest = promoted_job(f"job_{uuid.uuid4().hex}", tenant_id=name)
            for event in (msgspec.structs.replace(requested, estimate=estimate), *rest):
                await projecting.parts.service.log.append_fact(event)

        async def both_are_whole() -> bool:
            answer = (await tenant.get(f"/v1/costs?from={DAY}&to={DAY}")).json()
            return bool(answer["total"]["spent_usd_micros"] == 2 * JOB_COST)

        await until(both_are_whole)

    return tell


async def test_costs_are_summed_exactly_by_every_key(tenant: Any, told: Any, projecting: Any) -> None:
    await told()
    answer = (await tenant.get(f"/v1/costs?group_by=day,vendor,stage&from={DAY}&to={DAY}")).json()
    groups = {(each["provider"], each["stage"]): each for each in answer["groups"]}
    assert {key: each["spent_usd_micros"] for key, each in groups.items()} == {
        ("kling", "draft"): 400_800,
        ("veo", "draft"): 400_800,
        ("kling", "final"): 400_800,
    }
    assert {each["day"] for each in answer["groups"]} == {DAY}
    assert answer["total"]["n_clips"] == 6
    assert answer["total"]["scoring_usd_micros"] == 6 * 400
    assert answer["total"]["held_usd_micros"] == 0
    name = tenant.headers["x-tenant"]
    everybody = (await projecting.admin.get(f"/v1/admin/costs?group_by=tenant,model&from={DAY}&to={DAY}")).json()
    mine = {each["model"]: each["spent_usd_micros"] for each in everybody["groups"] if each["tenant"] == name}
    assert mine == {"kling-test": 801_600, "veo-test": 400_800}


async def test_filters_leave_the_other_clips_out(tenant: Any, told: Any) -> None:
    await told()
    answer = (await tenant.get(f"/v1/costs?provider=veo&from={DAY}&to={DAY}")).json()
    assert (answer["total"]["n_clips"], answer["total"]["spent_usd_micros"]) == (2, 400_800)
    assert answer["estimates"] is None
    assert (await tenant.get("/v1/costs?from=2026-11-23&to=2026-11-24")).json()["total"]["n_clips"] == 0


async def test_estimates_are_held_against_what_was_charged(tenant: Any, told: Any) -> None:
    await told()
    report = (await tenant.get(f"/v1/costs?from={DAY}&to={DAY}")).json()["estimates"]
    assert (report["n_jobs"], report["n_within"], report["n_below"], report["n_above"]) == (1, 1, 0, 0)
    assert (report["expected_usd_micros"], report["actual_usd_micros"]) == (600_000, JOB_COST)


@pytest.mark.parametrize("query", ["group_by=tenant", "tenant=globex", "stage=x", "from=2020-01-01"])
async def test_a_question_that_cannot_be_is_a_problem(gateway: Any, query: str) -> None:
    assert (await gateway.http.get(f"/v1/costs?{query}")).status_code == 422
