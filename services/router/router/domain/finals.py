"""Whether a final that came is delivered, or rendered once more because a better one is worth its price. Pure."""

from router.domain.allowance import clips_of
from router.domain.context import Context
from router.domain.odds import expected_gain
from router.domain.policy import rank
from router.domain.state import Clip, Finalizing


def why_once_more(state: Finalizing, best: Clip, draft: Clip | None, context: Context) -> str:
    """Say why a final is rendered once more; empty where what came is delivered.

    It happens once at most: where the final fell far below the draft that it was made of, or where it is so far below
    what the best candidate usually gives that another one can be expected to gain more than it costs.
    """
    policy = context.catalog.policy
    finals = clips_of(state, "final")
    if sum(clip.scores is not None for clip in finals) != 1:
        return ""
    if draft is not None and draft.score - best.score >= policy.min_score_drop:
        return f"The final scored {best.score:.2f}, below its draft's {draft.score:.2f}: once more."
    again = next((each.candidate for each in rank(state, "final", context, draft=draft) if each.is_eligible), None)
    if again is None:
        return ""
    gain = expected_gain(again.quality, policy.learning.quality_sd, best.score)
    if gain <= policy.redo_cost_weight_per_usd * again.cost_usd_micros / 1e6:
        return ""
    usual = f"{again.model} usually gives {again.quality:.2f}"
    return f"The final scored {best.score:.2f}, {usual}: once more, a likely gain of {gain:.2f}."
