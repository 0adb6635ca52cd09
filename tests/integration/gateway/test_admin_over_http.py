"""Keys, budgets, webhook secrets and dead letters, over HTTP."""

import base64
from typing import Any

import msgspec
import pytest
from dailies_contracts import JobRequested
from router.domain.context import TenantRules
from runtime.dead_letters import REDELIVER, DeadLetter, keep

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUP = {"prompt": "a ceramic cup on a walnut desk"}


async def stored(gateway: Any, bucket: str, key: str) -> Any:
    entry = await (await gateway.parts.service.bucket(bucket)).get(key)
    return None if entry is None else msgspec.json.decode(entry.value)


async def test_a_new_key_works_at_once_and_is_stored_as_a_digest(gateway: Any) -> None:
    made = (await gateway.admin.post("/v1/admin/tenants/globex/keys", json={"name": "ci"})).json()
    answer = await gateway.stranger.post("/v1/jobs", json=CUP, headers={"Authorization": f"Bearer {made['key']}"})
    event = await gateway.parts.service.log.find(JobRequested, answer.json()["job_id"])
    assert event.tenant_id == "globex"
    owner = await stored(gateway, "api_keys", made["id"])
    assert (owner["tenant_id"], owner["name"]) == ("globex", "ci")
    assert made["key"] not in str(owner)


async def test_a_withdrawn_key_is_refused(gateway: Any) -> None:
    made = (await gateway.admin.post("/v1/admin/tenants/globex/keys", json={"name": "old"})).json()
    path = f"/v1/admin/tenants/globex/keys/{made['id']}"
    elsewhere = await gateway.admin.delete(path.replace("globex", "acme"))
    withdrawn = await gateway.admin.delete(path)
    again = await gateway.admin.delete(path)
    assert [each.status_code for each in (elsewhere, withdrawn, again)] == [404, 204, 404]
    answer = await gateway.stranger.get("/v1/jobs", headers={"Authorization": f"Bearer {made['key']}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.unknown_key")


async def test_a_budget_is_written_where_the_router_reads_it(gateway: Any) -> None:
    answer = await gateway.admin.put("/v1/admin/tenants/globex/budget", json={"limit_usd_micros": 5_000_000})
    own = {"limit_usd_micros": 5_000_000, "day_limit_usd_micros": None, "month_limit_usd_micros": None}
    assert answer.json() == {"tenant_id": "globex"} | own
    assert (await stored(gateway, "tenants", "globex"))["budget_usd_micros"] == 5_000_000


async def test_what_a_tenant_may_use_is_written_where_the_router_reads_it(gateway: Any) -> None:
    await gateway.admin.put("/v1/admin/tenants/umbra/budget", json={"limit_usd_micros": 5_000_000})
    body = {"plan": "starter", "deny_providers": ["pika"], "regions": ["eu"]}
    answer = await gateway.admin.put("/v1/admin/tenants/umbra/routing", json=body)
    unsaid = {"allow_providers": [], "allow_lower_tier": True, "reuse": None, "share_clips": False}
    assert answer.json() == {"tenant_id": "umbra"} | unsaid | body
    rules = msgspec.convert(await stored(gateway, "tenants", "umbra"), TenantRules)
    assert rules == TenantRules(plan="starter", deny_providers=("pika",), regions=("eu",))
    assert (await stored(gateway, "tenants", "umbra"))["budget_usd_micros"] == 5_000_000
    refused = await gateway.admin.put("/v1/admin/tenants/umbra/routing", json={"deny_providers": ["No Vendor"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid_field")


@pytest.mark.parametrize("limit", [-1, 1.5, "5", None, 10**18])
async def test_a_budget_that_cannot_be_is_refused(gateway: Any, limit: object) -> None:
    answer = await gateway.admin.put("/v1/admin/tenants/globex/budget", json={"limit_usd_micros": limit})
    assert (answer.status_code, answer.json()["field"]) == (422, "limit_usd_micros")


async def test_a_webhook_secret_is_made_once_and_rotated_with_overlap(gateway: Any) -> None:
    path = "/v1/admin/tenants/initech/webhook-secret"
    first = [(await gateway.admin.get(path)).json()["webhook_secret"] for _ in range(2)]
    second = (await gateway.admin.post(f"{path}/rotate")).json()["webhook_secret"]
    assert first[0] == first[1] != second
    assert len(base64.b64decode(second.removeprefix("whsec_"))) == 32
    settings = await stored(gateway, "tenants", "initech")
    assert (settings["webhook_secret"], settings["previous_webhook_secret"]) == (second, first[0])
    assert settings["previous_webhook_secret_until"]


async def test_a_tenant_sees_and_rotates_its_own_webhook_secret(gateway: Any) -> None:
    seen = (await gateway.http.get("/v1/webhook-secret")).json()
    rotated = (await gateway.http.post("/v1/webhook-secret")).json()
    assert seen["tenant_id"] == rotated["tenant_id"] == "acme"
    assert seen["webhook_secret"] != rotated["webhook_secret"]
    assert (await stored(gateway, "tenants", "acme"))["previous_webhook_secret"] == seen["webhook_secret"]


@pytest.mark.parametrize("tenant", ["a.b", "*", "a%20b", "%3E"])
async def test_a_tenant_id_that_cannot_be_is_refused(gateway: Any, tenant: str) -> None:
    answer = await gateway.admin.post(f"/v1/admin/tenants/{tenant}/keys", json={"name": "ci"})
    assert (answer.status_code, answer.json()["code"]) == (422, "tenant.invalid_id")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/admin/tenants/acme/keys"),
        ("DELETE", "/v1/admin/tenants/acme/keys/x"),
        ("PUT", "/v1/admin/tenants/acme/budget"),
        ("PUT", "/v1/admin/tenants/acme/routing"),
        ("GET", "/v1/admin/tenants/acme/webhook-secret"),
        ("POST", "/v1/admin/tenants/acme/webhook-secret/rotate"),
        ("GET", "/v1/admin/dead-letters"),
        ("POST", "/v1/admin/dead-letters/1/replay"),
    ],
)
async def test_admin_routes_are_for_the_admin_key_alone(gateway: Any, method: str, path: str) -> None:
    assert (await gateway.stranger.request(method, path)).status_code == 401
    assert (await gateway.http.request(method, path)).status_code == 401


async def bury(gateway: Any, *, body: bytes, job_id: str) -> None:
    letter = DeadLetter(
        sequence=0,
        service="testing",
        consumer="testing-job_requested",
        subject=f"video.v1.{job_id}.job_requested",
        reason="MalformedEvent: no prompt",
        deliveries=1,
        headers={},
        body=body,
    )
    await keep(gateway.parts.service.connection, letter)


async def test_dead_letters_are_listed_and_handed_back(gateway: Any, job_id: str) -> None:
    await bury(gateway, body=b'{"broken":', job_id=job_id)
    letters = (await gateway.admin.get("/v1/admin/dead-letters")).json()["dead_letters"]
    letter = next(each for each in letters if job_id in each["subject"])
    assert (letter["reason"], letter["body"], letter["service"]) == (
        "MalformedEvent: no prompt",
        '{"broken":',
        "testing",
    )
    path = f"/v1/admin/dead-letters/{letter['sequence']}/replay"
    first, second = await gateway.admin.post(path), await gateway.admin.post(path)
    assert (first.status_code, second.status_code) == (202, 404)
    redelivered = await gateway.parts.service.connection.jetstream().get_last_msg(
        "TIMERS", f"timers.due.testing.{REDELIVER}.{letter['sequence']}"
    )
    assert redelivered.data == b'{"broken":'


@pytest.mark.parametrize("sequence", ["0", "999999999", "-1", "x", "9" * 30])
async def test_a_dead_letter_that_is_not_there_is_not_found(gateway: Any, sequence: str) -> None:
    answer = await gateway.admin.post(f"/v1/admin/dead-letters/{sequence}/replay")
    assert (answer.status_code, answer.json()["code"]) == (404, "dead_letter.unknown")


async def test_the_openapi_document_describes_every_route_with_our_schemas(gateway: Any) -> None:
    document = (await gateway.stranger.get("/openapi.json")).json()
    posted = document["paths"]["/v1/jobs"]["post"]
    request = document["components"]["schemas"]["VideoRequest"]
    assert posted["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/VideoRequest"
    }
    assert request["properties"]["duration_s"]["maximum"] == 60
    assert {"VideoRequest", "JobView", "JobPage", "Problem"} <= document["components"]["schemas"].keys()
    assert all(operation["responses"] for item in document["paths"].values() for operation in item.values())


async def test_balancers_are_answered_on_the_public_port(gateway: Any) -> None:
    assert (await gateway.stranger.get("/livez")).status_code == 200
    assert (await gateway.stranger.get("/readyz")).status_code == 503  # the service shell is not running here
    gateway.parts.service.ready = True
    assert (await gateway.stranger.get("/readyz")).status_code == 200
    gateway.parts.service.ready = False
