"""The feed of events as clients read it: pages, cursors. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, get_args

import msgspec
from dailies_contracts import TellingType

from gateway.domain.errors import InvalidField
from gateway.domain.job import Part
from gateway.domain.lists import limit_of, refuse_unknown

MAX_SEQUENCE = 2**63 - 1
PARAMETERS = ("after", "limit", "types")
TYPES: tuple[str, ...] = get_args(TellingType)


class FeedQuery(NamedTuple):
    """One question for a page of the feed.

    Attributes:
        after: Everything behind this place, 0: from the beginning.
        types: Only these; empty: all.
    """

    after: int
    limit: int
    types: frozenset[str] = frozenset()


class FeedEvent(Part, frozen=True, kw_only=True):
    """One event, as a webhook would say it.

    Attributes:
        id: Always the same for the same event; tell repeats by it.
        cursor: Ask with `after` = this for everything behind it.
    """

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]
    cursor: str = ""


class FeedPage(Part, frozen=True, kw_only=True):
    """A page of the feed, oldest first.

    Attributes:
        next_after: Pass it on as `after`, now or next week, and nothing is missed or repeated.
        has_more: There is more already: ask again at once.
    """

    events: tuple[FeedEvent, ...]
    next_after: str
    has_more: bool


_decoder = msgspec.json.Decoder(FeedEvent)


def feed_query(parameters: Mapping[str, str]) -> FeedQuery:
    """Read the query string of the feed.

    Raises:
        InvalidField: An unknown parameter, or a value that cannot be.
    """
    refuse_unknown(parameters, PARAMETERS)
    wanted = frozenset(each for each in parameters.get("types", "").split(",") if each)
    if not wanted <= set(TYPES):
        raise InvalidField("request.invalid_field", f"types must be some of {', '.join(TYPES)}.", field="types")
    return FeedQuery(_place(parameters.get("after", "0")), limit_of(parameters.get("limit")), wanted)


def feed_event(body: bytes, *, sequence: int) -> FeedEvent:
    """Read one message of the feed.

    Args:
        body: As the notifier wrote it.
        sequence: Its place in the stream.
    """
    return msgspec.structs.replace(_decoder.decode(body), cursor=str(sequence))


def _place(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) < MAX_SEQUENCE):  # noqa: PLR2004 (64 bits)
        raise InvalidField(
            "request.invalid_cursor", "after is not one of ours: pass on next_after, or leave it out.", field="after"
        )
    return int(text)
