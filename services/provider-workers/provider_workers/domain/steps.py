"""What to do next about a clip: one table from what is known to the step that is owed."""

from datetime import datetime
from enum import StrEnum

from provider_workers.domain.intent import Intent
from provider_workers.domain.progress import Clip, Phase


class Step(StrEnum):
    """One step; each ends in a fact, a timer, or both."""

    SUBMIT = "submit"  # nothing was sent, or what was sent was refused for now
    RECONCILE = "reconcile"  # something may have been sent: look it up, never send blindly
    POLL = "poll"  # the vendor has it
    WATCH = "watch"  # given up, may still bill
    DROP = "drop"  # nothing was sent, and nobody wants it any more
    EXPIRE = "expire"  # nothing was sent, and the deadline has passed, or nobody may send it any more
    RELEASE = "release"  # ended: only the slot may still be held


_BY_PHASE = {Phase.SUBMITTED: Step.POLL, Phase.GIVEN_UP: Step.WATCH, Phase.ENDED: Step.RELEASE}


def next_step(clip: Clip, intent: Intent | None, *, now: datetime) -> Step:
    """Decide what a clip is owed.

    Args:
        clip: The clip and its facts.
        intent: What is known of its submission; looked at only while no fact tells more.
        now: The time.
    """
    if clip.phase is not Phase.OPEN:
        return _BY_PHASE[clip.phase]
    if intent is not None and intent.state == "posting":
        return Step.RECONCILE
    if clip.is_not_wanted:
        return Step.DROP
    is_closed = intent is not None and intent.state == "closed"  # whoever closed it died before its end was written
    return Step.EXPIRE if is_closed or now >= clip.request.deadline_at else Step.SUBMIT
