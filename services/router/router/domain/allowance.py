"""What a job may still spend: attempts, money and time. Pure."""

from datetime import timedelta

from dailies_contracts import Stage

from router.domain.context import Context
from router.domain.state import Clip, Drafting, committed_usd_micros, deadline_of


def clips_of(state: Drafting, stage: Stage) -> list[Clip]:
    """Give the job's clips of a stage, in the order they were asked for."""
    return [clip for clip in state.clips.values() if clip.stage == stage]


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


def retry_money_left(state: Drafting, context: Context) -> int:
    """Give what the job may still commit to retries: its plan, and so much more, are not to be exceeded."""
    if state.plan is None:
        return money_left(state, context)
    most = round(state.plan.estimate_usd_micros * (1 + context.catalog.policy.max_retry_cost_ratio))
    return min(money_left(state, context), most - committed_usd_micros(state.clips))


def time_left(state: Drafting, context: Context) -> timedelta:
    """Give the time until the job's deadline."""
    return deadline_of(state.job, context.catalog.policy.job_deadline_s) - context.now


def is_storm(context: Context) -> bool:
    """Tell whether so much of what the tenant orders is tried again that nothing more may be."""
    return context.retry_ratio > context.catalog.policy.max_tenant_retry_ratio
