import numpy as np
import pytest
from evaluator.domain.alignment import (
    AlignmentParts,
    Calibration,
    Vocabulary,
    fold_alignment,
    know_words,
    score_alignment,
)
from evaluator.domain.errors import InvalidClip
from evaluator.domain.verdict import can_align

WORDS = Vocabulary(
    known=frozenset({"red", "cup", "desk", "berry", "box", "walnut"}),
    without_content=frozenset({"a", "on", "the", "cinematic", "with"}),
)


def _unit(*values: float) -> np.ndarray:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


def test_frames_are_pooled_before_the_prompt_is_compared() -> None:
    parts = fold_alignment(np.stack([_unit(1, 0), _unit(0, 1)]), _unit(1, 1))
    assert parts.cosine == pytest.approx(1.0)
    assert parts.cosine_min == pytest.approx(2**-0.5)
    assert parts.steadiness == pytest.approx(0.0)


def test_the_calibration_of_the_model_makes_the_score() -> None:
    parts = AlignmentParts(cosine=0.5, cosine_min=0.4, cosine_max=0.6, steadiness=0.9)
    assert score_alignment(parts, Calibration("c", slope=10, offset=-5)) == pytest.approx(0.5)
    assert score_alignment(parts, Calibration("c", slope=10, offset=0)) > 0.99


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (np.zeros((0, 4), np.float32), np.zeros(4, np.float32)),
        (np.zeros((2, 4), np.float32), np.zeros(5, np.float32)),
        (np.zeros((2, 4), np.float32), np.zeros((1, 4), np.float32)),
    ],
)
def test_embeddings_that_do_not_belong_together_are_refused(images: np.ndarray, text: np.ndarray) -> None:
    with pytest.raises(InvalidClip):
        fold_alignment(images, text)


@pytest.mark.parametrize(
    ("prompt", "share", "unknown"),
    [
        ("A red cup on the walnut desk", 1.0, ()),
        ("Red cups, berries, boxes", 1.0, ()),
        ("a corgi surfing", 0.0, ("corgi", "surfing")),
        ("a red cup with a laptop", 2 / 3, ("laptop",)),
        ("cinematic", 1.0, ()),
        ("", 1.0, ()),
        ("a Corgi, a corgi and a CUP", 1 / 3, ("corgi", "and")),
    ],
)
def test_words_outside_the_vocabulary_are_found(prompt: str, share: float, unknown: tuple[str, ...]) -> None:
    words = know_words(prompt, WORDS)
    assert words.share == pytest.approx(share)
    assert words.unknown == unknown
    assert can_align(words) == (share >= 0.5)


def test_the_model_is_asked_about_the_known_words_only() -> None:
    assert know_words("a red cup with a laptop", WORDS).text == "a red cup with a"
    assert know_words("A Red Cup", WORDS).text == "A Red Cup"
