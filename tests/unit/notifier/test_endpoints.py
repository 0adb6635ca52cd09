"""Who is told of a job."""

import msgspec
from notifier.domain.endpoints import Channel, Registration, Tenant, channels_of, endpoints_of
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


def test_urls_of_jobs_that_differ_only_in_their_query_share_a_lane() -> None:
    urls = ("https://Hooks.example.com/a?job=1", "https://hooks.example.com/a?job=2", "https://hooks.example.com/b")
    (one,), (two,), (other,) = (endpoints_of("acme", Tenant(), url) for url in urls)
    assert one.id != two.id
    assert one.lane == two.lane != other.lane


def test_registered_endpoints_of_one_server_have_lanes_of_their_own() -> None:
    tenant = Tenant(endpoints=(Registration(id="ep_1", url=URL), Registration(id="ep_2", url=URL)))
    one, two = endpoints_of("acme", tenant, None)
    assert (one.id, two.id) == ("ep_1", "ep_2")
    assert one.lane != two.lane


def test_a_new_endpoint_is_told_nothing_that_happened_before_it_was_registered() -> None:
    told = notifications(promoted_job())
    since = told[-1].occurred_at
    tenant = Tenant(endpoints=(Registration(id="ep_1", url=URL, created_at=since),))
    (endpoint,) = endpoints_of("acme", tenant, None)
    assert [each.type for each in told if endpoint.wants(each)] == ["job.ready"]


def test_what_a_log_shows_of_a_target_holds_no_secret() -> None:
    tenant = Tenant(
        endpoints=(Registration(id="ep_1", url="https://me:pass@a.example/hook?token=1"),),
        channels=(Channel(id="ch_1", url="slack://T1/B1/secret"),),
    )
    targets = [each.target for each in (*endpoints_of("acme", tenant, None), *channels_of("acme", tenant))]
    assert targets == ["https://a.example/hook", "slack:…"]


def test_an_endpoint_gets_only_what_it_asked_for() -> None:
    tenant = Tenant(endpoints=(Registration(id="main", url=URL, events=frozenset({"job.ready"})),))
    (endpoint,) = endpoints_of("acme", tenant, None)
    assert [each.type for each in notifications(promoted_job()) if endpoint.wants(each)] == ["job.ready"]


def test_settings_of_other_services_in_the_tenant_are_passed_over() -> None:
    stored = b'{"budget_usd_micros": 5, "name": "Acme", "endpoints": [{"id": "main", "url": "https://a.example/"}]}'
    assert msgspec.json.decode(stored, type=Tenant).endpoints[0].id == "main"
