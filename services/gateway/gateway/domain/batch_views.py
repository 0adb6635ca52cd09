"""What a batch looks like from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from dailies_contracts import BatchRequested
from dailies_contracts.tenant_events import BatchMode

from gateway.domain.batches import Item, ItemState, Progress, Refusal, refusals
from gateway.domain.job import Part
from gateway.domain.times import shown_at

BatchState = Literal["running", "cancelling", "ended", "cancelled"]


class BatchLinks(Part, frozen=True):
    """Where to go on."""

    self: str
    cancel: str


class BatchAccepted(Part, frozen=True, kw_only=True):
    """The answer to a new batch.

    Attributes:
        n_accepted: Requests that become jobs, each when its turn comes.
        refused: Requests that were left out, and why; only in mode `partial`.
    """

    batch_id: str
    n_requests: int
    n_accepted: int
    refused: tuple[Refusal, ...]
    links: BatchLinks


class BatchCosts(Part, frozen=True, kw_only=True):
    """Money of the jobs of a batch, from the projection.

    Attributes:
        expected_usd_micros: What the jobs that are ready were expected to cost.
        actual_usd_micros: What the same jobs cost.
    """

    spent_usd_micros: int
    held_usd_micros: int
    expected_usd_micros: int
    actual_usd_micros: int
    as_of: datetime | None
    stale: bool


class BatchItemView(Part, frozen=True, kw_only=True):
    """One request of a batch; `waiting` until its job begins."""

    index: int
    idempotency_key: str
    job_id: str
    state: ItemState
    refusal: Refusal | None


class BatchView(Part, frozen=True, kw_only=True):
    """One batch.

    Attributes:
        state: `ended` and `cancelled` are for good.
        counts: Requests by state.
        expected_usd_micros: What all accepted requests are expected to cost, where it could be said.
        costs: Null while the projection is away.
    """

    batch_id: str
    mode: BatchMode
    state: BatchState
    requested_at: datetime
    cancel_requested: bool
    n_requests: int
    counts: dict[str, int]
    expected_usd_micros: int
    costs: BatchCosts | None
    items: tuple[BatchItemView, ...]


class BatchCancelAccepted(Part, frozen=True, kw_only=True):
    """The wish to stop a batch is in the log."""

    batch_id: str
    cancel_requested: bool = True


def accepted(batch_id: str, items: Sequence[Item]) -> BatchAccepted:
    """Answer to a new batch; the same batch gets the same answer again."""
    left_out = refusals(items)
    path = f"/v1/batches/{batch_id}"
    return BatchAccepted(
        batch_id=batch_id,
        n_requests=len(items),
        n_accepted=len(items) - len(left_out),
        refused=left_out,
        links=BatchLinks(self=path, cancel=f"{path}/cancel"),
    )


def batch_view(
    requested: BatchRequested,
    items: Sequence[Item],
    progress: Progress,
    *,
    is_cancelled: bool,
    costs: BatchCosts | None,
) -> BatchView:
    """Show a batch as far as it has come."""
    state: BatchState = "cancelling" if is_cancelled else "running"
    if progress.has_ended:
        state = "cancelled" if is_cancelled else "ended"
    return BatchView(
        batch_id=requested.batch_id,
        mode=requested.mode,
        state=state,
        requested_at=shown_at(requested.occurred_at),
        cancel_requested=is_cancelled,
        n_requests=len(items),
        counts=progress.counts(),
        expected_usd_micros=sum(item.estimate.expected_usd_micros for item in items if item.estimate),
        costs=costs,
        items=tuple(
            BatchItemView(
                index=index,
                idempotency_key=item.idempotency_key,
                job_id=item.job_id,
                state=progress.state_of(index),
                refusal=item.refusal,
            )
            for index, item in enumerate(items)
        ),
    )
