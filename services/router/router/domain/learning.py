"""What is believed of a model's quality, and how the sampler draws from it. Pure; the numbers are in the catalogue.

A belief starts at the catalogue's figure, moves with the scores of the model over all prompts, then with those of the
prompt's class. Scores count less the more came after them and the older they are, so that a model that gets worse
loses its good name within tens of clips, and one that was left alone gets another chance some day.
"""

import hashlib
import math
from typing import NamedTuple

import msgspec
from runtime.routing_policy import Learning
from runtime.worth import STANDARD

from router.domain.windows import with_fact

MAX_MARKS = 48
"""With a memory of 0.93 the one before these counts for 3 % of the newest."""
ALL_CLASSES = "all"
REFUSALS_BEFORE = 5.0
REFUSED_SHARE_BEFORE = 0.02
"""What is believed of a model that was never asked: it refuses 2 %, which counts as much as 5 clips."""


class Mark(NamedTuple):
    """What one clip told: its score, a person's rating, or that the vendor refused the prompt.

    Attributes:
        key: The clip, with the person where a person rated it.
        at_s: When, seconds since 1970.
        value: [0, 1]; negative: refused.
        weight: Counts as much as so many scores.
    """

    key: str
    at_s: float
    value: float
    weight: float


class QualityRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one model's clips of one stage and prompt class told, and what it comes to.

    Attributes:
        prompt_class: As PromptCompiled names it, or `all`.
        marks: The newest, oldest first.
        n: How many scores the mean rests on, older ones counting less.
        mean: Their weighted mean.
        variance: Their weighted mean square distance from it.
        n_asked: How many answers the share of refusals rests on.
        refused: Weighted share of refusals.
        newest_s: When the newest came.
    """

    provider: str
    model: str
    stage: str
    prompt_class: str
    marks: tuple[Mark, ...] = ()
    n: float = 0.0
    mean: float = 0.0
    variance: float = 0.0
    n_asked: float = 0.0
    refused: float = 0.0
    newest_s: float = 0.0


class Belief(NamedTuple):
    """What is believed of one candidate's next clip.

    Attributes:
        quality: Expected score, [0, 1].
        sd: How sure that is, as a standard deviation.
        n: Scores it rests on.
        refusal: Probability that the vendor refuses.
        scatter: How much its clips scatter around what they usually score, as a standard deviation.
    """

    quality: float
    sd: float
    n: float
    refusal: float
    scatter: float


def with_mark(record: QualityRecord, mark: Mark, *, memory: float) -> QualityRecord:
    """Learn from one mark; learning it again changes nothing.

    Args:
        record: What was known.
        mark: What one clip told.
        memory: Each mark counts for so much of the one after it.
    """
    marks = with_fact(record.marks, mark, size=MAX_MARKS)
    if marks is record.marks:
        return record
    n = total = squares = n_asked = n_refused = 0.0
    share = 1.0
    for each in reversed(marks):
        weight = share * each.weight
        if each.value < 0:
            n_refused += share
        else:
            n += weight
            total += weight * each.value
            squares += weight * each.value**2
        n_asked += share
        share *= memory
    mean = total / n if n else 0.0
    return msgspec.structs.replace(
        record,
        marks=marks,
        n=n,
        mean=mean,
        variance=max(0.0, squares / n - mean * mean) if n else 0.0,
        n_asked=n_asked,
        refused=n_refused / n_asked,
        newest_s=marks[-1].at_s,
    )


def believe(
    prior: float, records: tuple[QualityRecord | None, QualityRecord | None], learning: Learning, *, now_s: float
) -> Belief:
    """Say what is believed of a model.

    Args:
        prior: The catalogue's figure, [0, 1].
        records: Of the model over all classes, and of the prompt's class; None where nothing came yet.
        learning: How fast to learn and to forget.
        now_s: Seconds since 1970.
    """
    overall, of_class = records
    noise = learning.quality_sd**2
    n_all = _aged(overall, learning, now_s)
    n_class = _aged(of_class, learning, now_s)
    weight_all, weight_class = learning.prior_scores + n_all, learning.class_scores + n_class
    mean, scatter = prior, noise
    for record, n, before in ((overall, n_all, learning.prior_scores), (of_class, n_class, learning.class_scores)):
        if record is not None:
            mean = (before * mean + n * record.mean) / (before + n)
            scatter = _pooled(scatter, record.variance, n=n, before=learning.scatter_scores)
    carried = learning.class_scores / weight_class
    variance = carried**2 * noise / weight_all + noise / weight_class
    refusal = _refusal(overall, of_class, learning, now_s)
    return Belief(mean, math.sqrt(variance), n_class, refusal, math.sqrt(scatter))


def draw(belief: Belief, *, seed: int, name: str, exploration: float = 1.0) -> float:
    """Draw a quality from a belief, [0, 1]; the same seed and name draw the same.

    Args:
        belief: What is believed.
        seed: Of the decision.
        name: Of the candidate.
        exploration: How far to stray from what is believed: 1 as far as it is not known, 0 not at all.
    """
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    share = (int.from_bytes(digest[:6]) + 0.5) / 2**48
    drawn = belief.quality + exploration * belief.sd * STANDARD.inv_cdf(share)
    return round(min(1.0, max(0.0, drawn)), 4)


def seed_of(*parts: str) -> int:
    """Give the sampler's seed of a decision: the same decision draws the same, on any replica, in any replay."""
    return int.from_bytes(hashlib.sha256("\x1f".join(parts).encode()).digest()[:6])


def _aged(record: QualityRecord | None, learning: Learning, now_s: float) -> float:
    """Give how many scores a record still counts as."""
    if record is None or not record.n:
        return 0.0
    age_h = max(0.0, now_s - record.newest_s) / 3600
    return record.n * math.exp2(-age_h / learning.memory_h)


def _pooled(variance: float, seen: float, *, n: float, before: float) -> float:
    """Move a variance towards the one of n scores, whose mean took one degree of freedom."""
    return (before * variance + n * seen) / (before + max(0.0, n - 1))


def _refusal(overall: QualityRecord | None, of_class: QualityRecord | None, learning: Learning, now_s: float) -> float:
    """Mix the share of refusals of the class with that of the model and the usual one."""
    asked, refused = REFUSALS_BEFORE, REFUSALS_BEFORE * REFUSED_SHARE_BEFORE
    for record, counts in ((overall, 0.3), (of_class, 1.0)):
        if record is not None and record.n_asked:
            age_h = max(0.0, now_s - record.newest_s) / 3600
            weight = counts * record.n_asked * 0.5 ** (age_h / learning.memory_h)
            asked += weight
            refused += weight * record.refused
    return refused / asked
