"""The small bodies that clients and administrators send, read strictly."""

from typing import Annotated, Literal

import msgspec
from dailies_contracts.request import MAX_BUDGET_USD_MICROS
from msgspec import Meta

ClipId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,80}\Z")]
Token = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,80}\Z")]
Amount = Annotated[int, Meta(ge=0, le=MAX_BUDGET_USD_MICROS)]
Note = Annotated[str, Meta(max_length=2_000)]

AMOUNT_RULE = f"must be a whole number of micro-dollars from 0 to {MAX_BUDGET_USD_MICROS}"
BODY_RULES = {
    "reason": "must be text of at most 500 characters",
    "clip_id": "must be the id of a clip of this job",
    "approved": "must be true or false",
    "reviewer": "must be the name of the person who decided, 1 to 100 characters",
    "rating": "must be a whole number from 1 (bad) to 5 (good)",
    "author": "must name one person: 1 to 80 letters, digits, `_` or `-`",
    "note": "must be text of at most 2,000 characters",
    "name": "must be a name for the key, 1 to 100 characters",
    "limit_usd_micros": AMOUNT_RULE,
    "day_limit_usd_micros": f"{AMOUNT_RULE}, or null",
    "month_limit_usd_micros": f"{AMOUNT_RULE}, or null",
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


class HoldBody(Body, frozen=True, kw_only=True):
    """Why a job is put under a legal hold."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


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
    """What a tenant may spend: in total, per UTC day and per UTC month.

    Attributes:
        day_limit_usd_micros: Left out: stays as it is. Null: the catalogue's default, or none.
        month_limit_usd_micros: The same of the month.
    """

    limit_usd_micros: Amount
    day_limit_usd_micros: Amount | msgspec.UnsetType | None = msgspec.UNSET
    month_limit_usd_micros: Amount | msgspec.UnsetType | None = msgspec.UNSET
