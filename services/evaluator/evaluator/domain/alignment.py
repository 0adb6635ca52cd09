"""Does the clip show what was asked for? Cosines of CLIP embeddings, calibrated per model.

The prompt is asked of the whole clip, its words against their rivals, the beats of their part of the clip, and the
exclusions of the whole again. Motion words are not measured here: single frames do not show them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.domain.arrays import Embedding, Floats
from evaluator.domain.errors import InvalidClip
from evaluator.domain.identity import Drift
from evaluator.domain.questions import Contrast, Questions, Rivals

BEATS_WEIGHT = 0.7
"""Of the beats against the whole prompt, where there are beats: it then names what is seen only for a while."""
KEPT_EXCLUDED = 0.3
"""What is left of the score where something excluded is plainly seen."""
EXCLUDED = (0.03, 0.12)  # gain in cosine from naming the excluded thing: (chance, plainly seen)


@dataclass(frozen=True, slots=True)
class Contrasting:
    """How a lost contrast counts for one model: margins in cosine between the prompt and its best rival.

    Attributes:
        lost: At this margin the rival is what is shown.
        won: From this margin on the word is taken for shown.
        kept: What is left of the score where a contrast is lost.
        rivals: The kinds of words that the model tells apart.
    """

    lost: float
    won: float
    kept: float
    rivals: tuple[Rivals, ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    """How one model's cosine becomes a score: 1 / (1 + exp(-(slope * cosine + offset))).

    Attributes:
        contrasting: None for a model whose words were not set against rivals.
        drift: None for a model whose drift was not calibrated.
    """

    id: str
    slope: float
    offset: float
    contrasting: Contrasting | None = None
    drift: Drift | None = None


@dataclass(frozen=True, slots=True)
class AlignmentParts:
    """The measured parts, cosines in [-1, 1].

    Attributes:
        cosine: Of the prompt with the mean of the frames.
        cosine_min: Of the prompt with the frame that fits least.
        cosine_max: Of the prompt with the frame that fits best.
        margin: Cosine of the prompt less that of its best rival, mean over the frames, of the word that fares worst; 0
            where no word has rivals.
        weakest: That word.
        n_beats: Beats that the model could be asked about.
        beat_cosine: Of the beats with the frames of their part, mean.
        beat_cosine_min: Of the beat that fits least.
        beat_order: Of those beats, the share that fits its own part of the clip at least as well as any other.
        excluded: Largest gain in cosine from naming something excluded; 0 where nothing is excluded.
        excluded_item: That thing.
    """

    cosine: float
    cosine_min: float
    cosine_max: float
    margin: float = 0.0
    weakest: str = ""
    n_beats: int = 0
    beat_cosine: float = 0.0
    beat_cosine_min: float = 0.0
    beat_order: float = 1.0
    excluded: float = 0.0
    excluded_item: str = ""


def fold_alignment(
    images: Embedding, times_s: Sequence[float], questions: Questions, answers: Mapping[str, Embedding]
) -> AlignmentParts:
    """Compare the sampled frames with what was asked.

    Args:
        images: Unit vectors of the frames, (N, D), N >= 1.
        times_s: When each frame is shown, seconds.
        questions: What was asked.
        answers: Unit vector (D,) of each of the questions' texts.

    Raises:
        InvalidClip: No frame, or embeddings of different models.
    """
    text = answers[questions.words.text]
    if text.ndim != 1 or not len(images) or images.shape[1:] != text.shape or len(images) != len(times_s):
        raise InvalidClip("clip.bad_array", f"cannot compare embeddings of shapes {images.shape} and {text.shape}")
    by_frame = images @ text
    margin, weakest = _worst_contrast(images, questions.contrasts, answers, by_frame)
    excluded, item = _most_excluded(images, questions, answers)
    beats = _beats(images, np.asarray(times_s), questions, answers)
    return AlignmentParts(
        cosine=_cosine(images, text),
        cosine_min=float(by_frame.min()),
        cosine_max=float(by_frame.max()),
        margin=margin,
        weakest=weakest,
        n_beats=len(beats),
        beat_cosine=float(np.mean(np.diagonal(beats))) if len(beats) else 0.0,
        beat_cosine_min=float(np.min(np.diagonal(beats))) if len(beats) else 0.0,
        beat_order=float((np.diagonal(beats) >= beats.max(axis=1) - 1e-6).mean()) if len(beats) else 1.0,
        excluded=excluded,
        excluded_item=item,
    )


def score_alignment(parts: AlignmentParts, calibration: Calibration) -> float:
    """Map the parts to [0, 1] with the model's own calibration: scores of different models do not compare without."""
    whole = _calibrated(parts.cosine, calibration) * _contrast_left(parts, calibration)
    if parts.n_beats:
        told = _calibrated(parts.beat_cosine, calibration) * (0.5 + 0.5 * parts.beat_order)
        whole = (1 - BEATS_WEIGHT) * whole + BEATS_WEIGHT * told
    return whole * (1 - (1 - KEPT_EXCLUDED) * excluded_is_seen(parts))


def excluded_is_seen(parts: AlignmentParts) -> float:
    """Tell how plainly something excluded is seen, [0, 1]."""
    chance, plain = EXCLUDED
    return float(np.clip((parts.excluded - chance) / (plain - chance), 0, 1))


def contrast_is_lost(parts: AlignmentParts, calibration: Calibration) -> bool:
    """Tell whether another word fits better in the prompt than the one that was asked for."""
    rule = calibration.contrasting
    return rule is not None and bool(parts.weakest) and parts.margin < (rule.lost + rule.won) / 2


def _calibrated(cosine: float, calibration: Calibration) -> float:
    return 1 / (1 + math.exp(-(calibration.slope * cosine + calibration.offset)))


def _contrast_left(parts: AlignmentParts, calibration: Calibration) -> float:
    rule = calibration.contrasting
    if rule is None or not parts.weakest:
        return 1.0
    won = (parts.margin - rule.lost) / (rule.won - rule.lost)
    return float(rule.kept + (1 - rule.kept) * np.clip(won, 0, 1))


def _worst_contrast(
    images: Embedding, contrasts: Sequence[Contrast], answers: Mapping[str, Embedding], by_frame: Floats
) -> tuple[float, str]:
    margins = []
    for contrast in contrasts:
        rivals = images @ np.stack([answers[text] for text in contrast.rivals]).T
        margins.append((float((by_frame - rivals.max(axis=1)).mean()), contrast.word))
    return min(margins, default=(0.0, ""))


def _most_excluded(images: Embedding, questions: Questions, answers: Mapping[str, Embedding]) -> tuple[float, str]:
    without = _cosine(images, answers[questions.words.text])
    gains = [(_cosine(images, answers[text]) - without, item) for item, text in questions.negatives]
    gain, item = max(gains, default=(0.0, ""))
    return max(gain, 0.0), item


def _beats(images: Embedding, times_s: Floats, questions: Questions, answers: Mapping[str, Embedding]) -> Floats:
    """Give the cosine of every beat (row) with the frames of every beat's part of the clip (column)."""
    parts = [images[_within(times_s, beat.start_s, beat.end_s)] for beat in questions.beats]
    return np.array([[_cosine(part, answers[beat.text]) for part in parts] for beat in questions.beats])


def _within(times_s: Floats, start_s: float, end_s: float) -> Floats:
    """Choose the frames of a part; the one nearest to its middle where none falls into it."""
    inside = (times_s >= start_s) & (times_s < end_s)
    if not inside.any():
        inside = np.arange(len(times_s)) == np.abs(times_s - (start_s + end_s) / 2).argmin()
    return np.asarray(inside)


def _cosine(images: Embedding, text: Embedding) -> float:
    mean = images.mean(axis=0)
    return float(mean @ text / max(float(np.linalg.norm(mean)), 1e-6))
