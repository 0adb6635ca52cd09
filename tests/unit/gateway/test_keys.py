"""API keys: shape, digest, and the memory that spares the look-up."""

import re

import pytest
from gateway.domain.bodies import BudgetBody
from gateway.domain.errors import Unauthorized
from gateway.domain.keys import bearer_token, check_tenant, is_key_id, key_id_of, new_key, new_webhook_secret
from gateway.domain.tenants import read_settings, with_budget, with_new_webhook_secret, write_settings
from runtime.errors import InvalidRequest, InvariantBroken
from testkit.builders import NOW


def test_a_key_is_recognisable_and_kept_as_a_digest() -> None:
    key = new_key(bytes(range(24)))
    assert re.fullmatch(r"dk_[A-Za-z0-9_-]{32}", key)
    assert is_key_id(key_id_of(key))
    assert key not in key_id_of(key)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "dk_abc", "Bearer a b", "Bearer ä"])
def test_a_request_without_a_bearer_token_is_refused(header: str | None) -> None:
    with pytest.raises(Unauthorized):
        bearer_token(header)


def test_the_token_of_a_request_is_read() -> None:
    assert bearer_token("Bearer dk_abc") == bearer_token("bearer  dk_abc") == "dk_abc"


@pytest.mark.parametrize("tenant", ["", "a.b", "a b", "*", "ä", "x" * 65, "acme\n"])
def test_a_tenant_id_must_be_one_subject_token(tenant: str) -> None:
    with pytest.raises(InvalidRequest):
        check_tenant(tenant)


def test_a_budget_leaves_the_other_settings_alone() -> None:
    before = read_settings(b'{"endpoints":[],"webhook_secret":"whsec_a"}')
    after = read_settings(write_settings(with_budget(before, BudgetBody(limit_usd_micros=5))))
    assert after == {"endpoints": [], "webhook_secret": "whsec_a", "budget_usd_micros": 5}


def test_limits_of_day_and_month_stay_unless_they_are_named() -> None:
    named = with_budget({}, BudgetBody(limit_usd_micros=5, day_limit_usd_micros=1, month_limit_usd_micros=2))
    assert with_budget(named, BudgetBody(limit_usd_micros=9)) == named | {"budget_usd_micros": 9}
    freed = with_budget(named, BudgetBody(limit_usd_micros=5, day_limit_usd_micros=None))
    assert freed == named | {"day_budget_usd_micros": None}


def test_a_replaced_webhook_secret_signs_on_until_its_time() -> None:
    first = with_new_webhook_secret({}, secret="whsec_a", previous_until=NOW)
    second = with_new_webhook_secret(first, secret="whsec_b", previous_until=NOW)
    assert first == {"webhook_secret": "whsec_a"}
    assert second == {
        "webhook_secret": "whsec_b",
        "previous_webhook_secret": "whsec_a",
        "previous_webhook_secret_until": NOW.isoformat(),
    }


def test_a_webhook_secret_is_32_bytes_in_base64() -> None:
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", new_webhook_secret(bytes(32)))


def test_unreadable_settings_are_not_taken_for_none() -> None:
    assert read_settings(None) == {}
    with pytest.raises(InvariantBroken):
        read_settings(b"[]")
