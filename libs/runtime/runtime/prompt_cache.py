"""What router and gateway share of the prompt cache: its bucket, its records, and the digest of a request as asked.

The router writes the records and decides by those of compiled prompts; before anything is compiled, the gateway's
estimates look under the request itself.
"""

import hashlib
from datetime import datetime

import msgspec
from dailies_contracts import VideoRequest

BUCKET = "prompt_cache"
_canonical = msgspec.json.Encoder(order="sorted")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The newest job that a digest leads to.

    Attributes:
        signature: MinHash of its words.
        withdrawn: It answers nobody any more.
    """

    job_id: str
    tenant_id: str
    completed_at: datetime
    signature: tuple[int, ...] = ()
    withdrawn: bool = False


def own_scope(tenant_id: str) -> str:
    """Name the records of a tenant's own jobs."""
    return f"own.{tenant_id}"


def asked_digest(request: VideoRequest) -> str:
    """Digest what a request asks for; who asks, where to report, what it may cost and what may answer do not count."""
    images = tuple(msgspec.structs.replace(image, uri="") for image in request.reference_images)
    asked = msgspec.structs.replace(
        request,
        reference_images=images,
        webhook_url=None,
        budget_usd_micros=None,
        deadline_s=None,
        review=False,
        reuse=None,
        metadata={},
    )
    return hashlib.sha256(_canonical.encode(asked)).hexdigest()


def asked_key(tenant_id: str, request: VideoRequest) -> str:
    """Name the record of a tenant's own request."""
    return f"{own_scope(tenant_id)}.asked.{asked_digest(request)}"
