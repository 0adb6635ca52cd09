"""Signatures, verified by the reference library."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from notifier.domain.endpoints import Secrets, signing_keys
from notifier.domain.signing import InvalidSecret, decode_secret, signed_headers
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

NEW = "whsec_" + b64encode(b"n" * 32).decode()
OLD = "whsec_" + b64encode(b"o" * 24).decode()
BODY = b'{"type":"job.ready"}'


def headers(*secrets: str) -> dict[str, str]:
    keys = [decode_secret(secret) for secret in secrets]
    return signed_headers("msg_1", BODY, sent_at=datetime.now(UTC), keys=keys)


def test_the_reference_library_verifies_a_signature() -> None:
    assert Webhook(NEW).verify(BODY, headers(NEW)) == {"type": "job.ready"}


def test_during_a_rotation_either_secret_verifies() -> None:
    signed = headers(NEW, OLD)
    assert len(signed["webhook-signature"].split(" ")) == 2
    assert Webhook(OLD).verify(BODY, signed) == Webhook(NEW).verify(BODY, signed)


@pytest.mark.parametrize("change", [{"webhook-id": "msg_2"}, {"webhook-timestamp": "1700000000"}])
def test_a_changed_id_or_time_does_not_verify(change: dict[str, str]) -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY, headers(NEW) | change)


def test_a_changed_body_does_not_verify() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY + b" ", headers(NEW))


def test_a_known_signature_comes_out_the_same() -> None:
    secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    body = b'{"object":"event","id":"evt_1","type":"video.completed","created_at":1700000000,"data":{"id":"video_1"}}'
    sent_at = datetime.fromtimestamp(1_700_000_000, UTC)
    signed = signed_headers("wh_1", body, sent_at=sent_at, keys=[decode_secret(secret)])
    assert signed["webhook-signature"] == "v1,DTeWikQ+Nth7Hka7dtdDXMj8TPwdc+h8ExEqHgTetl0="


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "whsec_" + "A" * 200, "ü"])
def test_a_malformed_secret_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(InvalidSecret) as refused:
        decode_secret(secret)
    assert not secret or secret.removeprefix("whsec_") not in str(refused.value) or secret == "whsec_"


NOW = datetime(2026, 11, 22, tzinfo=UTC)
ROTATING = Secrets(
    webhook_secret=NEW, previous_webhook_secret=OLD, previous_webhook_secret_until=NOW + timedelta(hours=1)
)


def test_the_outgoing_secret_signs_until_the_rotation_ends() -> None:
    assert signing_keys((ROTATING,), now=NOW) == (b"n" * 32, b"o" * 24)
    assert signing_keys((ROTATING,), now=NOW + timedelta(hours=1)) == (b"n" * 32,)


def test_the_first_level_with_a_secret_signs() -> None:
    own, tenant = Secrets(), Secrets(webhook_secret=OLD)
    assert signing_keys((own, tenant, ROTATING), now=NOW) == (b"o" * 24,)
    assert signing_keys((own, own), now=NOW) == ()
