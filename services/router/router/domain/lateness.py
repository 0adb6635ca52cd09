"""Clips that take too long: when one counts as late, and when to look at a job again. Pure."""

from datetime import UTC, datetime, timedelta

from dailies_contracts import Stage

from router.domain.allowance import clips_of, time_left
from router.domain.context import Context
from router.domain.exclusions import standing_exclusion
from router.domain.health import latency_s
from router.domain.policy import rank
from router.domain.state import Clip, Drafting, Finalizing, Phase, Reviewing

MIN_LOOK = timedelta(seconds=1)
"""A job is not looked at more often than this because of time alone."""


def is_late(clip: Clip, state: Drafting, context: Context) -> bool:
    """Tell whether nobody should go on waiting for this clip alone."""
    return clip.status == "open" and context.now >= late_at(clip, state, context)


def late_at(clip: Clip, state: Drafting, context: Context) -> datetime:
    """Say from when on a clip is late: long after its usual time, or right after it where the deadline is at risk."""
    record = context.market.health_of(clip.provider, clip.model, clip.stage)
    listing = context.catalog.find(clip.provider, clip.model)
    listed_s = listing.model.latency_s if listing else 0.0
    usual_s = latency_s(record, 0.5, before=listed_s)
    slow_s = max(listed_s, latency_s(record, 0.95, before=listed_s))
    patience_s = usual_s if is_at_risk(clip.stage, state, context) else context.catalog.policy.late_factor * slow_s
    return clip.ordered_at + timedelta(seconds=patience_s)


def is_at_risk(stage: Stage, state: Drafting, context: Context) -> bool:
    """Tell whether the deadline leaves time for one more clip of a stage and what follows it, but hardly for two."""
    needed_s = _usual_s(state, stage, context)
    if stage == "draft" and state.plan is not None and state.plan.has_final:
        needed_s += _usual_s(state, "final", context)
    return time_left(state, context).total_seconds() < 2 * needed_s


def look_again_at(state: Phase, context: Context) -> datetime | None:
    """Say when to look at a job again although nothing happens: a clip is late, or a vendor may be tried again.

    Returns:
        None where only facts move the job on.
    """
    if not isinstance(state, Drafting) or isinstance(state, Reviewing):
        return None
    stage: Stage = "final" if isinstance(state, Finalizing) else "draft"
    waiting = [clip for clip in clips_of(state, stage) if clip.status == "open" and clip.is_pending]
    times = [at for clip in waiting if (at := late_at(clip, state, context)) > context.now]
    if not waiting:
        resting = [each.resting_until_s for each in rank(state, stage, context) if each.resting_until_s is not None]
        times.extend(datetime.fromtimestamp(until_s, UTC) for until_s in resting)
    return max(min(times), context.now + MIN_LOOK) if times else None


def may_rest(state: Drafting, stage: Stage, context: Context) -> bool:
    """Tell whether a vendor that is left alone now can be tried again before the deadline."""
    left_s = time_left(state, context).total_seconds()
    resting = [each.resting_until_s for each in rank(state, stage, context) if each.resting_until_s is not None]
    return any(until_s - context.now_s < left_s for until_s in resting)


def _usual_s(state: Drafting, stage: Stage, context: Context) -> float:
    """Give the time that the quickest model of a stage takes for this job."""
    times = [
        latency_s(context.market.health_of(each.provider, each.model, stage), 0.5, before=listing.model.latency_s)
        for each in state.compiled.prompts
        if (listing := context.catalog.find(each.provider, each.model)) is not None
        and listing.model.tier == stage
        and standing_exclusion(state, listing, context) is None
    ]
    return min(times, default=0.0)
