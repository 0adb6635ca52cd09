"""Standard Webhooks signatures, as Kling uses them: HMAC-SHA256 over `id.timestamp.body`. Pure."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from runtime.errors import Permanent

TOLERANCE_S = 300.0
"""Older or newer messages are refused, so that a recorded one cannot be replayed."""


def checked_secret(secret: str) -> str:
    """Give a webhook secret back when it is one; empty stays empty.

    Raises:
        Permanent: It is not `whsec_` and base64.
    """
    try:
        sign("", "", b"", secret=secret)
    except ValueError as err:
        raise Permanent("worker.invalid_setting", f"WORKER_WEBHOOK_SECRET: {err}.") from err
    return secret


def is_signed(headers: Mapping[str, str], body: bytes, *, secret: str, now: datetime) -> bool:
    """Check the signature of a callback.

    Args:
        headers: Of the request, names in any case.
        body: Exactly the bytes that came.
        secret: `whsec_` and base64.
        now: The time.

    Returns:
        True where one of its signatures (there are two while a secret is rotated) is right and it is fresh.
    """
    by_name = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = by_name.get("webhook-id", ""), by_name.get("webhook-timestamp", "")
    if not message_id or not timestamp.isdigit() or abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
        return False
    expected = sign(message_id, timestamp, body, secret=secret)
    offered = by_name.get("webhook-signature", "").split()
    return any(hmac.compare_digest(expected.encode(), each.encode()) for each in offered)


def sign(message_id: str, timestamp: str, body: bytes, *, secret: str) -> str:
    """Sign a message: `v1,` and base64.

    Raises:
        ValueError: The secret is not base64.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as err:
        raise ValueError("a webhook secret is `whsec_` followed by base64") from err
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
