"""What the shell gathers for a decision: a frozen snapshot, so that the same state and context decide the same."""

from datetime import datetime

import msgspec
from dailies_contracts import ClipReused, ReuseMode, Stage
from runtime.catalog import Catalog, Listing

from router.domain.learning import Belief, believe
from router.domain.market import NOTHING_KNOWN, Market


class TenantRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant's settings say about routing; requests may narrow it further.

    Attributes:
        plan: As the catalogue lists it; empty: the default one.
        allow_providers: Only these vendors; empty: all.
        deny_providers: Never these vendors.
        regions: Only vendors that handle what they are sent in one of these; empty: anywhere.
        allow_lower_tier: A lower tier may render the final where the asked one cannot be had.
        reuse: Whether earlier clips may answer requests that do not say; None: as the catalogue says.
        share_clips: Its clips may answer tenants that share theirs, and the other way round.
    """

    plan: str = ""
    allow_providers: tuple[str, ...] = ()
    deny_providers: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    allow_lower_tier: bool = True
    reuse: ReuseMode | None = None
    share_clips: bool = False


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the shell gathered for a decision.

    Attributes:
        now: The time, UTC.
        catalog: Vendors, models, limits and prices.
        budget_left_usd_micros: What the tenant may still hold.
        market: Health and quality of vendors and models, learned from the log.
        tenant: What the tenant's settings say.
        retry_ratio: Share of retries among the tenant's recent orders.
        tried_elsewhere: Half-open vendors that another decision is trying at this moment, as `provider.model.stage`.
        reusable: An earlier clip that answers the job, a copy of its file included; None where there is none.
    """

    now: datetime
    catalog: Catalog
    budget_left_usd_micros: int
    market: Market = NOTHING_KNOWN
    tenant: TenantRules = TenantRules()
    retry_ratio: float = 0.0
    tried_elsewhere: frozenset[str] = frozenset()
    reusable: ClipReused | None = None

    @property
    def now_s(self) -> float:
        """The time, seconds since 1970."""
        return self.now.timestamp()

    def belief_of(self, listing: Listing, stage: Stage, prompt_class: str) -> Belief:
        """Say what is believed of a model's next clip for a class of prompts."""
        records = self.market.quality_of(listing.provider.name, listing.model.name, stage, prompt_class)
        return believe(listing.model.quality, records, self.catalog.policy.learning, now_s=self.now_s)
