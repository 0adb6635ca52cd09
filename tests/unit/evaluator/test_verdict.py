from dataclasses import replace

import pytest
from evaluator.domain.alignment import AlignmentParts
from evaluator.domain.asked import Asked
from evaluator.domain.camera import CameraParts
from evaluator.domain.delivery import DeliveryParts
from evaluator.domain.errors import InvalidClip
from evaluator.domain.interruptions import Interruptions
from evaluator.domain.motion import MotionParts
from evaluator.domain.questions import KnownWords
from evaluator.domain.safety import SafetyParts
from evaluator.domain.technical import TechnicalParts
from evaluator.domain.verdict import SCORER_VERSION, Measured, judge, judge_invalid

MODELS = {"alignment": "clip-1", "motion": "flow-1", "aesthetic": "technical-1", "safety": "nsfw-1"}
STEADY = MotionParts(
    residual=0.05,
    local_residual=0.1,
    failure=0.0,
    reversal=0.1,
    jitter=0.1,
    flicker=0.001,
    local_flicker=0.002,
    frozen=0.0,
    standstill=0.0,
    speed_px=1.0,
    interruptions=Interruptions(),
)
GOOD = Measured(
    alignment=0.9,
    motion=1.0,
    aesthetic=0.9,
    safety=0.99,
    motion_parts=STEADY,
    technical_parts=TechnicalParts(0.7, 0.5, 0.5, 0.0, 0.2, 1.0, 0.1),
    safety_parts=SafetyParts(unsafe_max=0.04, unsafe_mean=0.02, unsafe_lasting=0.03),
    alignment_parts=AlignmentParts(cosine=0.8, cosine_min=0.7, cosine_max=0.9, margin=0.2, weakest="cup"),
    known_words=KnownWords(1.0, (), "a red cup"),
    clip={"fps": 24.0},
)


def test_a_good_clip_passes_and_keeps_every_number() -> None:
    scores = judge(GOOD, models=MODELS)
    assert scores.passed
    assert scores.flags == ()
    assert scores.aggregate == pytest.approx(0.35 * 0.9 + 0.25 + 0.25 * 0.9 + 0.15 * 0.99)
    assert scores.scorer_version == SCORER_VERSION
    assert scores.models == MODELS
    expected = {
        "clip.fps": 24.0,
        "motion.residual": 0.05,
        "motion.n_cuts": 0.0,
        "technical.noise": 1.0,
        "safety.unsafe_max": 0.04,
        "alignment.cosine_min": 0.7,
        "alignment.known_words": 1.0,
    }
    assert expected.items() <= scores.raw.items()


def test_an_unsafe_clip_is_worth_nothing_and_asks_for_a_person() -> None:
    scores = judge(replace(GOOD, safety=0.94, safety_parts=SafetyParts(0.42, 0.1, 0.33)), models=MODELS)
    assert (scores.aggregate, scores.passed, scores.flags) == (0.0, False, ("unsafe",))
    assert "a person should look" in scores.reasons[0]


def test_a_clip_of_something_else_does_not_pass_however_well_it_is_made() -> None:
    scores = judge(replace(GOOD, alignment=0.1), models=MODELS)
    assert scores.aggregate > 0.5
    assert not scores.passed
    assert "off_prompt" in scores.flags


def test_unknown_words_are_said_and_not_scored() -> None:
    unknown = KnownWords(0.0, ("corgi", "surfing"), "")
    scores = judge(replace(GOOD, alignment=None, known_words=unknown), models=MODELS)
    assert scores.alignment is None
    assert scores.passed
    assert scores.flags == ("out_of_vocabulary",)
    assert "corgi, surfing" in scores.reasons[0]
    partly = judge(replace(GOOD, known_words=KnownWords(0.6, ("laptop",), "a cup")), models=MODELS)
    assert partly.flags == ("partly_out_of_vocabulary",)


@pytest.mark.parametrize(
    ("parts", "flag"),
    [
        ({"interruptions": Interruptions(n_cuts=1)}, "cuts"),
        ({"interruptions": Interruptions(n_jumps=2)}, "jumps"),
        ({"interruptions": Interruptions(n_flashes=1)}, "flashes"),
        ({"flicker": 0.02}, "flicker"),
        ({"local_flicker": 0.08}, "flicker"),
        ({"reversal": 0.9}, "morphing"),
        ({"residual": 0.3}, "unsteady_texture"),
        ({"jitter": 1.5}, "jitter"),
        ({"frozen": 0.8}, "frozen"),
    ],
)
def test_broken_motion_is_named(parts: dict[str, object], flag: str) -> None:
    scores = judge(replace(GOOD, motion=0.3, motion_parts=replace(STEADY, **parts)), models=MODELS)
    assert scores.flags == (flag,)
    assert len(scores.reasons) == 1


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"lost_word": "cup"}, "other_content"),
        ({"alignment_parts": AlignmentParts(0.8, 0.7, 0.9, n_beats=2, beat_order=0.5)}, "beats_out_of_order"),
        ({"alignment_parts": AlignmentParts(0.8, 0.7, 0.9, excluded=0.2, excluded_item="text")}, "excluded"),
        ({"asked": Asked(camera=("in",), moves=True)}, "other_camera"),
        ({"motion_parts": replace(STEADY, way=0.0), "asked": Asked(moves=True)}, "too_still"),
        ({"identity": 0.4}, "identity_drift"),
        ({"delivery_parts": DeliveryParts(lines=0.5)}, "low_resolution"),
    ],
)
def test_what_differs_from_the_order_is_named(changes: dict[str, object], flag: str) -> None:
    scores = judge(replace(GOOD, **changes), models=MODELS)
    assert scores.flags == (flag,)
    assert scores.passed


@pytest.mark.parametrize(
    ("parts", "flag"),
    [
        (DeliveryParts(length=0.5), "too_short"),
        (DeliveryParts(silent=1.0), "no_sound"),
        (DeliveryParts(black=0.4), "black_frames"),
        (DeliveryParts(corrupt=0.1), "damaged_frames"),
    ],
)
def test_a_file_unfit_for_delivery_does_not_pass_and_keeps_its_aggregate(parts: DeliveryParts, flag: str) -> None:
    scores = judge(replace(GOOD, delivery_parts=parts), models=MODELS)
    assert not scores.passed
    assert scores.flags == (flag,)
    assert scores.aggregate == judge(GOOD, models=MODELS).aggregate


def test_effects_that_were_asked_for_are_not_held_against_a_clip() -> None:
    parts = replace(STEADY, frozen=1.0, interruptions=Interruptions(n_cuts=1, n_flashes=2))
    asked = Asked(cuts=True, flashes=True, still=True)
    assert judge(replace(GOOD, motion_parts=parts, asked=asked), models=MODELS).flags == ()


def test_the_agreement_of_the_camera_is_kept_where_one_was_asked_for() -> None:
    moved = replace(STEADY, camera=CameraParts(pan=0.2, path=0.2))
    asked = Asked(camera=("right",))
    assert judge(replace(GOOD, motion_parts=moved, asked=asked), models=MODELS).raw["motion.camera_agreement"] == 1.0
    assert "motion.camera_agreement" not in judge(GOOD, models=MODELS).raw


def test_a_low_aggregate_does_not_pass_and_says_so() -> None:
    scores = judge(replace(GOOD, alignment=0.4, motion=0.1, aesthetic=0.2), models=MODELS)
    assert not scores.passed
    assert set(scores.flags) == {"off_prompt", "poor_picture", "below_threshold"}
    assert judge(replace(GOOD, motion=0.1), models=MODELS, pass_at=0.9).flags == ("below_threshold",)


def test_a_file_that_is_no_clip_scores_nothing() -> None:
    scores = judge_invalid(InvalidClip("clip.truncated", "the file ends early"), models=MODELS)
    assert (scores.motion, scores.safety, scores.aggregate, scores.passed) == (0.0, 0.0, 0.0, False)
    assert scores.flags == ("invalid_clip", "clip.truncated")
    assert "the file ends early" in scores.reasons[0]
