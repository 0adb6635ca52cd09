"""Whether a final that came is delivered, or rendered once more because a better one is worth its price. Pure."""

from runtime.worth import expected_gain, own_sd

from router.domain.allowance import clips_of
from router.domain.context import Context
from router.domain.policy import Ranked, rank
from router.domain.state import Clip, Finalizing


def why_once_more(state: Finalizing, best: Clip, draft: Clip | None, context: Context) -> str:
    """Say why a final is rendered once more; empty where what came is delivered.

    It happens once at most, where one more final can be expected to gain more than it costs in money and time: the
    search for a good final ends where going on is not worth it (docs/decisions/0028-finals-are-searched-for.md).
    """
    policy = context.catalog.policy
    if sum(clip.scores is not None for clip in clips_of(state, "final")) != 1:
        return ""
    again = next((each for each in rank(state, "final", context, draft=draft) if each.is_eligible), None)
    if again is None:
        return ""
    sd = own_sd(again.scatter, again.promotion_class, policy)
    usual = _usual(again, best, sd=sd)
    gain = expected_gain(usual, sd, best.score)
    if gain <= again.price:
        return ""
    below = f", below its draft's {draft.score:.2f}" if draft is not None and best.score < draft.score else ""
    told = f"{again.candidate.model} should give {usual:.2f} ± {sd:.2f}: once more, a likely gain of {gain:.2f}"
    return f"The final scored {best.score:.2f}{below}; {told}."


def _usual(again: Ranked, best: Clip, *, sd: float) -> float:
    """Give what one more clip should score: what the first one told of its model and this prompt is learned at once."""
    usual = again.candidate.quality
    if best.model != again.candidate.model:
        return usual
    doubt = again.doubt_sd**2
    return usual + (best.score - usual) * doubt / (doubt + sd**2)
