"""Does the clip show what was asked for? Cosine of CLIP embeddings, calibrated per model.

Frames are pooled, so the order of things in time is not measured here.
"""

import math
import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from evaluator.domain.arrays import Embedding
from evaluator.domain.errors import InvalidClip

MIN_KNOWN_SHARE = 0.5
"""Below this share of known content words a model with a closed vocabulary would score words it never saw."""
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


@dataclass(frozen=True, slots=True)
class Calibration:
    """How one model's cosine becomes a score: 1 / (1 + exp(-(slope * cosine + offset)))."""

    id: str
    slope: float
    offset: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that a small model was taught.

    Attributes:
        known: Words with a meaning to the model.
        without_content: Words that carry no picture ("the", "cinematic"): they count neither way.
    """

    known: AbstractSet[str]
    without_content: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class AlignmentParts:
    """The measured parts, cosines in [-1, 1].

    Attributes:
        cosine: Of the prompt with the mean of the frames.
        cosine_min: Of the prompt with the frame that fits least.
        cosine_max: Of the prompt with the frame that fits best.
        steadiness: Lowest cosine between neighbouring sampled frames: what is shown stays the same thing.
    """

    cosine: float
    cosine_min: float
    cosine_max: float
    steadiness: float


@dataclass(frozen=True, slots=True)
class KnownWords:
    """What a closed vocabulary makes of a prompt.

    Attributes:
        share: Share of the content words that are known, [0, 1]; 1 where the prompt has none.
        unknown: Content words that are not known, in order, each once.
        text: The prompt without them: what the model is asked about.
    """

    share: float
    unknown: tuple[str, ...]
    text: str


def fold_alignment(images: Embedding, text: Embedding) -> AlignmentParts:
    """Compare the sampled frames with the prompt.

    Args:
        images: Unit vectors of the frames, (N, D), N >= 1.
        text: Unit vector of the prompt, (D,).

    Raises:
        InvalidClip: No frame, or embeddings of different models.
    """
    if text.ndim != 1 or not len(images) or images.shape[1:] != text.shape:
        raise InvalidClip("clip.bad_array", f"cannot compare embeddings of shapes {images.shape} and {text.shape}")
    mean = images.mean(axis=0)
    by_frame = images @ text
    neighbours = (images[1:] * images[:-1]).sum(axis=1) if len(images) > 1 else np.ones(1)
    return AlignmentParts(
        cosine=float(mean @ text / max(float(np.linalg.norm(mean)), 1e-6)),
        cosine_min=float(by_frame.min()),
        cosine_max=float(by_frame.max()),
        steadiness=float(neighbours.min()),
    )


def score_alignment(parts: AlignmentParts, calibration: Calibration) -> float:
    """Map the cosine to [0, 1] with the model's own calibration: scores of different models do not compare without."""
    return 1 / (1 + math.exp(-(calibration.slope * parts.cosine + calibration.offset)))


def know_words(prompt: str, vocabulary: Vocabulary) -> KnownWords:
    """Look the prompt's words up, and leave out those that the model would only guess at."""
    plain = prompt.lower().replace("-", " ")
    words = dict.fromkeys(word for word in _WORD.findall(plain) if len(word) > 1)
    content = [word for word in words if word not in vocabulary.without_content]
    unknown = tuple(word for word in content if not _forms(word) & vocabulary.known)
    text = _WORD.sub(lambda found: "" if found[0] in unknown else found[0], plain) if unknown else prompt
    share = 1 - len(unknown) / len(content) if content else 1.0
    return KnownWords(share=share, unknown=unknown, text=" ".join(text.split()))


def _forms(word: str) -> set[str]:
    """Give the word and what it may be the plural of."""
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    if word.endswith("ies"):
        forms.add(word[:-3] + "y")
    return forms
