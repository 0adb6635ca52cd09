"""The delivery log as clients read it: what may be asked for, documents, pages. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_args

import msgspec
from dailies_contracts import AttemptState, WebhookAttempt

from gateway.domain.errors import InvalidField
from gateway.domain.job import Part
from gateway.domain.lists import Place, cursor_of, limit_of, place_of, refuse_unknown
from gateway.domain.times import shown_at

Document = dict[str, Any]
STATES: tuple[str, ...] = get_args(AttemptState)
FIELDS = {"endpoint_id": "endpoint_id", "job_id": "topic_id", "type": "kind", "state": "state"}
"""What a list can be narrowed by, and what documents call it."""
PARAMETERS = (*FIELDS, "since", "limit", "cursor")
MAX_VALUE_CHARS = 100


class DeliveryQuery(NamedTuple):
    """One question for a page of deliveries, the latest attempt first.

    Attributes:
        narrowed: Document field to the only value wanted.
        since: Only those with an attempt since then.
        after: Where the page before ended.
    """

    tenant_id: str
    narrowed: tuple[tuple[str, str], ...]
    since: datetime | None
    limit: int
    after: Place | None = None


class DeliveryLine(Part, frozen=True, kw_only=True):
    """One message to one endpoint, as its latest attempt left it.

    Attributes:
        id: The `webhook-id` that the endpoint sees.
        topic_id: The job, or the notice.
        state: `delivered`, `retrying` or `failed`.
        number: Of the latest attempt.
        outcome: Of the latest attempt.
        next_at: Time of the next attempt, where there is one.
    """

    id: str
    endpoint_id: str
    target: str
    topic_id: str
    type: str
    sequence: int
    state: AttemptState
    number: int
    attempted_at: datetime
    outcome: str
    next_at: datetime | None


class AttemptLine(Part, frozen=True, kw_only=True):
    """One attempt.

    Attributes:
        response: The beginning of what the endpoint answered.
        replayed: Somebody asked for it again.
    """

    number: int
    at: datetime
    duration_ms: int
    outcome: str
    response: str
    replayed: bool


class DeliveryView(DeliveryLine, frozen=True, kw_only=True):
    """One message to one endpoint, with every attempt, oldest first."""

    attempts: tuple[AttemptLine, ...]


class DeliveryPage(Part, frozen=True, kw_only=True):
    """A page of the delivery log."""

    deliveries: tuple[DeliveryLine, ...]
    next_cursor: str | None


def parse_delivery_query(tenant_id: str, parameters: Mapping[str, str]) -> DeliveryQuery:
    """Read the query string of the delivery log.

    Raises:
        InvalidField: An unknown parameter, or a value that cannot be.
    """
    refuse_unknown(parameters, PARAMETERS)
    for name in FIELDS:
        if len(parameters.get(name, "")) > MAX_VALUE_CHARS or "\x00" in parameters.get(name, ""):
            raise InvalidField("request.invalid_field", f"{name} is not one of ours.", field=name)
    if parameters.get("state", STATES[0]) not in STATES:
        raise InvalidField("request.invalid_field", f"state must be one of {', '.join(STATES)}.", field="state")
    cursor = parameters.get("cursor")
    return DeliveryQuery(
        tenant_id,
        narrowed=tuple((field, parameters[name]) for name, field in FIELDS.items() if name in parameters),
        since=_time(parameters.get("since")),
        limit=limit_of(parameters.get("limit")),
        after=None if cursor is None else place_of(cursor),
    )


def delivery_document(attempt: WebhookAttempt) -> Document:
    """Write how an attempt left its message."""
    return {
        "_id": attempt.webhook_id,
        "tenant_id": attempt.tenant_id,
        "endpoint_id": attempt.endpoint_id,
        "target": attempt.target,
        "topic_id": attempt.topic_id,
        "kind": attempt.kind,
        "sequence": attempt.sequence,
        "state": attempt.state,
        "number": attempt.number,
        "attempted_at": shown_at(attempt.at),
        "outcome": attempt.outcome,
        "next_at": None if attempt.next_at is None else shown_at(attempt.next_at),
    }


def attempt_document(attempt: WebhookAttempt) -> Document:
    """Write one attempt."""
    return {
        "_id": attempt.id,
        "webhook_id": attempt.webhook_id,
        "tenant_id": attempt.tenant_id,
        "number": attempt.number,
        "at": shown_at(attempt.at),
        "duration_ms": attempt.duration_ms,
        "outcome": attempt.outcome,
        "response": attempt.response,
        "replayed": attempt.replayed,
    }


def latest_of(attempts: list[WebhookAttempt]) -> list[WebhookAttempt]:
    """Keep of each message the attempt that was made last."""
    latest: dict[str, WebhookAttempt] = {}
    for attempt in attempts:
        known = latest.get(attempt.webhook_id)
        if known is None or known.at <= attempt.at:
            latest[attempt.webhook_id] = attempt
    return list(latest.values())


def delivery_page(query: DeliveryQuery, found: list[Document]) -> DeliveryPage:
    """Make a page of one document more than fit on it."""
    lines = tuple(msgspec.convert(_line(each), DeliveryLine) for each in found[: query.limit])
    has_more = len(found) > query.limit
    cursor = cursor_of(Place(lines[-1].attempted_at, lines[-1].id)) if has_more else None
    return DeliveryPage(deliveries=lines, next_cursor=cursor)


def delivery_view(document: Document, attempts: list[Document]) -> DeliveryView:
    """Show one delivery whole."""
    return msgspec.convert({**_line(document), "attempts": attempts}, DeliveryView)


def _line(document: Document) -> Document:
    return {**document, "id": document["_id"], "type": document["kind"]}


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))  # an unescaped plus sign arrives as a space
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        sentence = "since must be a time with its offset, for example 2026-11-27T00:00:00Z."
        raise InvalidField("request.invalid_field", sentence, field="since")
    return at.astimezone(UTC)
