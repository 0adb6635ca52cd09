"""The address that a vendor may call: it carries an HMAC of the clip id, which the gateway checks."""

import hashlib
import hmac
import re
from urllib.parse import urlsplit

PATH = re.compile(r"/v1/callbacks/[^/]+/[^/]+/([A-Za-z0-9_-]{1,80})")


def callback_url(base_url: str, *, secret: str, provider: str, job_id: str, clip_id: str) -> str:
    """Build the callback address of one clip, empty where callbacks are switched off.

    Args:
        base_url: The gateway as the vendor reaches it; empty: no callbacks.
        secret: Shared with the gateway.
        provider: The vendor.
        job_id: The clip's job.
        clip_id: The clip.
    """
    if not base_url:
        return ""
    return f"{base_url.rstrip('/')}/v1/callbacks/{provider}/{job_id}/{clip_id}?sig={signature_of(clip_id, secret)}"


def clip_id_in(url: str) -> str:
    """Read the clip id of a callback address, empty where it is none of ours."""
    try:
        found = PATH.search(urlsplit(url).path)
    except ValueError:
        return ""
    return found.group(1) if found else ""


def signature_of(clip_id: str, secret: str) -> str:
    """Sign a clip id: HMAC-SHA256, hex."""
    return hmac.new(secret.encode(), clip_id.encode(), hashlib.sha256).hexdigest()
