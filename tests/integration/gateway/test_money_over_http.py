"""Budgets and costs over HTTP: budgets from the exact records, costs from the projection."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from dailies_contracts import BudgetThresholdReached, CostEstimate, VideoRequest
from runtime.prompt_cache import BUCKET, Record, asked_key
from testkit.stories import answered_job, clip_requested, clip_reused, promoted_job

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


async def test_a_job_that_an_earlier_clip_answered_is_no_cost_and_no_test_of_an_estimate(
    tenant: Any, told: Any, projecting: Any, until: Any
) -> None:
    await told()
    name = tenant.headers["x-tenant"]
    reused = clip_reused(f"job_{uuid.uuid4().hex}", clip_requested("job_a", stage="final"), tenant_id=name)
    requested, *rest = answered_job(reused)
    estimate = CostEstimate(low_usd_micros=1, expected_usd_micros=600_000, high_usd_micros=700_000)
    for event in (msgspec.structs.replace(requested, estimate=estimate), *rest):
        await projecting.parts.service.log.append_fact(event)

    async def is_listed() -> bool:
        jobs = (await tenant.get("/v1/jobs")).json()["jobs"]
        return any(job["origin"] is not None and job["state"] == "ready" for job in jobs)

    await until(is_listed)
    day = reused.occurred_at.date().isoformat()
    answer = (await tenant.get(f"/v1/costs?from={DAY}&to={day}")).json()
    assert (answer["total"]["n_clips"], answer["total"]["spent_usd_micros"]) == (6, 2 * JOB_COST)
    assert (answer["estimates"]["n_jobs"], answer["estimates"]["n_below"]) == (1, 0)
    assert answer["reused"] == {"n_jobs": 1, "saved_usd_micros": reused.origin.cost_usd_micros}
    for origin, jobs in (("job_a", [reused.job_id]), ("job_elsewhere", [])):
        listed = (await tenant.get(f"/v1/jobs?origin={origin}")).json()["jobs"]
        assert [job["job_id"] for job in listed] == jobs


@pytest.mark.parametrize("query", ["group_by=tenant", "tenant=globex", "stage=x", "from=2020-01-01"])
async def test_a_question_that_cannot_be_is_a_problem(gateway: Any, query: str) -> None:
    assert (await gateway.http.get(f"/v1/costs?{query}")).status_code == 422


async def test_an_estimate_names_the_earlier_job_that_is_expected_to_answer(gateway: Any, tenant: Any) -> None:
    name, bucket = tenant.headers["x-tenant"], await gateway.parts.service.bucket(BUCKET)
    cup = {"prompt": "a ceramic cup on a walnut desk", "metadata": {"campaign": "spring"}}

    async def earlier(**fields: Any) -> str | None:
        answer = (await tenant.post("/v1/estimates", json=cup | fields)).json()
        assert answer["estimate"]["expected_usd_micros"] > 0
        assert ("no cost" in answer["message"]) == (answer["earlier_job_id"] is not None)
        return answer["earlier_job_id"]  # type: ignore[no-any-return]

    assert await earlier() is None
    record = Record(job_id="job_a", tenant_id=name, completed_at=datetime.now(UTC))
    key = asked_key(name, VideoRequest(prompt=cup["prompt"], webhook_url="https://example.com"))
    await bucket.put(key, msgspec.json.encode(record))
    assert await earlier() == "job_a"
    assert await earlier(reuse="off") is None
    assert await earlier(seed=7) is None
    await gateway.admin.put(f"/v1/admin/tenants/{name}/routing", json={"reuse": "off"})
    assert await earlier() is None
    assert await earlier(reuse="exact") == "job_a"
    old = msgspec.structs.replace(record, completed_at=datetime.now(UTC) - timedelta(days=31))
    for gone in (old, msgspec.structs.replace(record, withdrawn=True)):
        await bucket.put(key, msgspec.json.encode(gone))
        assert await earlier(reuse="exact") is None


async def test_an_estimate_explains_itself_and_creates_nothing(gateway: Any, tenant: Any) -> None:
    cup = {"prompt": "a ceramic cup on a walnut desk", "quality": "premium", "duration_s": 5}
    before = (await gateway.parts.service.connection.jetstream().stream_info("VIDEO")).state.last_seq
    answer = (await tenant.post("/v1/estimates", json=cup)).json()
    found = answer["estimate"]
    assert found["low_usd_micros"] <= found["expected_usd_micros"] <= found["high_usd_micros"]
    assert answer["message"] == found["plan"]["reason"]
    assert [each["stage"] for each in found["stages"]] == ["draft", "final"]
    assert (await gateway.parts.service.connection.jetstream().stream_info("VIDEO")).state.last_seq == before
    job = (await tenant.post("/v1/jobs", json=cup)).json()
    assert job["estimate"] == {name: found[name] for name in job["estimate"]}
    view = (await tenant.get(f"/v1/jobs/{job['job_id']}")).json()
    assert view["costs"]["estimate"] == job["estimate"]


async def test_an_estimate_is_refused_where_a_job_would_be(tenant: Any) -> None:
    for body in ({"prompt": ""}, {"prompt": "cup", "duration_s": 61}, {"prompt": "cup", "colour": "red"}):
        estimate, job = await tenant.post("/v1/estimates", json=body), await tenant.post("/v1/jobs", json=body)
        assert estimate.status_code == job.status_code == 422
        assert estimate.json()["code"] == job.json()["code"]


async def test_what_no_model_can_serve_has_no_estimate_and_a_sentence(tenant: Any) -> None:
    answer = (await tenant.post("/v1/estimates", json={"prompt": "cup", "provider": "nobody"})).json()
    assert answer["estimate"] is None
    assert "/v1/providers" in answer["message"]


async def test_providers_are_shown_with_how_they_are_doing(gateway: Any) -> None:
    at_s = datetime.now(UTC).timestamp()
    record = {
        "provider": "kling",
        "model": "kling-2.6",
        "stage": "final",
        "ends": [["clip_a", at_s - 9, "", 31.5], ["clip_b", at_s - 5, "unavailable", 2.0]],
        "orders": [["clip_c", at_s - 1]],
    }
    market = await gateway.parts.service.bucket("market")
    await market.put("health.kling.kling-2_6.final", msgspec.json.encode(record))
    await market.put("health.veo.broken.final", b"not json")
    result = {"metric": "fvd", "extractor": "i3d", "distance": 9.5, "kernel_distance": 0.1, "n_clips": 40}
    benchmark = {"provider": "kling", "model": "kling-2.6", "since": "2026-11-20T00:00:00Z"}
    benchmark |= {"measured_at": "2026-11-27T00:00:00Z", "result": result | {"n_reference": 200}}
    published = await gateway.parts.service.bucket("benchmarks")
    await published.put("kling.kling-2.6", msgspec.json.encode(benchmark))
    shown = (await gateway.http.get("/v1/providers")).json()
    models = {model["name"]: model for each in shown["providers"] for model in each["models"]}
    health = models["kling-2.6"]["health"]
    assert (health["n_clips"], health["error_rate"], health["latency_p50_s"], health["n_in_flight"]) == (
        2,
        0.5,
        31.5,
        1,
    )
    assert models["kling-2.5-turbo"]["health"] is None
    closed = {"state": "closed", "failure": None, "n_failures": 0, "until": None}
    assert models["kling-2.6"]["breaker"] == closed
    assert (models["kling-2.6"]["benchmark"]["distance"], models["kling-2.5-turbo"]["benchmark"]) == (9.5, None)
    assert models["kling-2.6"]["usd_micros_per_s"]["720p"] > 0
    assert (await gateway.stranger.get("/v1/providers")).status_code == 401
