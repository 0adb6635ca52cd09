"""Vendors' callbacks: who may send one, and what of it is passed on as a hint. No truth is taken from them."""

import hashlib
import hmac
from collections.abc import Iterable

import msgspec

MAX_HINT_BYTES = 64_000
"""Longer bodies are not passed on: a hint that is cut off helps nobody, and the poll works without."""
HINT_HEADERS = frozenset({"content-type", "user-agent", "date", "svix-id", "svix-timestamp", "svix-signature"})
"""What vendors sign or say; never cookies or authorization."""


class Hint(msgspec.Struct, frozen=True):
    """What the vendor sent, for the adapter that polls next."""

    headers: dict[str, str]
    body: str


class PollNow(msgspec.Struct, frozen=True):
    """Payload of the poll timer that a callback fires."""

    job_id: str
    clip_id: str
    hint: Hint


def signature_of(secret: str, clip_id: str) -> str:
    """Sign a clip id, as the callback address carries it: hex HMAC-SHA256."""
    return hmac.new(secret.encode(), clip_id.encode(), hashlib.sha256).hexdigest()


def is_signed(secret: str, clip_id: str, signature: str) -> bool:
    """Tell in constant time whether the signature belongs to the clip. Without a secret nothing does."""
    expected = signature_of(secret, clip_id)
    return bool(secret) and hmac.compare_digest(expected.encode(), signature.encode())


def hint_of(headers: Iterable[tuple[str, str]], body: bytes) -> Hint:
    """Keep what may help the next poll."""
    kept = {name.lower(): value for name, value in headers if _is_kept(name.lower())}
    text = body.decode(errors="replace") if len(body) <= MAX_HINT_BYTES else ""
    return Hint(kept, text)


def challenge_in(body: bytes) -> bytes | None:
    """Give the answer to a vendor's check of the address: the same object, when `challenge` is its only key."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(value, dict) or value.keys() != {"challenge"}:
        return None
    return msgspec.json.encode(value)


def _is_kept(name: str) -> bool:
    return name in HINT_HEADERS or name.startswith(("webhook-", "x-webhook-", "x-fal-webhook-"))
