from datetime import UTC, date, datetime

import pytest
from gateway.domain.costs import CostGroup, CostQuery, parse_cost_query
from gateway.domain.errors import InvalidField
from gateway.projection.costs import groups_of, report_of, total_of

NOW = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)


def asked(tenant_id: str | None = "acme", **parameters: str) -> CostQuery:
    named = {name.rstrip("_"): value for name, value in parameters.items()}
    return parse_cost_query(named, tenant_id=tenant_id, now=NOW)


def test_a_bare_question_is_about_the_last_thirty_days() -> None:
    assert asked() == CostQuery("acme", (), date(2026, 10, 29), date(2026, 11, 27))


def test_keys_are_read_in_their_order_and_vendor_is_another_word_for_provider() -> None:
    query = asked(group_by="day, vendor,day", vendor="kling", stage="final", from_="2026-11-01", to="2026-11-02")
    assert query.group_by == ("day", "provider")
    assert query.filters == (("provider", "kling"), ("stage", "final"))
    assert (query.first, query.last) == (date(2026, 11, 1), date(2026, 11, 2))


def test_only_administrators_ask_by_tenant() -> None:
    assert asked(None, group_by="tenant", tenant="globex").tenant_id == "globex"
    assert asked(None, group_by="tenant").tenant_id is None
    with pytest.raises(InvalidField, match="group_by must name"):
        asked(group_by="tenant")
    with pytest.raises(InvalidField, match="no parameter 'tenant'"):
        asked(tenant="globex")


@pytest.mark.parametrize(
    "parameters",
    [
        {"group_by": "colour"},
        {"stage": "middle"},
        {"from_": "yesterday"},
        {"from_": "2026-11-28"},
        {"from_": "2024-01-01"},
        {"to": "0001-01-01"},
        {"page": "2"},
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_parameter(parameters: dict[str, str]) -> None:
    with pytest.raises(InvalidField) as refused:
        asked(**parameters)
    assert refused.value.field in {"group_by", "stage", "from", "to", "page"}


def test_sums_beyond_what_a_float_can_hold_stay_exact() -> None:
    sums = {"n_clips": 1, "spent_usd_micros": 2**53 + 1, "scoring_usd_micros": 1}
    found = [{"_id": {"model": name}, **sums} for name in "ab"]
    groups = groups_of(found)
    assert groups[0] == CostGroup(model="a", n_clips=1, spent_usd_micros=2**53 + 1, scoring_usd_micros=1)
    assert total_of(groups).spent_usd_micros == 2**54 + 2


def test_jobs_neither_below_nor_above_are_within() -> None:
    sums = dict.fromkeys(("low", "expected", "high", "actual"), 7)
    found = {f"{name}_usd_micros": value for name, value in sums.items()}
    report = report_of([{"_id": None, "n_jobs": 5, "n_below": 1, "n_above": 2, **found}])
    assert (report.n_within, report.actual_usd_micros) == (2, 7)
    assert report_of([]).n_jobs == 0
