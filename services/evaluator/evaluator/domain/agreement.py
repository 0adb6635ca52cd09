"""How often the scores and people prefer the same clip: pairwise accuracy with its confidence interval.

From ratings, reviews and scores of the log to one report; changes no weight by itself.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

import msgspec
from dailies_contracts import Scores

METRICS = ("aggregate", "alignment", "motion", "aesthetic", "safety")
Z_95 = 1.959964  # of the normal distribution: 95 % lie within


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One person's word on one clip.

    Attributes:
        group: What makes two judgements comparable: the same person on the same job, or the same reviewer.
        clip_id: The clip.
        value: Higher is better, within the group.
    """

    group: str
    clip_id: str
    value: int


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How often a metric prefers the clip that people prefer.

    Attributes:
        metric: The metric.
        accuracy: Mean over groups of the share of pairs on which both agree, equal scores count half, [0, 1]; None
            without pairs.
        low: Lower end of the 95 % interval.
        high: Upper end.
        n_pairs: Pairs of clips that one person judged differently.
        n_groups: Independent groups that they come from; the interval goes by these.
    """

    metric: str
    n_pairs: int
    n_groups: int
    accuracy: float | None = None
    low: float = 0.0
    high: float = 1.0


def agreements(judgements: Iterable[Judgement], scores: Mapping[str, Scores]) -> tuple[Agreement, ...]:
    """Compare people's judgements with every metric.

    Args:
        judgements: Any number; those on clips without a score are passed over.
        scores: By clip id.
    """
    groups: defaultdict[str, list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        if judgement.clip_id in scores:
            groups[judgement.group].append(judgement)
    return tuple(_agreement(metric, groups, scores) for metric in METRICS)


def _agreement(metric: str, groups: Mapping[str, list[Judgement]], scores: Mapping[str, Scores]) -> Agreement:
    shares, n_pairs = [], 0
    for group in groups.values():
        points = list(_points(metric, group, scores))
        if points:
            shares.append(sum(points) / len(points))
            n_pairs += len(points)
    if not shares:
        return Agreement(metric=metric, n_pairs=0, n_groups=0)
    accuracy = sum(shares) / len(shares)
    low, high = wilson_interval(accuracy, len(shares))
    return Agreement(metric=metric, n_pairs=n_pairs, n_groups=len(shares), accuracy=accuracy, low=low, high=high)


def _points(metric: str, group: list[Judgement], scores: Mapping[str, Scores]) -> Iterator[float]:
    """Give 1 for every pair on which the metric agrees, 0.5 where it sees no difference, 0 where it disagrees."""
    for one, other in combinations(group, 2):
        better, worse = (one, other) if one.value > other.value else (other, one)
        above, below = getattr(scores[better.clip_id], metric), getattr(scores[worse.clip_id], metric)
        if one.value == other.value or one.clip_id == other.clip_id or above is None or below is None:
            continue
        yield 0.5 if above == below else float(above > below)


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """Give the 95 % interval of a share.

    Args:
        share: Observed, [0, 1].
        n: Independent observations, >= 1. Pairs of one group depend on one another, so groups are counted here.

    Source: Wilson 1927.
    """
    spread = Z_95 * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    middle, scale = share + Z_95**2 / (2 * n), 1 + Z_95**2 / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
