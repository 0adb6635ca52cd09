"""Signatures as Standard Webhooks wants them (symmetric scheme `v1`), without any library.

Source: https://www.standardwebhooks.com, version 1.0.0.
"""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime

SECRET_PREFIX = "whsec_"  # noqa: S105 (the public prefix of every secret)
MIN_SECRET_BYTES = 24
MAX_SECRET_BYTES = 64


class InvalidSecret(ValueError):
    """The text is not a webhook secret; the message never repeats it."""


def decode_secret(secret: str) -> bytes:
    """Read a secret: `whsec_` and base64 of 24 to 64 bytes.

    Raises:
        InvalidSecret: It is something else.
    """
    try:
        key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as err:
        raise InvalidSecret("a webhook secret is 'whsec_' and base64") from err
    if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise InvalidSecret(f"a webhook secret holds {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes, not {len(key)}")
    return key


def signed_headers(message_id: str, body: bytes, *, sent_at: datetime, keys: Iterable[bytes]) -> dict[str, str]:
    """Give the three headers that let the receiver check a webhook.

    Args:
        message_id: Stable over every attempt; holds no dot.
        body: As it is sent.
        sent_at: Time of this attempt, UTC.
        keys: Every key that is valid now: during a rotation the receiver may know either.
    """
    timestamp = str(int(sent_at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    signatures = (b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
