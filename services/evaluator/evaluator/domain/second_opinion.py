"""What two classifiers of sexual content say together, the second asked where the first is in doubt.

The first was made for photographs alone. The second tells drawings from them, and so says which of the two counts.
"""

from dataclasses import dataclass

from evaluator.domain.safety import UNSAFE_FROM

LARGEST_RATIO = 10.0
"""No answer of the second counts for more: it is wrong about one picture in ten."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the second classifier sees: probabilities whose sum is 1.

    Attributes:
        drawing: A harmless drawing.
        hentai: A pornographic drawing.
        neutral: A harmless photograph.
        porn: A pornographic photograph.
        sexy: A suggestive photograph.
    """

    drawing: float
    hentai: float
    neutral: float
    porn: float
    sexy: float


def together(probability: float, seen: Seen) -> float:
    """Give the probability of sexual content by both.

    As a drawing the picture is what the second sees in it. As a photograph the odds of both are multiplied, as for
    witnesses who do not know of each other; but where the first is sure, the second takes nothing away.

    Args:
        probability: As the first gave it, [0, 1].
        seen: What the second sees.
    """
    photograph = seen.neutral + seen.porn + seen.sexy
    ratio = (seen.porn + seen.sexy) / 2 / max(seen.neutral, 1e-9)
    as_photograph = weighed(probability, ratio)
    if probability >= UNSAFE_FROM:
        as_photograph = max(probability, as_photograph)
    return min(1.0, seen.hentai + photograph * as_photograph)


def weighed(probability: float, ratio: float) -> float:
    """Weigh a probability with another observation.

    Args:
        probability: Without it, [0, 1].
        ratio: How many times likelier it is if the picture is unsafe; counted as 0.1 to 10.

    Returns:
        In [0, 1]; the probability itself at a ratio of 1.
    """
    harm = probability * min(max(ratio, 1 / LARGEST_RATIO), LARGEST_RATIO)
    return harm / (harm + 1 - probability)


def in_doubt(probability: float, *, safe_below: float) -> bool:
    """Tell whether a second opinion on a photograph can change what passes.

    Args:
        probability: As the first gave it, [0, 1].
        safe_below: Probability that still passes, in (0, 1).
    """
    return weighed(probability, LARGEST_RATIO) >= safe_below
