"""The small bodies that clients and administrators send, read strictly."""

from typing import Annotated, Literal

import msgspec
from dailies_contracts import ReuseMode
from dailies_contracts.request import MAX_BUDGET_USD_MICROS, ProviderName
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
    "plan": "must be the name of a plan of the catalogue, at most 32 characters; empty: the default one",
    "allow_providers": "must be a list of at most 16 names of vendors in lower case",
    "deny_providers": "must be a list of at most 16 names of vendors in lower case",
    "regions": "must be a list of at most 16 regions, for example eu",
    "allow_lower_tier": "must be true or false",
    "reuse": 'must be "off", "exact" or "near", or null: as the catalogue says',
    "share_clips": "must be true or false",
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


class RoutingBody(Body, frozen=True, kw_only=True):
    """What the tenant's jobs may use; what is left out is not limited.

    Attributes:
        plan: As the catalogue lists it; empty: the default one.
        allow_providers: Only these vendors; empty: all.
        deny_providers: Never these vendors.
        regions: Only vendors that handle what they are sent in one of these.
        allow_lower_tier: A lower tier may render a final where the asked one cannot be had.
        reuse: Whether earlier clips may answer requests that do not say; null: as the catalogue says.
        share_clips: Its clips may answer requests of other tenants that share theirs too, and theirs its own.
    """

    plan: Annotated[str, Meta(max_length=32)] = ""
    allow_providers: Annotated[tuple[ProviderName, ...], Meta(max_length=16)] = ()
    deny_providers: Annotated[tuple[ProviderName, ...], Meta(max_length=16)] = ()
    regions: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=16)], ...], Meta(max_length=16)] = ()
    allow_lower_tier: bool = True
    reuse: ReuseMode | None = None
    share_clips: bool = False
