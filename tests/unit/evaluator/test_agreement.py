import pytest
from dailies_contracts import Scores
from evaluator.domain.agreement import Agreement, Judgement, agreements, wilson_interval


def scores(aggregate: float, *, motion: float = 0.5, alignment: float | None = None) -> Scores:
    return Scores(
        aggregate=aggregate, motion=motion, alignment=alignment, safety=1.0, passed=True, scorer_version="test"
    )


def said(group: str, **values: int) -> list[Judgement]:
    return [Judgement(group=group, clip_id=clip, value=value) for clip, value in values.items()]


def of(metric: str, found: tuple[Agreement, ...]) -> Agreement:
    return next(each for each in found if each.metric == metric)


CLIPS = {"a": scores(0.9), "b": scores(0.6), "c": scores(0.3), "tie": scores(0.3)}


def test_pairs_on_which_score_and_person_agree_are_counted() -> None:
    found = of("aggregate", agreements(said("p", a=5, b=3, c=1), CLIPS))
    assert (found.accuracy, found.n_pairs, found.n_groups) == (1.0, 3, 1)
    assert of("aggregate", agreements(said("p", a=1, b=3, c=5), CLIPS)).accuracy == 0.0


def test_equal_scores_count_half_and_equal_ratings_not_at_all() -> None:
    assert of("aggregate", agreements(said("p", c=4, tie=2), CLIPS)).accuracy == 0.5
    assert of("aggregate", agreements(said("p", a=4, b=4), CLIPS)).n_pairs == 0


def test_only_judgements_of_one_group_are_compared() -> None:
    apart = said("p", a=1) + said("q", b=5)
    assert of("aggregate", agreements(apart, CLIPS)).accuracy is None


def test_every_group_counts_once_however_many_clips_it_has() -> None:
    many = said("p", a=5, b=4, c=3)
    found = of("aggregate", agreements(many + said("q", a=1, b=5), CLIPS))
    assert (found.accuracy, found.n_groups) == (0.5, 2)


def test_clips_without_a_score_or_a_metric_are_passed_over() -> None:
    known = CLIPS | {"d": scores(0.8, alignment=0.2), "e": scores(0.7, alignment=0.9)}
    found = agreements(said("p", a=5, d=4, e=2, gone=1), known)
    assert of("alignment", found).n_pairs == 1
    assert of("alignment", found).accuracy == 0.0
    assert of("aggregate", found).n_pairs == 3


def test_the_interval_is_wilsons() -> None:
    low, high = wilson_interval(0.9, 50)
    assert (low, high) == (pytest.approx(0.7864, abs=1e-4), pytest.approx(0.9565, abs=1e-4))
    assert wilson_interval(1.0, 10)[0] == pytest.approx(0.7225, abs=1e-4)
    found = of("aggregate", agreements(said("p", a=5, b=3), CLIPS))
    assert (found.low, found.high) == pytest.approx(wilson_interval(1.0, 1))
