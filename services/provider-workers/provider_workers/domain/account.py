"""What a worker knows of its account at the vendor; each adapter takes what its dialect needs."""

from pathlib import Path

import msgspec
from runtime.errors import Permanent


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Address and credentials of one account at one vendor.

    Attributes:
        provider: Vendor, as in the catalogue.
        base_url: Scheme and host of the API; empty: the vendor's own.
        api_key: API key, or a bearer token that does not change.
        access_key: Key id where the vendor signs with a key pair.
        secret_key: Its secret.
        token_file: File with a bearer token that somebody else renews; read for every call.
        project: Cloud project, where the vendor has such.
        location: Cloud region, where the vendor has such.
        webhook_secret: Signs the vendor's callbacks; empty: they are not signed.
        keys_url: Where the vendor publishes the keys of its callbacks; empty: its own place.
        unit_usd_micros: What one unit costs us, where the vendor bills in units of its own; 0: its list price.
        has_callbacks: Orders carry a callback address.
        submit_timeout_s: A submit that takes longer has an unknown outcome.
        max_clip_bytes: A larger file is not a clip.
    """

    provider: str
    base_url: str = ""
    api_key: str = ""
    access_key: str = ""
    secret_key: str = ""
    token_file: Path | None = None
    project: str = ""
    location: str = ""
    webhook_secret: str = ""
    keys_url: str = ""
    unit_usd_micros: int = 0
    has_callbacks: bool = False
    submit_timeout_s: float = 20.0
    max_clip_bytes: int = 512 * 1024 * 1024

    def __repr__(self) -> str:
        """Name the account without its secrets."""
        return f"Account(provider={self.provider!r}, base_url={self.base_url!r})"

    def needed(self, field: str) -> str:
        """Give a credential that the dialect cannot do without.

        Raises:
            Permanent: It is not set; the message names the setting.
        """
        value: str = getattr(self, field)
        if not value:
            raise Permanent("worker.missing_setting", f"Set WORKER_{field.upper()}: {self.provider} needs it.")
        return value
