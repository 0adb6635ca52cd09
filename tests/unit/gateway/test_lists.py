"""Questions for pages of jobs: what may be asked, and how a page goes on."""

import pytest
from gateway.domain.lists import DEFAULT_LIMIT, ListQuery, Place, cursor_of, parse_list_query, place_of
from runtime.errors import InvalidRequest
from testkit.builders import NOW


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"state": "done"}, "request.invalid_field"),
        ({"limit": "0"}, "request.invalid_field"),
        ({"limit": "101"}, "request.invalid_field"),
        ({"limit": "-1"}, "request.invalid_field"),
        ({"limit": "ten"}, "request.invalid_field"),
        ({"limit": "٣"}, "request.invalid_field"),
        ({"cursor": "nonsense"}, "request.invalid_cursor"),
        ({"cursor": "é"}, "request.invalid_cursor"),
        ({"cursor": ""}, "request.invalid_cursor"),
        ({"cursor": "WyIyMDI2LTAxLTAyVDAzOjA0OjA1IiwiaiJd"}, "request.invalid_cursor"),  # a time without a zone
        ({"page": "2"}, "request.unknown_parameter"),
    ],
)
def test_a_question_that_cannot_be_is_refused(parameters: dict[str, str], code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_list_query("acme", parameters)
    assert refused.value.code == code


def test_a_plain_question_has_the_default_limit() -> None:
    assert parse_list_query("acme", {}) == ListQuery("acme", None, DEFAULT_LIMIT, None)


def test_a_cursor_leads_back_to_its_place() -> None:
    place = Place(NOW, "job_abc")
    assert place_of(cursor_of(place)) == place
    assert parse_list_query("acme", {"cursor": cursor_of(place), "state": "ready"}).after == place
