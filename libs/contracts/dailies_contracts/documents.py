"""The contracts as documents: one JSON Schema per event, and AsyncAPI for the whole bus. Pure; `generate` writes them.

Derived from the structs, the subject grammar and `CONSUMERS` alone, so that they cannot say anything but the code.
"""

import inspect
import re
from typing import Any

import msgspec

from dailies_contracts.base import ID_PATTERN, Event, Fact, TenantEvent
from dailies_contracts.codec import CONTENT_TYPE, SPEC_VERSION, TYPE_PREFIX
from dailies_contracts.events import EVENT_TYPES
from dailies_contracts.streams import CONSUMERS, VIDEO
from dailies_contracts.tenant_events import TENANT_EVENT_TYPES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI_VERSION = "3.0.0"
VERSION = "v1"
FACT_TYPES: tuple[type[Fact], ...] = (*EVENT_TYPES, *TENANT_EVENT_TYPES)
DESCRIPTION = (
    "Every fact about a video job or a tenant, one immutable event on a subject of its own. The server accepts one "
    "message per subject: a second publish answers err_code 10077, which means that the fact has already happened. "
    "Bodies are JSON; the headers make each message a CloudEvent in binary content mode."
)


def schema_name(event_type: type[Fact]) -> str:
    """Name the file of a type's schema, for example `ClipReady.v1.json`."""
    return f"{event_type.__name__}.{VERSION}.json"


def json_schema(event_type: type[Fact]) -> dict[str, Any]:
    """Describe the body of one event as JSON Schema 2020-12."""
    definitions = msgspec.json.schema(event_type)["$defs"]
    bases = [base for base in event_type.__mro__ if issubclass(base, Event | TenantEvent)]
    root = _described(definitions.pop(event_type.__name__), [inspect.getdoc(base) or "" for base in bases])
    parts = {
        name: _described(part, [inspect.cleandoc(part.get("description", ""))])
        for name, part in sorted(definitions.items())
    }
    head = {"$schema": DIALECT, "$id": f"urn:dailies:{VERSION}:{event_type.__name__}"}
    return head | root | ({"$defs": parts} if parts else {})


def asyncapi() -> dict[str, Any]:
    """Describe the bus as AsyncAPI: a channel per fact, who receives it, what a message looks like."""
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {"title": "Dailies", "version": VERSION, "description": DESCRIPTION},
        "defaultContentType": CONTENT_TYPE,
        "channels": {kind.FACT: _channel(kind) for kind in FACT_TYPES},
        "operations": {
            f"{consumer.service}.{kind.FACT}": _operation(consumer.service, kind)
            for consumer in CONSUMERS
            for kind in consumer.events
        },
        "components": {
            "messages": {kind.__name__: _message(kind) for kind in FACT_TYPES},
            "messageTraits": {"cloudEvent": {"headers": _headers()}},
            "parameters": {name: {"description": text} for name, text in _PARAMETERS.items()},
        },
    }


def _described(definition: dict[str, Any], docs: list[str]) -> dict[str, Any]:
    """Put what the docstrings say about each attribute at its property."""
    told: dict[str, str] = {}
    for doc in reversed(docs):
        told |= _attributes(doc)
    properties = {
        name: schema | ({"description": told[name]} if name in told else {})
        for name, schema in definition.get("properties", {}).items()
    }
    description = docs[0].partition("Attributes:")[0].strip()
    return definition | {"description": description, "properties": properties}


def _attributes(doc: str) -> dict[str, str]:
    """Read the `Attributes:` section of a Google-style docstring."""
    told: dict[str, str] = {}
    name = ""
    for line in doc.partition("Attributes:")[2].splitlines():
        if (found := _ATTRIBUTE.match(line)) is not None:
            name, told[found[1]] = found[1], found[2]
        elif name and line.strip():
            told[name] += f" {line.strip()}"
    return told


_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+)$")
_PARAMETERS = {
    "job_id": f"The job, a token matching {ID_PATTERN}.",
    "provider": "The vendor, as in the catalogue.",
    "clip_id": "The clip.",
    "tenant_id": f"The tenant, a token matching {ID_PATTERN}.",
    "batch_id": "The batch.",
    "period": "The day (2026-11-27), the month (2026-11), or `total`.",
    "limit_usd_micros": "The budget, micro-dollars.",
    "percent": "The threshold: 50, 80 or 100.",
    "n": "How often facts of the job have been archived, from 1.",
    "author": "Who gives feedback, unique within the tenant.",
}


def _channel(kind: type[Fact]) -> dict[str, Any]:
    names = (kind.OWNER, *kind.TOKENS)
    address = ".".join((kind.PREFIX, f"{{{kind.OWNER}}}", kind.FACT, *(f"{{{name}}}" for name in kind.TOKENS)))
    return {
        "address": address,
        "title": kind.__name__,
        "description": f"In the stream {VIDEO}; at most one message per subject.",
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"}},
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in names},
    }


def _operation(service: str, kind: type[Fact]) -> dict[str, Any]:
    return {
        "action": "receive",
        "title": f"{service} receives {kind.__name__}",
        "channel": {"$ref": f"#/channels/{kind.FACT}"},
        "messages": [{"$ref": f"#/channels/{kind.FACT}/messages/{kind.__name__}"}],
    }


def _message(kind: type[Fact]) -> dict[str, Any]:
    doc = inspect.getdoc(kind) or ""
    return {
        "name": f"{TYPE_PREFIX}{kind.__name__}.{VERSION}",
        "title": kind.__name__,
        "summary": doc.splitlines()[0],
        "contentType": CONTENT_TYPE,
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {
            "schemaFormat": "application/schema+json;version=2020-12",
            "schema": {"$ref": f"schemas/{schema_name(kind)}"},
        },
    }


def _headers() -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "required": ["ce-specversion", "ce-id", "ce-source", "ce-type"],
        "properties": {
            "ce-specversion": {"const": SPEC_VERSION},
            "ce-id": text,
            "ce-source": text | {"description": "Who publishes, a URI reference such as /acme/campaigns."},
            "ce-type": text | {"description": f"{TYPE_PREFIX}<event>.{VERSION}"},
            "ce-time": {"type": "string", "format": "date-time"},
            "ce-subject": text | {"description": "The job, or the tenant."},
            "content-type": {"const": CONTENT_TYPE},
            "traceparent": {"type": "string", "description": "W3C trace context, where the publisher has one."},
            "tracestate": {"type": "string"},
        },
    }
