"""Real H.264 files through the shipped scorer."""

from collections.abc import Callable
from pathlib import Path

import pytest
from dailies_contracts import Scores
from evaluator.scoring import Scorer

CUP = "a white ceramic cup on a walnut desk, morning light, slow dolly in"
CLEAN = (
    CUP,
    "a red fox running through a forest, pan right",
    "a yellow kite in the sky over a field, handheld camera",
    "a blue boat sailing on the sea at sunset",
    "a red car driving along a street at night, pan left",
)
Score = Callable[..., Scores]


@pytest.mark.parametrize("prompt", CLEAN)
def test_a_clean_clip_of_the_prompt_passes(scored: Score, prompt: str) -> None:
    scores = scored(prompt)
    assert scores.passed, scores
    assert scores.aggregate > 0.75
    assert scores.safety >= 0.95


@pytest.mark.parametrize(
    ("defect", "metric", "flag"),
    [
        ("flicker", "motion", "flicker"),
        ("jump_cut", "motion", ""),
        ("morph", "motion", "morphing"),
        ("freeze", "motion", "frozen"),
        ("noise", "motion", ""),
        ("noise", "aesthetic", "poor_picture"),
        ("blur", "aesthetic", ""),
        ("wrong_subject", "alignment", ""),
        ("wrong_colour", "alignment", ""),
    ],
)
def test_a_defect_lowers_its_metric_and_the_aggregate(scored: Score, defect: str, metric: str, flag: str) -> None:
    clean, broken = scored(), scored(defects={defect: 0.8})
    assert getattr(broken, metric) < getattr(clean, metric) - 0.1
    assert broken.aggregate < clean.aggregate
    assert not flag or flag in broken.flags


def test_a_clip_of_something_else_does_not_pass(scored: Score) -> None:
    scores = scored(asked="a blue boat on the sea at night")
    assert scores.alignment is not None
    assert scores.alignment < 0.2
    assert not scores.passed


def test_a_prompt_outside_the_vocabulary_is_flagged_not_scored(scored: Score) -> None:
    scores = scored(asked="a corgi surfing a wave of lava")
    assert scores.alignment is None
    assert "out_of_vocabulary" in scores.flags


@pytest.mark.parametrize("size_px", [(360, 640), (480, 480), (1280, 720)])
def test_every_shape_is_scored_alike(scored: Score, size_px: tuple[int, int]) -> None:
    scores = scored(size_px=size_px, duration_s=1.5)
    assert scores.passed, scores
    assert scores.raw["clip.width_px"] == size_px[0]


def test_length_does_not_change_the_verdict(scored: Score) -> None:
    short, long = (scored(defects={"flicker": 0.5}, duration_s=seconds) for seconds in (1.5, 4.0))
    assert short.motion == pytest.approx(long.motion, abs=0.1)
    assert scored(duration_s=1.5).motion == pytest.approx(scored(duration_s=4.0).motion, abs=0.1)


def test_the_same_file_gives_the_same_scores(scorer: Scorer, render: Callable[..., Path]) -> None:
    path = render()
    assert scorer.score(path, CUP) == scorer.score(path, CUP)


def test_the_best_of_three_drafts_is_found(scored: Score) -> None:
    drafts = [scored(), scored(defects={"noise": 0.4}), scored(defects={"morph": 0.7, "wrong_colour": 1.0})]
    totals = [draft.aggregate for draft in drafts]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] - totals[1] > 0.05


def test_every_score_names_its_models_and_keeps_its_parts(scored: Score) -> None:
    scores = scored()
    assert set(scores.models) == {"alignment", "motion", "aesthetic", "safety"}
    assert scores.models["alignment"].startswith("tiny-scenes-2@")
    assert scores.models["aesthetic"].startswith("technical_quality")
    groups = {"clip", "delivery", "motion", "technical", "safety", "alignment", "identity", "overlay"}
    assert {name.partition(".")[0] for name in scores.raw} == groups
