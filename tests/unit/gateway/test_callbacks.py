"""Callbacks: only signed ones count, and only what helps the next poll is kept."""

import hashlib
import hmac

import pytest
from gateway.domain.callbacks import MAX_HINT_BYTES, challenge_in, hint_of, is_signed, signature_of


def test_the_signature_is_hmac_sha256_of_the_clip_id_in_hex() -> None:
    expected = hmac.new(b"secret", b"clip_a", hashlib.sha256).hexdigest()
    assert signature_of("secret", "clip_a") == expected
    assert is_signed("secret", "clip_a", expected)


@pytest.mark.parametrize(
    ("secret", "clip_id", "signature"),
    [
        ("secret", "clip_a", ""),
        ("secret", "clip_a", "é"),
        ("secret", "clip_b", signature_of("secret", "clip_a")),
        ("secret", "clip_a", signature_of("other", "clip_a")),
        ("secret", "clip_a", signature_of("secret", "clip_a").upper()),
        ("", "clip_a", signature_of("", "clip_a")),
    ],
    ids=["none", "odd", "another clip", "another secret", "upper case", "no secret set"],
)
def test_a_wrong_signature_does_not_count(secret: str, clip_id: str, signature: str) -> None:
    assert not is_signed(secret, clip_id, signature)


def test_a_hint_keeps_what_vendors_sign_and_no_credentials() -> None:
    signed = [("Webhook-Id", "1"), ("X-Fal-Webhook-Signature", "00"), ("Content-Type", "application/json")]
    hint = hint_of([*signed, ("Authorization", "x"), ("Cookie", "y")], b'{"task":"7"}')
    assert hint.headers == {name.lower(): value for name, value in signed}
    assert hint.body == '{"task":"7"}'


def test_a_long_or_odd_body_makes_no_trouble() -> None:
    assert hint_of([], b"x" * (MAX_HINT_BYTES + 1)).body == ""
    assert hint_of([], b"\xff").body == "\ufffd"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"challenge": 123}', b'{"challenge":123}'),
        (b'{"challenge":"x"}', b'{"challenge":"x"}'),
        (b'{"challenge":"x","task_id":"7"}', None),
        (b'["challenge"]', None),
        (b"", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_only_a_lone_challenge_is_echoed(body: bytes, answer: bytes | None) -> None:
    assert challenge_in(body) == answer
