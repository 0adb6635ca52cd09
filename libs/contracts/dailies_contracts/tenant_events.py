"""Facts about a tenant rather than one job, version 1: budget thresholds and batches.

They lie in the same stream as the facts about jobs, on subjects of their own, each written once.
"""

from typing import Annotated, Literal

from msgspec import Meta

from dailies_contracts.base import AssetRef, TenantEvent, Token

BudgetScope = Literal["day", "month", "total"]
BatchMode = Literal["all", "partial"]
MAX_BATCH_REQUESTS = 1_000


class BudgetThresholdReached(TenantEvent, frozen=True, kw_only=True, tag="BudgetThresholdReached"):
    """A tenant has spent or set aside half, four fifths or all of a budget: told once per period, limit and threshold.

    Attributes:
        scope: Which budget: of a day, of a month (both UTC), or of all time.
        period: The day (2026-11-27), the month (2026-11), or `total`.
        limit_usd_micros: The budget; another limit is told of anew.
        percent: The threshold.
        spent_usd_micros: Charged in the period when the threshold was reached.
        held_usd_micros: Set aside in the period for clips whose outcome was open.
    """

    FACT = "budget_threshold_reached"
    TOKENS = ("period", "limit_usd_micros", "percent")
    scope: BudgetScope
    period: Token
    limit_usd_micros: Annotated[int, Meta(ge=0)]
    percent: Literal[50, 80, 100]
    spent_usd_micros: int
    held_usd_micros: int


class BatchRequested(TenantEvent, frozen=True, kw_only=True, tag="BatchRequested"):
    """A client asked for many videos at once; each becomes a job of its own when its turn comes.

    Attributes:
        batch_id: Derived from the tenant and the batch's idempotency key.
        mode: `all`: every request was valid, or there would be no batch. `partial`: invalid ones were left out.
        n_requests: How many requests the manifest has, those left out included.
        manifest: The requests with their keys, as JSON.
        request_sha256: Digest of the batch as it was received: tells a repeated key with another body.
    """

    FACT = "batch_requested"
    TOKENS = ("batch_id",)
    batch_id: Token
    mode: BatchMode
    n_requests: Annotated[int, Meta(ge=1, le=MAX_BATCH_REQUESTS)]
    manifest: AssetRef
    request_sha256: str


class BatchCancelRequested(TenantEvent, frozen=True, kw_only=True, tag="BatchCancelRequested"):
    """A client asked to stop a batch: what waits is never begun, what runs is asked to stop."""

    FACT = "batch_cancel_requested"
    TOKENS = ("batch_id",)
    batch_id: Token
    reason: str = ""


AnyTenantEvent = BudgetThresholdReached | BatchRequested | BatchCancelRequested
TENANT_EVENT_TYPES: tuple[type[TenantEvent], ...] = AnyTenantEvent.__args__
