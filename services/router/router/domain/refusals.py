"""Why a job ends without a clip: one code, one sentence that says what to do, one normalised reason."""

from typing import NamedTuple

from dailies_contracts import Stage

from router.domain.allowance import attempts_left, clips_of, is_storm, money_left
from router.domain.context import Context
from router.domain.orders import quote_of
from router.domain.plan import plan_of
from router.domain.policy import Ranked, rank
from router.domain.state import Clip, Drafting

LIMITS = frozenset({"limit", "grade"})
"""Kinds of exclusion that were there before anything was tried."""


class WhyNot(NamedTuple):
    """Why nothing came.

    Attributes:
        code: Stable and dotted.
        message: A sentence that says what to do.
        reason: What exactly within the code, normalised.
    """

    code: str
    message: str
    reason: str = ""


def why_nothing_came(state: Drafting, stage: Stage, context: Context) -> WhyNot:
    """Say why no clip of a stage can be ordered, or none was good enough."""
    ranked = rank(state, stage, context) or rank(state, "final", context)
    possible = [each for each in ranked if each.exclusion is None or each.exclusion.kind not in LIMITS]
    if not possible:
        return _no_candidate(state, ranked)
    clips = clips_of(state, stage)
    eligible = [each for each in ranked if each.is_eligible]
    failures = [clip.failure.kind if clip.failure else "" for clip in clips]
    has_refused = any(each.exclusion and each.exclusion.kind == "refused" for each in possible) and not eligible
    if has_refused or (failures and all(kind == "refused" for kind in failures)):
        return _refused(clips)
    n_left = attempts_left(state, stage, context)
    if any(clip.scores for clip in clips) and (not eligible or not n_left):
        return _not_good_enough(clips, context)
    if n_left and (eligible or any(each.exclusion and each.exclusion.kind == "money" for each in possible)):
        return _no_money(state, context, cheapest=min(quote_of(each, context) for each in eligible or possible))
    message = "No vendor could render the clip. Ask again later or allow other vendors."
    return WhyNot("job.vendors_failed", message, _last_failure(state))


def _no_candidate(state: Drafting, ranked: list[Ranked]) -> WhyNot:
    pin = state.job.request.provider
    reasons = [f"{each.candidate.model}: {each.candidate.passed_over}." for each in ranked]
    reasons += [each.reason for each in state.compiled.unsuitable if pin in (None, each.provider)]
    why = " ".join(dict.fromkeys(reasons)) or f"The catalogue has no vendor {pin!r}."
    return WhyNot("job.no_candidate", f"No model can serve the request: {why}", "limits")


def _refused(clips: list[Clip]) -> WhyNot:
    was_softened = any(clip.is_rewritten for clip in clips)
    tried = " in softer words too" if was_softened else ""
    message = f"The vendors refused the prompt by their content policy{tried}. Reword it and ask again."
    return WhyNot("job.refused", message, "content_policy")


def _not_good_enough(clips: list[Clip], context: Context) -> WhyNot:
    threshold = context.catalog.policy.draft_pass_threshold
    best = max((clip for clip in clips if clip.scores), key=lambda clip: clip.score)
    why = f"below {threshold:.2f}" if best.score < threshold else "but did not pass"
    verdict = " ".join(best.scores.reasons) if best.scores else ""
    advice = "Make the prompt simpler or more specific."
    told = " ".join(filter(None, (f"The best clip scored {best.score:.2f}, {why}.", verdict, advice)))
    return WhyNot("job.quality_not_reached", told, "below_threshold" if best.score < threshold else "not_passed")


def _no_money(state: Drafting, context: Context, *, cheapest: int) -> WhyNot:
    if state.clips and (is_storm(context) or cheapest <= money_left(state, context)):
        message = "What may be spent on retries is spent. Ask again later, or for a lower quality."
        return WhyNot("job.retries_exhausted", message, "storm" if is_storm(context) else "retry_budget")
    needed = cheapest if state.clips else max(cheapest, plan_of(state, context).estimate_usd_micros)
    left = max(0, money_left(state, context))
    message = (
        f"The job needs {needed / 1e6:.2f} USD and {left / 1e6:.2f} USD are left of the budget. "
        "Raise the budget or ask for a lower quality."
    )
    return WhyNot("job.budget_exhausted", message)


def _last_failure(state: Drafting) -> str:
    failed = [clip.failure.kind for clip in state.clips.values() if clip.failure is not None]
    return failed[-1] if failed else ""
