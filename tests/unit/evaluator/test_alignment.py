import numpy as np
import pytest
from dailies_contracts import Beat
from evaluator.domain.alignment import (
    AlignmentParts,
    Calibration,
    Contrasting,
    contrast_is_lost,
    excluded_is_seen,
    fold_alignment,
    score_alignment,
)
from evaluator.domain.asked import Asked
from evaluator.domain.errors import InvalidClip
from evaluator.domain.questions import Questions, Rivals, Vocabulary, know_words, pose_questions

WORDS = Vocabulary(
    known=frozenset({"red", "cup", "desk", "berry", "box", "walnut"}),
    without_content=frozenset({"a", "on", "the", "cinematic", "with"}),
)


def _unit(*values: float) -> np.ndarray:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


COLOURS = Rivals("colour", {"red": "red", "scarlet": "red", "blue": "blue", "green": "green"})
THINGS = Rivals("thing", {"cup": "cup", "red cup of tea": "cup", "box": "box"})
CURVE = Calibration("c", slope=10, offset=-5)


def _about(prompt: str, **asked: object) -> Questions:
    return pose_questions(Asked(prompt=prompt, **asked), None, (COLOURS,))


def test_frames_are_pooled_before_the_prompt_is_compared() -> None:
    questions = _about("a cup")
    parts = fold_alignment(np.stack([_unit(1, 0), _unit(0, 1)]), (0.0, 1.0), questions, {"a cup": _unit(1, 1)})
    assert parts.cosine == pytest.approx(1.0)
    assert parts.cosine_min == pytest.approx(2**-0.5)


def test_every_word_is_asked_against_its_rivals() -> None:
    questions = pose_questions(Asked(prompt="A scarlet cup beside a red cup of tea"), None, (COLOURS, THINGS))
    assert {contrast.word: contrast.rivals for contrast in questions.contrasts} == {
        "scarlet": ("a blue cup beside a red cup of tea", "a green cup beside a red cup of tea"),
        "cup": ("a scarlet box beside a red cup of tea",),
        "red cup of tea": ("a scarlet cup beside a box",),
    }


@pytest.mark.parametrize(("seen", "lost"), [((1.0, 0.2, 0.0), False), ((0.2, 1.0, 0.0), True)])
def test_a_word_that_loses_against_a_rival_costs(seen: tuple[float, ...], lost: bool) -> None:
    questions = _about("a red cup")
    answers = {"a red cup": _unit(1, 0, 0), "a blue cup": _unit(0, 1, 0), "a green cup": _unit(0, 0, 1)}
    parts = fold_alignment(np.stack([_unit(*seen)] * 2), (0.0, 1.0), questions, answers)
    rule = Calibration("c", slope=0, offset=5, contrasting=Contrasting(lost=-0.3, won=0.0, kept=0.25))
    assert parts.weakest == "red"
    assert contrast_is_lost(parts, rule) == lost
    assert score_alignment(parts, rule) == pytest.approx(0.25 if lost else 1.0, abs=0.01)


def test_a_beat_is_scored_against_its_part_of_the_clip() -> None:
    beats = (Beat(start_s=0, end_s=2, action="a cup"), Beat(start_s=2, end_s=4, action="a box"))
    answers = {"a cup, then a box": _unit(1, 1), "a cup": _unit(1, 0), "a box": _unit(0, 1)}
    cup_first = np.stack([_unit(1, 0), _unit(1, 0), _unit(0, 1), _unit(0, 1)])
    parts = [
        fold_alignment(images, (0.0, 1.0, 2.0, 3.0), _about("a cup, then a box", beats=beats), answers)
        for images in (cup_first, cup_first[::-1])
    ]
    assert [(part.n_beats, part.beat_cosine, part.beat_order) for part in parts] == [(2, 1.0, 1.0), (2, 0.0, 0.0)]
    assert score_alignment(parts[0], CURVE) > score_alignment(parts[1], CURVE) + 0.5


def test_a_beat_between_two_sampled_frames_is_asked_of_the_nearest() -> None:
    beats = (Beat(start_s=0, end_s=3, action="a cup"), Beat(start_s=3, end_s=3.5, action="a box"))
    answers = {"both": _unit(1, 1), "a cup": _unit(1, 0), "a box": _unit(0, 1)}
    parts = fold_alignment(np.stack([_unit(1, 0), _unit(0, 1)]), (0.0, 4.0), _about("both", beats=beats), answers)
    assert parts.beat_cosine == 1.0


@pytest.mark.parametrize(("seen", "shown"), [((1.0, 0.0), 0.0), ((1.0, 1.0), 1.0)])
def test_what_was_excluded_is_looked_for_in_the_whole_clip(seen: tuple[float, float], shown: float) -> None:
    answers = {"a cup": _unit(1, 0), "a cup, a box": _unit(1, 0.6)}
    questions = _about("a cup", negative=("a box",))
    parts = fold_alignment(np.stack([_unit(*seen)]), (0.0,), questions, answers)
    assert excluded_is_seen(parts) == pytest.approx(shown)
    assert parts.excluded_item == "a box"
    assert score_alignment(parts, Calibration("c", 0, 5)) == pytest.approx(0.3 if shown else 1.0, abs=0.01)


def test_only_what_the_model_knows_is_asked() -> None:
    beats = (Beat(start_s=0, end_s=1, action="the dragon hums"), Beat(start_s=1, end_s=2, action="a red box"))
    asked = Asked(prompt="a red cup", beats=beats, negative=("dragons", "berries", "the red"))
    questions = pose_questions(asked, WORDS)
    assert [beat.text for beat in questions.beats] == ["a red box"]
    assert questions.negatives == (("berries", "a red cup, berries"), ("the red", "a red cup, the red"))


def test_the_calibration_of_the_model_makes_the_score() -> None:
    parts = AlignmentParts(cosine=0.5, cosine_min=0.4, cosine_max=0.6)
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
        fold_alignment(images, [0.0] * len(images), _about("a cup"), {"a cup": text})


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
    assert words.can_align == (share >= 0.5 and prompt not in {"cinematic", ""})


def test_the_model_is_asked_about_the_known_words_only() -> None:
    assert know_words("a red cup with a laptop", WORDS).text == "a red cup with a"
    assert know_words("A Red Cup", WORDS).text == "A Red Cup"
