"""The notifier reads what the gateway writes into a tenant's settings."""

from datetime import UTC, datetime, timedelta

import msgspec
from gateway.domain.bodies import BudgetBody
from gateway.domain.keys import SECRET_BYTES, new_webhook_secret
from gateway.domain.tenants import with_budget, with_new_webhook_secret, write_settings
from notifier.domain.endpoints import Tenant, signing_keys

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OLD, NEW = (new_webhook_secret(byte * SECRET_BYTES) for byte in (b"o", b"n"))


def test_both_secrets_of_a_rotation_sign_until_it_ends() -> None:
    settings = with_budget({}, BudgetBody(limit_usd_micros=5_000_000))
    settings = with_new_webhook_secret(settings, secret=OLD, previous_until=NOW)
    settings = with_new_webhook_secret(settings, secret=NEW, previous_until=NOW + timedelta(hours=24))
    tenant = msgspec.json.decode(write_settings(settings), type=Tenant)
    assert signing_keys((tenant,), now=NOW) == (b"n" * SECRET_BYTES, b"o" * SECRET_BYTES)
    assert signing_keys((tenant,), now=NOW + timedelta(hours=25)) == (b"n" * SECRET_BYTES,)


def test_a_tenant_with_a_first_secret_signs_with_it_alone() -> None:
    settings = with_new_webhook_secret({}, secret=NEW, previous_until=NOW)
    tenant = msgspec.json.decode(write_settings(settings), type=Tenant)
    assert signing_keys((tenant,), now=NOW) == (b"n" * SECRET_BYTES,)
