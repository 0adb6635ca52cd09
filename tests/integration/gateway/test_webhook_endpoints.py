"""Endpoints and channels over HTTP: registered, changed, switched, tested, with the notifier's word on them."""

from typing import Any

import msgspec
import pytest
from dailies_contracts import TIMERS, Notice
from notifier.domain.endpoints import Tenant, signing_keys
from testkit.builders import NOW

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "https://hooks.example.com/dailies"
PATH = "/v1/webhook-endpoints"
CHANNELS = "/v1/notification-channels"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


async def settings_of(gateway: Any, tenant: Any) -> Tenant:
    """A tenant as the notifier reads it."""
    entry = await (await gateway.parts.service.bucket("tenants")).get(tenant.headers["X-Tenant"])
    return msgspec.json.decode(entry.value, type=Tenant)


async def registered(tenant: Any, **fields: Any) -> dict[str, Any]:
    answer = await tenant.post(PATH, json={"url": URL} | fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_an_endpoint_is_registered_where_the_notifier_reads_it(gateway: Any, tenant: Any) -> None:
    made = await registered(tenant, events=["job.ready", "budget.threshold"], latest_only=True, max_per_s=5)
    (stored,) = (await settings_of(gateway, tenant)).endpoints
    assert (stored.id, stored.url, stored.events) == (made["id"], URL, frozenset({"job.ready", "budget.threshold"}))
    assert (stored.latest_only, stored.max_per_s, stored.webhook_secret) == (True, 5.0, made["webhook_secret"])
    shown = (await tenant.get(f"{PATH}/{made['id']}")).json()
    assert shown == {name: value for name, value in made.items() if name != "webhook_secret"}
    assert (shown["status"], shown["failing_since"]) == ("enabled", None)
    assert (await tenant.get(PATH)).json() == {"endpoints": [shown]}


async def test_another_tenant_sees_and_changes_nothing(gateway: Any, tenant: Any) -> None:
    made = await registered(tenant)
    path = f"{PATH}/{made['id']}"
    http = gateway.http
    answers = [
        await http.get(path),
        await http.patch(path, json={"latest_only": True}),
        await http.delete(path),
        await http.get(f"{path}/secret"),
        *[await http.post(f"{path}/{what}") for what in ("enable", "disable", "secret", "test")],
    ]
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(404, "endpoint.unknown")}
    assert (await tenant.get(path)).json()["latest_only"] is False


async def test_a_change_leaves_the_rest_as_it_was(gateway: Any, tenant: Any) -> None:
    made = await registered(tenant, events=["job.ready"], max_per_s=5, description="ours")
    changed = (await tenant.patch(f"{PATH}/{made['id']}", json={"max_per_s": None, "latest_only": True})).json()
    assert (changed["events"], changed["max_per_s"], changed["latest_only"]) == (["job.ready"], None, True)
    (stored,) = (await settings_of(gateway, tenant)).endpoints
    assert (stored.max_per_s, stored.webhook_secret) == (None, made["webhook_secret"])


async def test_a_removed_endpoint_is_gone(gateway: Any, tenant: Any) -> None:
    made = await registered(tenant)
    kept = await registered(tenant)
    assert (await tenant.delete(f"{PATH}/{made['id']}")).status_code == 204
    assert (await tenant.delete(f"{PATH}/{made['id']}")).status_code == 404
    assert [each.id for each in (await settings_of(gateway, tenant)).endpoints] == [kept["id"]]


async def test_both_secrets_of_an_endpoint_sign_for_a_day(gateway: Any, tenant: Any) -> None:
    made = await registered(tenant)
    rotated = (await tenant.post(f"{PATH}/{made['id']}/secret")).json()["webhook_secret"]
    shown = await tenant.get(f"{PATH}/{made['id']}/secret")
    assert rotated == shown.json()["webhook_secret"] != made["webhook_secret"]
    assert shown.headers["cache-control"] == "no-store"
    (stored,) = (await settings_of(gateway, tenant)).endpoints
    now = gateway.parts.service.clock()
    assert len(signing_keys((stored,), now=now)) == 2
    assert stored.previous_webhook_secret == made["webhook_secret"]


async def test_an_endpoint_that_was_disabled_says_why_and_is_enabled_again(gateway: Any, tenant: Any) -> None:
    made = await registered(tenant)
    key = f"{tenant.headers['X-Tenant']}.{made['id']}"
    bucket = await gateway.parts.service.bucket("endpoints")
    standing = {"failing_since": NOW.isoformat(), "disabled_at": NOW.isoformat(), "reason": "http.410"}
    await bucket.put(key, msgspec.json.encode(standing))
    shown = (await tenant.get(f"{PATH}/{made['id']}")).json()
    assert (shown["status"], shown["reason"]) == ("disabled", "http.410")
    enabled = (await tenant.post(f"{PATH}/{made['id']}/enable")).json()
    assert (enabled["status"], enabled["reason"], enabled["failing_since"]) == ("enabled", "", None)
    assert await bucket.get(key) is None


async def test_an_owner_switches_an_endpoint_off(gateway: Any, tenant: Any) -> None:
    made = await registered(tenant)
    shown = (await tenant.post(f"{PATH}/{made['id']}/disable")).json()
    assert shown["status"] == "disabled"
    assert not (await settings_of(gateway, tenant)).endpoints[0].enabled


async def test_a_test_event_is_handed_to_the_notifier_for_this_endpoint_alone(gateway: Any, tenant: Any) -> None:
    made = await registered(tenant)
    sent = await tenant.post(f"{PATH}/{made['id']}/test")
    assert sent.status_code == 202
    assert sent.json()["delivery_id"].startswith("msg_")
    jetstream = gateway.parts.service.connection.jetstream()
    last = await jetstream.get_last_msg(TIMERS, "timers.due.notifier.notice.>")
    notice = msgspec.json.decode(last.data, type=Notice)
    assert (notice.kind, notice.only, notice.tenant_id) == ("endpoint.test", made["id"], tenant.headers["X-Tenant"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, None),
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://user:pass@hooks.example.com/"}, "url"),
        ({"url": "https:///nowhere"}, "url"),
        ({"url": URL, "events": ["job.unheard_of"]}, "events[0]"),
        ({"url": URL, "max_per_s": 0}, "max_per_s"),
        ({"url": URL, "latest_only": "yes"}, "latest_only"),
        ({"url": URL, "secret": "mine"}, "secret"),
    ],
)
async def test_an_endpoint_that_cannot_be_is_refused_with_a_sentence(
    gateway: Any, body: dict[str, Any], field: str | None
) -> None:
    problem = await gateway.http.post(PATH, json=body)
    assert problem.status_code == 422
    assert problem.json().get("field") == field


async def test_a_tenant_has_so_many_endpoints_and_no_more(tenant: Any) -> None:
    for _ in range(50):
        await registered(tenant)
    refused = await tenant.post(PATH, json={"url": URL})
    assert (refused.status_code, refused.json()["code"]) == (409, "endpoints.too_many")


async def test_a_channel_is_registered_and_its_address_never_shown(gateway: Any, tenant: Any) -> None:
    made = await tenant.post(CHANNELS, json={"url": SLACK, "description": "team"})
    assert made.status_code == 201
    assert (made.json()["kind"], "T1JJ3T3L2" in made.text) == ("slack", False)
    assert "job.ready" in made.json()["events"]
    assert (await tenant.get(CHANNELS)).json() == {"channels": [made.json()]}
    (stored,) = (await settings_of(gateway, tenant)).channels
    assert (stored.id, stored.url) == (made.json()["id"], SLACK)
    assert (await tenant.post(f"{CHANNELS}/{stored.id}/test")).status_code == 202
    assert (await tenant.delete(f"{CHANNELS}/{stored.id}")).status_code == 204
    assert (await tenant.get(CHANNELS)).json() == {"channels": []}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "json://169.254.169.254/latest"}, "channel.unknown_kind"),
        ({"url": "https://hooks.slack.com/services/a/b/c"}, "channel.unknown_kind"),
        ({"url": "mailtos://user:pass@10.0.0.1"}, "channel.unknown_kind"),
        ({"url": "://["}, "channel.unknown_kind"),
        ({"url": SLACK, "events": ["clip.scored"]}, "channel.unfit_event"),
    ],
)
async def test_a_channel_that_could_lead_anywhere_is_refused(gateway: Any, body: dict[str, Any], code: str) -> None:
    refused = await gateway.http.post(CHANNELS, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
