"""Why a job ends without a clip: one code and one sentence that says what to do."""

from typing import NamedTuple

from dailies_contracts import Stage

from router.domain.failures import MAX_REFUSING_VENDORS
from router.domain.orders import attempts_left, clips_of, money_left, quote_of, ranking
from router.domain.plan import plan_of, prompts_of
from router.domain.policy import Context
from router.domain.state import Clip, Drafting


class WhyNot(NamedTuple):
    """A stable dotted code and a sentence."""

    code: str
    message: str


def why_nothing_came(state: Drafting, stage: Stage, context: Context) -> WhyNot:
    """Say why no clip of a stage can be ordered, or none was good enough."""
    if not prompts_of(state):
        return _no_candidate(state)
    clips = clips_of(state, stage)
    refusing = {clip.provider for clip in clips if clip.failure and clip.failure.kind == "refused"}
    eligible = [each for each in ranking(state, stage, context) if each.is_eligible]
    if len(refusing) >= MAX_REFUSING_VENDORS or (refusing and not eligible):
        return WhyNot("job.refused", "The vendors refused the prompt by their content policy. Reword it and ask again.")
    if any(clip.scores for clip in clips) and (not eligible or not attempts_left(state, stage, context)):
        return _not_good_enough(clips, context)
    if eligible and attempts_left(state, stage, context):
        return _no_money(state, context, cheapest=min(quote_of(each, context) for each in eligible))
    return WhyNot("job.vendors_failed", "No vendor could render the clip. Ask again later or allow other vendors.")


def _no_candidate(state: Drafting) -> WhyNot:
    pin = state.job.request.provider
    reasons = [each.reason for each in state.compiled.unsuitable if pin in (None, each.provider)]
    why = " ".join(dict.fromkeys(reasons)) or f"The catalogue has no vendor {pin!r}."
    return WhyNot("job.no_candidate", f"No model can serve the request: {why}")


def _not_good_enough(clips: list[Clip], context: Context) -> WhyNot:
    threshold = context.catalog.policy.draft_pass_threshold
    best = max((clip for clip in clips if clip.scores), key=lambda clip: clip.score)
    why = f"below {threshold:.2f}" if best.score < threshold else "but did not pass"
    verdict = " ".join(best.scores.reasons) if best.scores else ""
    advice = "Make the prompt simpler or more specific."
    return WhyNot(
        "job.quality_not_reached",
        " ".join(filter(None, (f"The best clip scored {best.score:.2f}, {why}.", verdict, advice))),
    )


def _no_money(state: Drafting, context: Context, *, cheapest: int) -> WhyNot:
    needed = cheapest if state.clips else max(cheapest, plan_of(state, context).estimate_usd_micros)
    left = max(0, money_left(state, context))
    return WhyNot(
        "job.budget_exhausted",
        f"The job needs {needed / 1e6:.2f} USD and {left / 1e6:.2f} USD are left of the budget. "
        "Raise the budget or ask for a lower quality.",
    )
