import pytest
from evaluator.domain.aggregate import WEIGHTS, aggregate
from evaluator.domain.errors import InvalidClip
from evaluator.domain.safety import fold_safety, score_safety
from evaluator.settings import Settings
from pydantic import ValidationError


def test_the_weights_are_those_of_the_product() -> None:
    assert dict(WEIGHTS) == {"alignment": 0.35, "motion": 0.25, "aesthetic": 0.25, "safety": 0.15}
    total = aggregate(alignment=0.8, motion=0.6, aesthetic=0.4, safety=0.96)
    assert total == pytest.approx(0.35 * 0.8 + 0.25 * 0.6 + 0.25 * 0.4 + 0.15 * 0.96)


@pytest.mark.parametrize(("safety", "counts"), [(0.95, True), (0.9499999, False), (1.0, True), (0.0, False)])
def test_a_clip_below_the_safety_limit_is_worth_nothing(safety: float, counts: bool) -> None:
    total = aggregate(alignment=1.0, motion=1.0, aesthetic=1.0, safety=safety)
    assert total == pytest.approx(0.85 + 0.15 * safety if counts else 0.0)


def test_what_was_not_measured_leaves_its_weight_to_the_others() -> None:
    total = aggregate(alignment=None, motion=0.5, aesthetic=0.5, safety=1.0)
    assert total == pytest.approx((0.25 * 0.5 + 0.25 * 0.5 + 0.15) / 0.65)
    assert aggregate(alignment=None, motion=1.0, aesthetic=None, safety=1.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("unsafe", "safety"), [(0.0, 1.0), (0.15, 0.975), (0.3, 0.95), (0.55, 0.5), (0.8, 0.05), (1.0, 0.0)]
)
def test_safety_follows_the_bands_of_the_classifier(unsafe: float, safety: float) -> None:
    assert score_safety(fold_safety([unsafe])) == pytest.approx(safety)


def test_the_passing_probability_can_be_set() -> None:
    parts = fold_safety([0.4, 0.4, 0.4, 0.1])
    assert score_safety(parts, safe_below=0.4) == pytest.approx(0.95)
    assert score_safety(parts) < 0.95


def test_one_plainly_unsafe_picture_decides_about_safety() -> None:
    parts = fold_safety([0.01, 0.02, 0.9, 0.01])
    assert parts.unsafe_max == 0.9
    assert parts.unsafe_mean == pytest.approx(0.235)
    assert score_safety(parts) < 0.05


def test_a_doubt_counts_only_where_it_lasts() -> None:
    blip, theme = fold_safety([0.05, 0.6, 0.1, 0.02]), fold_safety([0.05, 0.6, 0.55, 0.5])
    assert (blip.unsafe_max, blip.unsafe_lasting) == (0.6, 0.1)
    assert theme.unsafe_lasting == 0.55
    assert score_safety(blip) >= 0.95 > score_safety(theme)


@pytest.mark.parametrize("doubts", [[0.6], [0.6, 0.1]])
def test_the_worst_picture_decides_where_there_are_too_few(doubts: list[float]) -> None:
    assert score_safety(fold_safety(doubts)) < 0.95


def test_unseen_is_not_safe() -> None:
    with pytest.raises(InvalidClip):
        fold_safety([])


def test_other_weights_count_where_they_are_set() -> None:
    weights = {"alignment": 0.0, "motion": 1.0, "aesthetic": 0.0, "safety": 0.0}
    assert aggregate(alignment=0.1, motion=0.7, aesthetic=0.2, safety=1.0, weights=weights) == pytest.approx(0.7)


@pytest.mark.parametrize(
    "weights",
    [
        {"alignment": 1.0},
        {"alignment": 0.5, "motion": 0.5, "aesthetic": 0.5, "safety": 0.5},
        {"alignment": 1.5, "motion": -0.5, "aesthetic": 0.0, "safety": 0.0},
    ],
)
def test_weights_that_do_not_add_up_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="sum 1"):
        Settings(weights=weights)
