"""The small bodies that clients and administrators send, read strictly."""

from typing import Annotated, Literal

import msgspec
from dailies_contracts.request import MAX_BUDGET_USD_MICROS
from msgspec import Meta

ClipId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,80}\Z")]
Token = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,80}\Z")]
Note = Annotated[str, Meta(max_length=2_000)]

BODY_RULES = {
    "reason": "must be text of at most 500 characters",
    "clip_id": "must be the id of a clip of this job",
    "approved": "must be true or false",
    "reviewer": "must be the name of the person who decided, 1 to 100 characters",
    "rating": "must be a whole number from 1 (bad) to 5 (good)",
    "author": "must name one person: 1 to 80 letters, digits, `_` or `-`",
    "note": "must be text of at most 2,000 characters",
    "name": "must be a name for the key, 1 to 100 characters",
    "limit_usd_micros": f"must be a whole number of micro-dollars from 0 to {MAX_BUDGET_USD_MICROS}",
}


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request body other than a video request."""


class CancelBody(Body, frozen=True, kw_only=True):
    """Why a job should stop; may be left out."""

    reason: Annotated[str, Meta(max_length=500)] = ""


class ReviewBody(Body, frozen=True, kw_only=True):
    """A person's decision on a clip."""

    clip_id: ClipId
    approved: bool
    reviewer: Annotated[str, Meta(min_length=1, max_length=100)]
    note: Note = ""


class FeedbackBody(Body, frozen=True, kw_only=True):
    """A person's rating of a clip."""

    clip_id: ClipId
    rating: Literal[1, 2, 3, 4, 5]
    author: Token
    note: Note = ""


class NewKeyBody(Body, frozen=True, kw_only=True):
    """A new API key."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]


class BudgetBody(Body, frozen=True, kw_only=True):
    """All that a tenant may spend."""

    limit_usd_micros: Annotated[int, Meta(ge=0, le=MAX_BUDGET_USD_MICROS)]
