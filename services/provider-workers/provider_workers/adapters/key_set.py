"""The public keys that a vendor signs its callbacks with: Ed25519 keys of a JSON Web Key Set, fetched and kept a while.

Keys are public: they are fetched without credentials, and what they verify is still only a hint.
"""

import base64
import binascii
from datetime import datetime, timedelta

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from provider_workers.adapters.http import Call, VendorHttp
from provider_workers.domain.failures import ProviderError

KEPT_FOR = timedelta(hours=24)
"""fal asks not to keep its keys any longer (read 2026-11-22)."""
ASKED_AGAIN_AFTER = timedelta(minutes=1)
"""A signature by an unknown key may come from a new one, or from anybody: asking is limited."""


class Jwk(msgspec.Struct, frozen=True):
    """One key; `x` is base64url, padded or not."""

    kty: str = ""
    crv: str = ""
    x: str = ""


class Jwks(msgspec.Struct, frozen=True):
    """The whole set."""

    keys: list[Jwk] = []


class KeySet:
    """One vendor's key set.

    Args:
        http: The host that publishes it.
        path: Where it lies there.
        provider: The vendor, for errors.
    """

    def __init__(self, http: VendorHttp, path: str, *, provider: str) -> None:
        self._http = http
        self._path = path
        self._provider = provider
        self._keys: list[Ed25519PublicKey] = []
        self._fetched_at: datetime | None = None

    async def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether one of the keys made a signature.

        Raises:
            ProviderError: The keys cannot be had.
        """
        if self._is_older_than(KEPT_FOR):
            await self._fetch()
        if _is_made_by_one_of(self._keys, signature, message):
            return True
        if not self._is_older_than(ASKED_AGAIN_AFTER):
            return False
        await self._fetch()
        return _is_made_by_one_of(self._keys, signature, message)

    def _is_older_than(self, age: timedelta) -> bool:
        return self._fetched_at is None or self._http.clock() - self._fetched_at >= age

    async def _fetch(self) -> None:
        reply = await self._http.send(Call("GET", self._path, {}))
        if not reply.is_ok:
            raise ProviderError("unavailable", self._provider, vendor_code="no_keys", http_status=reply.status)
        self._keys = keys_of(self._http.read(reply, Jwks))
        self._fetched_at = self._http.clock()


def keys_of(jwks: Jwks) -> list[Ed25519PublicKey]:
    """Read the Ed25519 keys of a set; keys of other kinds, and broken ones, are left out."""
    keys = []
    for jwk in jwks.keys:
        if (jwk.kty, jwk.crv) != ("OKP", "Ed25519"):
            continue
        try:
            raw = base64.urlsafe_b64decode(jwk.x.rstrip("=") + "=" * (-len(jwk.x.rstrip("=")) % 4))
            keys.append(Ed25519PublicKey.from_public_bytes(raw))
        except (binascii.Error, ValueError):
            continue
    return keys


def _is_made_by_one_of(keys: list[Ed25519PublicKey], signature: bytes, message: bytes) -> bool:
    for key in keys:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False
