"""API keys: how they look, how they are kept. Only the digest of a key is stored."""

import hashlib
import re
from base64 import b64encode, urlsafe_b64encode
from datetime import datetime
from typing import NamedTuple

import msgspec
from runtime.errors import InvalidRequest

from gateway.domain.errors import Unauthorized

KEY_BYTES = 24
SECRET_BYTES = 32
TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BEARER = re.compile(r"[Bb]earer +(?P<token>[\x21-\x7e]{1,256})")
_KEY_ID = re.compile(r"[0-9a-f]{64}")


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of one key, under its digest.

    Attributes:
        tenant_id: Who may use it for whom.
        name: What its owner calls it.
        created_at: When it was made.
    """

    tenant_id: str
    name: str
    created_at: datetime


class Caller(NamedTuple):
    """Who sends a request."""

    tenant_id: str
    key_name: str


def new_key(entropy: bytes) -> str:
    """Write a key from `KEY_BYTES` random bytes."""
    return f"dk_{urlsafe_b64encode(entropy).decode().rstrip('=')}"


def new_webhook_secret(entropy: bytes) -> str:
    """Write a Standard Webhooks secret from `SECRET_BYTES` random bytes."""
    return f"whsec_{b64encode(entropy).decode()}"


def key_id_of(key: str) -> str:
    """Name a key by its digest. The key has 192 random bits, so a plain hash does not give it away."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_key_id(text: str) -> bool:
    """Tell whether a text can be the id of a key."""
    return _KEY_ID.fullmatch(text) is not None


def bearer_token(authorization: str | None) -> str:
    """Read the token of an Authorization header.

    Raises:
        Unauthorized: There is none, or it is not a bearer token.
    """
    match = _BEARER.fullmatch(authorization or "")
    if match is None:
        raise Unauthorized("auth.required", "Send your API key as `Authorization: Bearer dk_…`.")
    return match["token"]


def check_tenant(tenant_id: str) -> str:
    """Give a tenant id back when it can be one.

    Raises:
        InvalidRequest: It is not one subject token.
    """
    if not TENANT.fullmatch(tenant_id):
        raise InvalidRequest("tenant.invalid_id", "A tenant id has 1 to 64 letters, digits, `_` or `-`.")
    return tenant_id
