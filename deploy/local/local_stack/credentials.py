"""Keys of the local stack: made once, kept in `secrets.json` for its owner alone.

Tests and people read them from `stack.json`; services get them in their environment.
"""

import base64
import dataclasses
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from local_stack.files import write_private

WEBHOOK_SECRET_BYTES = 24  # Standard Webhooks asks for 24 to 64


def _hex() -> str:
    return secrets.token_hex(16)


def _webhook_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(WEBHOOK_SECRET_BYTES)).decode("ascii")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Every secret of one local stack.

    Attributes:
        api_key: Of the tenant `demo`, for the HTTP API.
        admin_key: Opens the gateway's administration.
        webhook_secret: Signs the tenant's webhooks.
        s3_access_key: Of the object store.
        s3_secret_key: Of the object store.
        callback_secret: Signs the URLs that vendors call back.
        vendor_api_key: What the workers show to the simulated vendors.
    """

    api_key: str = field(default_factory=lambda: f"dk_{secrets.token_urlsafe(24)}")
    admin_key: str = field(default_factory=lambda: f"da_{secrets.token_urlsafe(24)}")
    webhook_secret: str = field(default_factory=_webhook_secret)
    s3_access_key: str = "dailies"
    s3_secret_key: str = field(default_factory=_hex)
    callback_secret: str = field(default_factory=_hex)
    vendor_api_key: str = field(default_factory=_hex)


def load_credentials(path: Path) -> Credentials:
    """Read the credentials, or make and keep new ones; what an older file lacks is added."""
    known = json.loads(path.read_text()) if path.exists() else {}
    names = {field.name for field in dataclasses.fields(Credentials)}
    credentials = Credentials(**{name: value for name, value in known.items() if name in names})
    write_private(path, dataclasses.asdict(credentials))
    return credentials
