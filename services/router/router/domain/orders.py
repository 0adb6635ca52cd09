"""Ordering clips: who renders the next one, within attempts and money."""

import hashlib
from datetime import datetime, timedelta
from typing import TypedDict

import msgspec
from dailies_contracts import Candidate, ClipDecision, ClipRequested, Stage, derive_clip_id

from router.domain.plan import prompts_of
from router.domain.policy import Context, Ranked, rank, spread
from router.domain.state import Clip, Drafting, Requested, committed_usd_micros, deadline_of


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
    """

    stage: Stage
    n: int
    reason: str
    draft: Clip | None = None


def about(state: Requested, now: datetime) -> About:
    """Give the shared fields of an event about this job."""
    return About(job_id=state.job.job_id, tenant_id=state.job.tenant_id, occurred_at=now)


def place(state: Drafting, order: Order, context: Context) -> tuple[ClipRequested, ...]:
    """Turn an order into ClipRequested events: fewer than wanted, or none, where attempts, vendors or money end.

    Args:
        state: The job.
        order: What is wanted.
        context: Catalogue, time and what is left of the tenant's budget.
    """
    taken = clips_of(state, order.stage)
    ranked = ranking(state, order.stage, context)
    left = money_left(state, context)
    placed: list[ClipRequested] = []
    for chosen in spread(ranked, min(order.n, attempts_left(state, order.stage, context)), taken):
        quote = quote_of(chosen, context)
        left -= quote
        if left < 0:
            break
        attempt = len(taken) + len(placed) + 1
        placed.append(_requested(state, order, context, chosen=chosen, ranked=ranked, attempt=attempt))
    return tuple(placed)


def clips_of(state: Drafting, stage: Stage) -> list[Clip]:
    """Give the job's clips of a stage, in the order they were asked for."""
    return [clip for clip in state.clips.values() if clip.stage == stage]


def ranking(state: Drafting, stage: Stage, context: Context) -> list[Ranked]:
    """Rank the candidates for one more clip of a stage."""
    quality = state.job.request.quality
    return rank(prompts_of(state), stage=stage, quality=quality, clips=state.clips, context=context)


def attempts_left(state: Drafting, stage: Stage, context: Context) -> int:
    """Give how many more clips of a stage the retry budget allows, >= 0."""
    policy = context.catalog.policy
    in_stage = policy.max_attempts_per_stage - len(clips_of(state, stage))
    return max(0, min(in_stage, policy.max_attempts_per_job - len(state.clips)))


def money_left(state: Drafting, context: Context) -> int:
    """Give what the job may still commit: the tenant's budget and its own, whichever is less; micro-dollars."""
    budget = state.job.request.budget_usd_micros
    own = None if budget is None else budget - committed_usd_micros(state.clips)
    return context.budget_left_usd_micros if own is None else min(own, context.budget_left_usd_micros)


def quote_of(chosen: Ranked, context: Context) -> int:
    """Give the amount to hold for a clip: the vendor's price and the scoring."""
    return chosen.candidate.cost_usd_micros + context.catalog.policy.scoring_cost_usd_micros


def _requested(
    state: Drafting, order: Order, context: Context, *, chosen: Ranked, ranked: list[Ranked], attempt: int
) -> ClipRequested:
    policy = context.catalog.policy
    deadline = deadline_of(state.job, policy.job_deadline_s)
    return ClipRequested(
        **about(state, context.now),
        clip_id=derive_clip_id(state.job.job_id, stage=order.stage, attempt=attempt),
        provider=chosen.prompt.provider,
        model=chosen.prompt.model,
        stage=order.stage,
        attempt=attempt,
        prompt=chosen.prompt,
        quote_usd_micros=quote_of(chosen, context),
        deadline_at=min(deadline, context.now + timedelta(seconds=policy.clip_deadline_s)),
        seed=_seed(state, order, attempt),
        first_frame=next(iter(state.job.request.reference_images), None),
        draft_clip_id=order.draft.clip_id if order.draft else None,
        decision=ClipDecision(
            reason=order.reason, candidates=tuple(_explained(each.candidate, chosen.candidate) for each in ranked)
        ),
    )


def _seed(state: Drafting, order: Order, attempt: int) -> int:
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
