"""What the demo prints about a finished job. Pure: the job as `GET /v1/jobs/{id}` shows it in, lines out."""

from collections.abc import Iterable
from typing import Any

from local_stack.demo.money import compared, dollars
from local_stack.webhook_sink import Delivery

JSON = dict[str, Any]
METRICS = ("alignment", "motion", "aesthetic", "safety", "aggregate")
MS_PER_S = 1000


def clip_lines(clips: Iterable[JSON]) -> list[str]:
    """Show clips one below the other: who made each, every score, what it cost, and the raw measurements."""
    lines = [f"  {'clip':31} {'vendor':7} {'model':26}" + "".join(f"{name:>10}" for name in METRICS) + f"{'cost':>10}"]
    for clip in clips:
        scores = clip["scores"] or {}
        numbers = "".join(f"{_score(scores.get(name)):>10}" for name in METRICS)
        who = f"  {clip['clip_id']:31} {clip['provider']:7} {clip['model']:26}"
        lines.append(f"{who}{numbers}{dollars(clip['cost_usd_micros']):>10}")
        raw = scores.get("raw") or {}
        lines += [f"      raw  {part}" for part in _wrapped(f"{name} {value:.4g}" for name, value in raw.items())]
        lines += [f"      {reason}" for reason in scores.get("reasons") or ()]
        if clip["error"]:
            lines.append(f"      failed: {clip['error']['message']}")
    return lines


def choice_lines(job: JSON) -> list[str]:
    """Say which draft won and why, and how the final compares with it."""
    promotion = job["promotion"]
    if promotion is None:
        return ["  no draft was promoted"]
    whereto = f"promoted as {promotion['class']} to {promotion['provider']} {promotion['model']}"
    lines = [
        f"  {promotion['draft_clip_id'] or 'drafts were skipped'}: {promotion['reason']}",
        f"  {whereto} (a draft must reach {promotion['threshold']:.2f})",
    ]
    if promotion["final_score"] is not None and promotion["draft_score"] is not None:
        gain = promotion["final_score"] - promotion["draft_score"]
        lines.append(
            f"  the final scored {promotion['final_score']:.3f}, its draft {promotion['draft_score']:.3f} ({gain:+.3f})"
        )
    return lines + [f"  {reason}" for reason in job["reasons"]]


def decision_lines(clips: Iterable[JSON]) -> list[str]:
    """Say for each clip why it was ordered where it was, with every candidate that was weighed."""
    lines: list[str] = []
    for clip in clips:
        if clip["why"] is None:
            continue
        lines.append(f"  {clip['stage']} {clip['attempt']}: {clip['why']['reason']}")
        lines += [_candidate(candidate) for candidate in clip["why"]["candidates"]]
    return lines


def _candidate(candidate: JSON) -> str:
    who = f"      {candidate['provider']:7} {candidate['model']:26} {dollars(candidate['cost_usd_micros']):>8}"
    expected = (
        f"quality {candidate['quality']:.2f}  {candidate['latency_s']:4.0f} s  utility {candidate['utility']:.3f}"
    )
    return f"{who}  {expected}  {candidate.get('passed_over') or 'taken'}"


def cost_lines(job: JSON) -> list[str]:
    """Set the cost of the job beside its estimate and beside what all-premium would have cost."""
    costs = job["costs"]
    spent = costs["spent_usd_micros"]
    scoring_and_vendors = " + ".join(dollars(clip["cost_usd_micros"]) for clip in job["clips"])
    return [
        f"  spent        {dollars(spent)} = {scoring_and_vendors}",
        f"  estimate     {compared(spent, costs['estimate_usd_micros'])}",
        f"  all premium  {compared(spent, costs['all_premium_usd_micros'])}",
    ]


def webhook_lines(deliveries: Iterable[Delivery]) -> list[str]:
    """List the webhooks in the order they came."""
    return [
        f"  {delivery.type:24} {delivery.webhook_id:44} {'verified' if delivery.verified else 'NOT VERIFIED'}"
        for delivery in deliveries
    ]


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _wrapped(words: Iterable[str], *, width: int = 110) -> list[str]:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f"{', ' if lines[-1] else ''}{word}"
    return [line for line in lines if line]
