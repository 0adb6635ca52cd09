"""Who is told of a job."""

import msgspec
from notifier.domain.endpoints import Registration, Tenant, endpoints_of
from notifier.domain.notifications import notifications
from testkit.stories import promoted_job

URL = "https://hooks.example.com/dailies?key=1"


def test_a_url_in_the_request_needs_no_registration() -> None:
    (endpoint,) = endpoints_of("acme", Tenant(), URL)
    assert endpoint.url == URL
    assert not endpoint.registered


def test_a_job_without_url_and_a_tenant_without_endpoints_tell_nobody() -> None:
    assert endpoints_of("acme", Tenant(), None) == ()


def test_registered_endpoints_are_told_beside_the_url_of_the_request() -> None:
    tenant = Tenant(endpoints=(Registration(id="main", url="https://a.example/"),))
    assert [each.url for each in endpoints_of("acme", tenant, URL)] == [URL, "https://a.example/"]


def test_the_same_url_of_two_tenants_is_two_endpoints_in_two_lanes() -> None:
    (mine,), (yours,) = endpoints_of("acme", Tenant(), URL), endpoints_of("umbrella", Tenant(), URL)
    assert mine.id != yours.id
    assert mine.lane != yours.lane


def test_urls_of_one_server_share_a_lane() -> None:
    (one,), (two,) = (endpoints_of("acme", Tenant(), f"https://Hooks.example.com/{n}") for n in "ab")
    assert one.id != two.id
    assert one.lane == two.lane


def test_an_endpoint_gets_only_what_it_asked_for() -> None:
    tenant = Tenant(endpoints=(Registration(id="main", url=URL, events=frozenset({"job.ready"})),))
    (endpoint,) = endpoints_of("acme", tenant, None)
    assert [each.type for each in notifications(promoted_job()) if endpoint.wants(each)] == ["job.ready"]


def test_settings_of_other_services_in_the_tenant_are_passed_over() -> None:
    stored = b'{"budget_usd_micros": 5, "name": "Acme", "endpoints": [{"id": "main", "url": "https://a.example/"}]}'
    assert msgspec.json.decode(stored, type=Tenant).endpoints[0].id == "main"
