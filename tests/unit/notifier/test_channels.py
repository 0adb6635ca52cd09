"""Which channels may be used, and what people read."""

import pytest
from dailies_contracts import CHANNEL_SCHEMES, Notice
from notifier.domain.channels import ChannelRefused, apprise_url, words_of
from notifier.domain.notifications import Topic, notifications, topic_of_notice
from testkit.builders import NOW, job_requested
from testkit.stories import job_failed

RELAY = "mailtos://dailies:secret@mail.example.com?from=dailies@example.com"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.mark.parametrize(
    ("url", "given"),
    [
        (SLACK, SLACK),
        (f"{SLACK}/#general?rto=9999&cto=9999&verify=no", f"{SLACK}/#general"),
        ("workflows://prod-1.westus.logic.azure.com:443/a/b/", "workflows://prod-1.westus.logic.azure.com:443/a/b/"),
        ("mailto:ann@example.com", f"{RELAY}&to=ann%40example.com"),
        ("mailto://ann+x@example.com", f"{RELAY}&to=ann%2Bx%40example.com"),
    ],
)
def test_a_channel_is_used_without_its_options_and_mail_by_our_own_server(url: str, given: str) -> None:
    assert apprise_url(url, schemes=CHANNEL_SCHEMES, mail_relay=RELAY) == given


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("json://169.254.169.254/latest", "channel.scheme_not_allowed"),
        ("xml://10.0.0.1/", "channel.scheme_not_allowed"),
        ("form://localhost/", "channel.scheme_not_allowed"),
        ("apprise://localhost/token", "channel.scheme_not_allowed"),
        ("gotify://10.0.0.1/token", "channel.scheme_not_allowed"),
        ("mailtos://user:pass@10.0.0.1", "channel.scheme_not_allowed"),
        ("https://hooks.slack.com/services/a/b/c", "channel.scheme_not_allowed"),
        ("syslog://10.0.0.1", "channel.scheme_not_allowed"),
        ("file:///etc/passwd", "channel.scheme_not_allowed"),
        ("", "channel.scheme_not_allowed"),
        ("slack://[::1", "channel.malformed"),
        ("workflows://10.0.0.1:443/a/b/", "channel.host_not_allowed"),
        ("workflows://logic.azure.com.evil.example/a/b/", "channel.host_not_allowed"),
        ("workflows://evil.example/?host=x.logic.azure.com", "channel.host_not_allowed"),
        ("mailto://user:pass@10.0.0.1", "channel.malformed"),
        ("mailto:ann@example.com?to=bob@example.com", "channel.malformed"),
        ("mailto:ann@example.com,bob@example.com", "channel.malformed"),
        ("mailto:ann@example.com\r\nBcc: bob@example.com", "channel.malformed"),
        ("mailto:ann", "channel.malformed"),
    ],
)
def test_a_channel_that_could_lead_inside_is_refused(url: str, code: str) -> None:
    with pytest.raises(ChannelRefused, match=code):
        apprise_url(url, schemes=CHANNEL_SCHEMES, mail_relay=RELAY)


def test_without_a_mail_server_there_is_no_mail() -> None:
    with pytest.raises(ChannelRefused, match="no_mail_relay"):
        apprise_url("mailto:ann@example.com", schemes=CHANNEL_SCHEMES, mail_relay="")


def test_people_read_what_happened_and_where_to_look() -> None:
    requested = job_requested(metadata={"campaign": "spring"})
    told = notifications([requested, job_failed(requested)])
    words = words_of(told[-1], Topic("job_test", "acme", requested, told), public_url="https://api.example.com/")
    assert words.title == "A job failed"
    assert words.body.splitlines() == [
        "Job job_test: failed",
        "No vendor could render it: try another prompt.",
        "campaign: spring",
        "https://api.example.com/v1/jobs/job_test",
    ]


def test_people_read_notices_in_words() -> None:
    notice = Notice(
        id="notice_1",
        tenant_id="acme",
        kind="budget.threshold",
        occurred_at=NOW,
        content={"budget": {"percent": 80, "scope": "day"}},
    )
    topic = topic_of_notice(notice)
    words = words_of(topic.notifications[0], topic, public_url="https://api.example.com")
    assert words == ("Budget warning", "budget: percent 80, scope day")
