"""Lists of jobs: what may be asked for, how a page goes on, and what one line of it shows."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple, get_args

import msgspec
from runtime.errors import InvalidRequest

from gateway.domain.errors import InvalidField
from gateway.domain.job import Costs, Failure, JobState, OriginView, Part, PromotionView, RequestView

MAX_LIMIT = 100
DEFAULT_LIMIT = 20
STATES: tuple[str, ...] = get_args(JobState)
PARAMETERS = ("state", "origin", "limit", "cursor")


class Place(NamedTuple):
    """Where a page ended: the last job on it. The next page begins with the first older one."""

    requested_at: datetime
    job_id: str


class ListQuery(NamedTuple):
    """One question for a page of jobs, newest first.

    Attributes:
        origin: Only jobs that were answered with a copy of this job's clip.
    """

    tenant_id: str
    state: str | None = None
    limit: int = DEFAULT_LIMIT
    after: Place | None = None
    origin: str | None = None


class JobLine(Part, frozen=True, kw_only=True):
    """One job in a list; the whole of it is at `/v1/jobs/{job_id}`."""

    job_id: str
    state: JobState
    requested_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    request: RequestView
    promotion: PromotionView | None
    delivered_clip_id: str | None
    costs: Costs
    error: Failure | None
    trace_id: str
    batch_id: str = ""
    origin: OriginView | None = None


class JobPage(Part, frozen=True, kw_only=True):
    """One page of jobs.

    Attributes:
        jobs: Newest first.
        next_cursor: Ask with it for the next page; None on the last one.
        as_of: The list shows every fact up to this time; None where the projection has never run.
        stale: The projection is behind or away: jobs go on, only the list lags. `/v1/jobs/{id}` is always fresh.
    """

    jobs: tuple[JobLine, ...]
    next_cursor: str | None
    as_of: datetime | None
    stale: bool


def parse_list_query(tenant_id: str, parameters: Mapping[str, str]) -> ListQuery:
    """Read the query string of a list.

    Raises:
        InvalidRequest: An unknown parameter, or a value that cannot be.
    """
    refuse_unknown(parameters, PARAMETERS)
    cursor = parameters.get("cursor")
    return ListQuery(
        tenant_id,
        state=_state(parameters.get("state")),
        limit=limit_of(parameters.get("limit")),
        after=None if cursor is None else place_of(cursor),
        origin=parameters.get("origin"),
    )


def refuse_unknown(parameters: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse a query string with a parameter that means nothing here.

    Raises:
        InvalidField: It names the parameter and those that there are.
    """
    unknown = next((name for name in parameters if name not in known), None)
    if unknown is not None:
        sentence = f"There is no parameter {unknown!r}; known: {', '.join(known)}."
        raise InvalidField("request.unknown_parameter", sentence, field=unknown)


def cursor_of(place: Place) -> str:
    """Write a place as an opaque token."""
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """Read a cursor.

    Raises:
        InvalidRequest: It is not one of ours.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place = msgspec.json.decode(urlsafe_b64decode(padded), type=Place)
    except (ValueError, msgspec.MsgspecError) as err:
        raise _bad_cursor() from err
    if place.requested_at.tzinfo is None:
        raise _bad_cursor()
    return place


def _bad_cursor() -> InvalidRequest:
    sentence = "This cursor is not one of ours: pass on next_cursor of the page before, or leave it out."
    return InvalidField("request.invalid_cursor", sentence, field="cursor")


def _state(text: str | None) -> str | None:
    if text is not None and text not in STATES:
        raise InvalidField("request.invalid_field", f"state must be one of {', '.join(STATES)}.", field="state")
    return text


def limit_of(text: str | None) -> int:
    """Read how long a page may be.

    Raises:
        InvalidField: It is no number, or not one that may be.
    """
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):  # noqa: PLR2004
        sentence = f"limit must be a whole number from 1 to {MAX_LIMIT}."
        raise InvalidField("request.invalid_field", sentence, field="limit")
    return int(text)
