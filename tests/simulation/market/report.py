"""What the seasons come to: figures over the seeds, a table in words, and pictures."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from runtime.routing_policy import Policy

from market.rivals import Result
from market.season import Season

LEARNING_JOBS = 500
"""Jobs before Dailies is held against the oracle."""
NEVER = 10_000
"""Stands for a vendor that was never left."""


def figures_of(seasons: Sequence[Season], policy: Policy) -> dict[str, float]:
    """Give the medians over the seeds; counts of what must not happen are sums."""
    return {
        "cost_vs_all_premium": median(_ratio(each, "dailies", "all_premium", _cost) for each in seasons),
        "quality_vs_all_premium": median(_ratio(each, "dailies", "all_premium", _score) for each in seasons),
        "cost_vs_one_premium": median(_ratio(each, "dailies", "one_premium", _cost) for each in seasons),
        "quality_vs_one_premium": median(_ratio(each, "dailies", "one_premium", _score) for each in seasons),
        "utility_vs_oracle": median(_vs_oracle(each, policy) for each in seasons),
        "clips_until_degraded_vendor_left": median(
            NEVER if each.clips_until_left is None else each.clips_until_left for each in seasons
        ),
        "clips_sent_into_an_outage": median(each.outage["clips_sent_into_it"] for each in seasons),
        "hours_until_used_again_after_an_outage": median(each.outage["hours_until_used_again"] for each in seasons),
        "budget_overruns": sum(each.overruns for each in seasons),
        "duplicate_charges": sum(each.duplicates for each in seasons),
    }


def table(seasons: Sequence[Season], policy: Policy) -> str:
    """Draw cost, quality and utility of everybody, over premium jobs and over all."""
    rows = [
        f"{'':<14}{'premium jobs':^36}{'all jobs':^36}",
        f"{'decided by':<14}" + f"{'score':>12}{'USD':>12}{'utility':>12}" * 2,
    ]
    for name in seasons[0].results:
        cells = []
        for is_premium in (True, False):
            found = [result for season in seasons for result in _chosen(season, name, is_premium=is_premium)]
            usd = mean(result.cost_usd_micros for result in found) / 1e6
            utility = mean(utility_of(result, policy) for result in found)
            cells.append(f"{mean(map(_score, found)):>12.3f}{usd:>12.3f}{utility:>12.3f}")
        rows.append(f"{name:<14}" + "".join(cells))
    return "\n".join(rows)


def utility_of(result: Result, policy: Policy) -> float:
    """Give what a job was worth by the policy's own weights."""
    cost = policy.cost_weight_per_usd * result.cost_usd_micros / 1e6
    return result.score - cost - policy.latency_weight_per_s * result.latency_s


def draw(seasons: Sequence[Season], policy: Policy, folder: Path) -> list[Path]:
    """Plot cost against quality, regret over time, and the first season's traffic by vendor."""
    import matplotlib as mpl  # noqa: PLC0415 - only the pictures need it

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"cost_quality": _cost_quality, "regret": _regret, "traffic": _traffic}
    written = []
    for name, paint in pictures.items():
        figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
        paint(axes, seasons, policy)
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=110)
        plt.close(figure)
        written.append(path)
    return written


def _cost_quality(axes: Any, seasons: Sequence[Season], policy: Policy) -> None:
    del policy
    for name in seasons[0].results:
        found = [result for season in seasons for result in _chosen(season, name, is_premium=True)]
        axes.scatter(mean(result.cost_usd_micros for result in found) / 1e6, mean(map(_score, found)), s=60)
        axes.annotate(
            name,
            (mean(result.cost_usd_micros for result in found) / 1e6, mean(map(_score, found))),
            xytext=(6, 6),
            textcoords="offset points",
        )
    axes.set(title="Premium jobs: what each way of deciding delivers", xlabel="USD a job", ylabel="mean score")
    axes.grid(alpha=0.3)


def _regret(axes: Any, seasons: Sequence[Season], policy: Policy) -> None:
    for season in seasons:
        total, line = 0.0, []
        for ours, best in zip(season.results["dailies"], season.results["oracle"], strict=True):
            total += utility_of(best, policy) - utility_of(ours, policy)
            line.append(total)
        axes.plot(line, alpha=0.4, linewidth=1)
    axes.set(title="Regret against the oracle, each seed", xlabel="jobs", ylabel="utility lost")
    axes.grid(alpha=0.3)


def _traffic(axes: Any, seasons: Sequence[Season], policy: Policy) -> None:
    del policy
    season = seasons[0]
    vendors = sorted({vendor for part in season.shares for vendor in part})
    n_parts = len(season.shares)
    shares = [[part[vendor] / max(1, part.total()) for part in season.shares] for vendor in vendors]
    axes.stackplot([100 * number / n_parts for number in range(n_parts)], *shares, labels=vendors)
    length_s = season.asks[-1].at_s
    axes.axvline(100 * season.degraded.at_s / length_s, color="black", linestyle="--", linewidth=1)
    axes.set(title=f"Drafts by vendor; {season.degraded.provider} gets worse at the line", xlabel="% of the season")
    axes.legend(loc="upper left", fontsize="small")


def _chosen(season: Season, name: str, *, is_premium: bool) -> list[Result]:
    pairs = zip(season.asks, season.results[name], strict=True)
    return [result for ask, result in pairs if not is_premium or ask.requested.request.quality == "premium"]


def _ratio(season: Season, one: str, other: str, value: Any) -> float:
    """Compare two ways over the premium jobs: those that the other way would render at premium too."""
    ours, theirs = (_chosen(season, name, is_premium=True) for name in (one, other))
    return mean(map(value, ours)) / mean(map(value, theirs))


def _vs_oracle(season: Season, policy: Policy) -> float:
    ours, best = (season.results[name][LEARNING_JOBS:] for name in ("dailies", "oracle"))
    if not ours:
        return float("nan")
    return sum(utility_of(each, policy) for each in ours) / sum(utility_of(each, policy) for each in best)


def _score(result: Result) -> float:
    return result.score


def _cost(result: Result) -> float:
    return result.cost_usd_micros
