"""Ordering clips: who renders the next one, within attempts and money."""

import hashlib
from datetime import datetime, timedelta
from typing import TypedDict

import msgspec
from dailies_contracts import (
    AssetRef,
    Candidate,
    Cause,
    ClipDecision,
    ClipRequested,
    ClipWithdrawn,
    Stage,
    derive_clip_id,
)

from router.domain.allowance import attempts_left, clips_of, is_storm, money_left, retry_money_left
from router.domain.context import Context
from router.domain.plan import plan_of
from router.domain.policy import Ranked, affordable, rank, sampler_seed, spread
from router.domain.samples import shared, together
from router.domain.state import Clip, Drafting, Requested, deadline_of


class About(TypedDict):
    """The fields that every event of a job shares."""

    job_id: str
    tenant_id: str
    occurred_at: datetime


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted: so many more clips of a stage.

    Attributes:
        reason: Why, a sentence for the decision's record.
        draft: The draft that a final carries over.
        reserve_usd_micros: Left for the clip that follows.
        n_planned: So many of the stage's clips are part of the plan; those after them are retries.
        is_hedge: Beside a clip that is late.
    """

    stage: Stage
    n: int
    reason: str
    n_planned: int
    draft: Clip | None = None
    is_hedge: bool = False
    reserve_usd_micros: int = 0


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to render the next clip of an order, among whom.

    Attributes:
        attempt: Counted from 1 over the job's clips of the stage.
    """

    chosen: Ranked
    ranked: list[Ranked]
    attempt: int
    cause: Cause


def about(state: Requested, now: datetime) -> About:
    """Give the shared fields of an event about this job."""
    return About(job_id=state.job.job_id, tenant_id=state.job.tenant_id, occurred_at=now)


def place(state: Drafting, order: Order, context: Context) -> tuple[ClipRequested, ...]:
    """Turn an order into ClipRequested events: fewer than wanted, or none, where attempts, vendors or money end.

    Args:
        state: The job.
        order: What is wanted.
        context: Catalogue, market, time and what is left of the tenant's budget.
    """
    taken = clips_of(state, order.stage)
    n = min(order.n, attempts_left(state, order.stage, context))
    if n <= 0:
        return ()
    left = money_left(state, context) - order.reserve_usd_micros
    left_for_retries = retry_money_left(state, context) - order.reserve_usd_micros
    is_retry = len(taken) >= order.n_planned or order.is_hedge
    most = min(left, left_for_retries) if is_retry else left
    ranked = affordable(rank(state, order.stage, context, draft=order.draft), most, context)
    placed: list[ClipRequested] = []
    for chosen in together(spread(ranked, n, _to_vary(order, taken))):
        attempt = len(taken) + len(placed) + 1
        cause = _cause(order, chosen, taken, attempt)
        quote = quote_of(chosen, context)
        left, left_for_retries = left - quote, left_for_retries - quote
        is_retry = attempt > order.n_planned or order.is_hedge
        if left < 0 or (is_retry and (left_for_retries < 0 or is_storm(context))):
            break
        who = Placed(chosen=chosen, ranked=ranked, attempt=attempt, cause=cause)
        placed.append(_requested(state, order, context, who))
    # A request takes one seed: where the client named one, each clip gets its own.
    return tuple(placed) if state.job.request.seed is not None else shared(placed, context.catalog)


def _to_vary(order: Order, taken: list[Clip]) -> list[Clip]:
    """Drafts are spread over vendors; a final goes to the best one, unless that one's finals did not pass."""
    return taken if order.stage == "draft" else [clip for clip in taken if clip.scores and not clip.scores.passed]


def quote_of(chosen: Ranked, context: Context) -> int:
    """Give the amount to hold for a clip: the vendor's price and the scoring."""
    return chosen.candidate.cost_usd_micros + context.catalog.policy.scoring_cost_usd_micros


def withdrawals(state: Drafting, context: Context) -> tuple[ClipWithdrawn, ...]:
    """Withdraw the drafts that no vendor has accepted yet: the job goes on without them."""
    return tuple(
        ClipWithdrawn(
            **about(state, context.now),
            clip_id=clip.clip_id,
            provider=clip.provider,
            model=clip.model,
            stage=clip.stage,
            reason="Another draft was promoted before this one had begun.",
        )
        for clip in clips_of(state, "draft")
        if clip.status == "open" and not clip.is_submitted and not clip.is_withdrawn
    )


def explained(ranked: list[Ranked], chosen: Ranked) -> tuple[Candidate, ...]:
    """Give every candidate, each but the chosen one with the reason why it was passed over."""
    return tuple(_explained(each.candidate, chosen.candidate) for each in ranked)


def _requested(state: Drafting, order: Order, context: Context, who: Placed) -> ClipRequested:
    policy, chosen = context.catalog.policy, who.chosen
    deadline = deadline_of(state.job, policy.job_deadline_s)
    is_anchored = order.draft is not None and chosen.promotion_class == "anchored"
    return ClipRequested(
        **about(state, context.now),
        clip_id=derive_clip_id(state.job.job_id, stage=order.stage, attempt=who.attempt),
        provider=chosen.prompt.provider,
        model=chosen.prompt.model,
        stage=order.stage,
        attempt=who.attempt,
        prompt=chosen.prompt,
        quote_usd_micros=quote_of(chosen, context),
        deadline_at=min(deadline, context.now + timedelta(seconds=policy.clip_deadline_s)),
        seed=_seed(state, order, who.attempt, is_anchored=is_anchored),
        first_frame=_first_frame(state, order, is_anchored=is_anchored),
        draft_clip_id=order.draft.clip_id if order.draft else None,
        decision=ClipDecision(
            reason=order.reason,
            candidates=explained(who.ranked, chosen),
            seed=sampler_seed(state, order.stage),
            cause=who.cause,
            plan=plan_of(state, context),
        ),
        rewritten=chosen.is_rewritten,
        priority="batch" if state.job.batch_id else "interactive",
    )


def _cause(order: Order, chosen: Ranked, taken: list[Clip], attempt: int) -> Cause:
    if order.is_hedge:
        return "hedge"
    if chosen.is_rewritten:
        return "rewrite"
    if attempt <= order.n_planned:
        return "promotion" if order.stage == "final" else "planned"
    return "retry" if any(clip.provider == chosen.prompt.provider for clip in taken) else "fallback"


def _first_frame(state: Drafting, order: Order, *, is_anchored: bool) -> AssetRef | None:
    """Give the picture to start from: the draft's own, else the one that came with the request."""
    if is_anchored and order.draft is not None:
        return order.draft.first_frame
    return state.job.request.first_frame


def _seed(state: Drafting, order: Order, attempt: int, *, is_anchored: bool) -> int:
    """Give the seed: the draft's own for the first final that it anchors, else one that differs by attempt."""
    if is_anchored and attempt == 1 and order.draft is not None and order.draft.seed is not None:
        return order.draft.seed
    asked = state.job.request.seed
    if asked is not None:
        return (asked + attempt - 1) % 2**32
    digest = hashlib.sha256(f"{state.job.job_id}:{order.stage}:{attempt}".encode()).digest()
    return int.from_bytes(digest[:4])


def _explained(candidate: Candidate, chosen: Candidate) -> Candidate:
    if candidate.passed_over or candidate is chosen:
        return candidate
    is_lower = candidate.utility <= chosen.utility
    why = "lower utility" if is_lower else "another clip of this stage runs there already"
    return msgspec.structs.replace(candidate, passed_over=why)
