"""Bytes to events and back, with the CloudEvents attributes in the message headers.

JSON, so that any tool reads the bus. The headers make every message a CloudEvent in binary content mode
(CloudEvents 1.0, NATS protocol binding).
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from dailies_contracts.base import Fact, TenantEvent
from dailies_contracts.events import AnyEvent
from dailies_contracts.subjects import check_token, subject_of
from dailies_contracts.tenant_events import AnyTenantEvent

SPEC_VERSION = "1.0"
TYPE_PREFIX = "dev.dailies."
CONTENT_TYPE = "application/json"

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_fact_decoder: msgspec.json.Decoder[AnyEvent | AnyTenantEvent] = msgspec.json.Decoder(AnyEvent | AnyTenantEvent)
T = TypeVar("T", bound=Fact)


class MalformedEvent(ValueError):
    """The bytes are not an event of this version; the message says where they differ."""


def encode(event: Fact) -> bytes:
    """Encode one event as JSON, keys in declaration order, defaults left out."""
    return _encoder.encode(event)


def decode(body: bytes, *, subject: str | None = None) -> AnyEvent:
    """Decode one event of a job, and hold it against the subject it came on.

    Args:
        body: JSON with the event's `type`.
        subject: Where it was published; None skips the comparison.

    Raises:
        MalformedEvent: Not JSON, an unknown type, a field of the wrong shape, or another fact's subject.
    """
    return _checked(_decoder, body, subject)


def decode_fact(body: bytes, *, subject: str | None = None) -> AnyEvent | AnyTenantEvent:
    """Decode one event, of a job or of a tenant; otherwise as `decode`."""
    return _checked(_fact_decoder, body, subject)


def _checked(decoder: msgspec.json.Decoder[T], body: bytes, subject: str | None) -> T:
    try:
        event = decoder.decode(body)
        expected = subject_of(event)
        check_token(event.tenant_id)  # names keys, though it stands in no subject
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as err:
        raise MalformedEvent(str(err)) from err
    if subject is not None and subject != expected:
        raise MalformedEvent(f"the event belongs on {expected}, but came on {subject}")
    return event


def cloudevents_headers(event: Fact, *, source: str) -> dict[str, str]:
    """Give the CloudEvents attributes of an event as message headers.

    Args:
        event: The event.
        source: Who publishes, for example `/dailies/router`.
    """
    return {
        "ce-specversion": SPEC_VERSION,
        "ce-id": event.id,
        "ce-source": source,
        "ce-type": f"{TYPE_PREFIX}{type(event).__name__}.v1",
        "ce-time": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "ce-subject": event.tenant_id if isinstance(event, TenantEvent) else event.job_id,
        "content-type": CONTENT_TYPE,
    }


def type_of(headers: Mapping[str, str]) -> str | None:
    """Read the event's type name from the headers, None where it is not one of ours."""
    kind = headers.get("ce-type", "")
    return kind.removeprefix(TYPE_PREFIX).removesuffix(".v1") if kind.startswith(TYPE_PREFIX) else None
