import pytest
from evaluator.domain.second_opinion import LARGEST_RATIO, Seen, in_doubt, together, weighed
from hypothesis import given
from hypothesis import strategies as st

PROBABILITIES = st.floats(0.0, 1.0)


@st.composite
def anything_seen(draw: st.DrawFn) -> Seen:
    parts = [draw(st.floats(0.001, 1.0)) for _ in range(5)]
    return Seen(*(part / sum(parts) for part in parts))


@st.composite
def photographs(draw: st.DrawFn) -> Seen:
    neutral, porn, sexy = (draw(st.floats(0.001, 1.0)) for _ in range(3))
    total = neutral + porn + sexy
    return Seen(0.0, 0.0, neutral / total, porn / total, sexy / total)


@given(PROBABILITIES, anything_seen())
def test_it_is_a_probability(probability: float, seen: Seen) -> None:
    assert 0 <= together(probability, seen) <= 1


@given(PROBABILITIES, PROBABILITIES, anything_seen())
def test_more_from_the_first_is_never_less_together(one: float, other: float, seen: Seen) -> None:
    low, high = sorted((one, other))
    assert together(low, seen) <= together(high, seen) + 1e-12


@given(PROBABILITIES)
def test_a_second_that_cannot_tell_changes_nothing(probability: float) -> None:
    undecided = Seen(drawing=0.0, hentai=0.0, neutral=1 / 3, porn=1 / 3, sexy=1 / 3)
    assert together(probability, undecided) == pytest.approx(probability)


@given(st.floats(0.8, 1.0), photographs())
def test_where_the_first_is_sure_of_a_photograph_nothing_is_taken_away(probability: float, seen: Seen) -> None:
    assert together(probability, seen) >= probability - 1e-12


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95])
def test_a_drawing_is_what_the_second_sees_in_it(probability: float) -> None:
    harmless, pornographic = Seen(0.96, 0.04, 0.0, 0.0, 0.0), Seen(0.1, 0.9, 0.0, 0.0, 0.0)
    assert together(probability, harmless) == pytest.approx(0.04)
    assert together(probability, pornographic) == pytest.approx(0.9)


def test_doubts_of_both_add_up_and_those_of_one_do_not() -> None:
    both_doubt = Seen(0.05, 0.05, 0.2, 0.6, 0.1)
    second_sees_nothing = Seen(0.05, 0.0, 0.93, 0.02, 0.0)
    assert together(0.25, both_doubt) > 0.3
    assert together(0.5, second_sees_nothing) < 0.15


@given(PROBABILITIES, st.floats(0.01, 0.79), photographs())
def test_nobody_is_asked_who_could_not_change_what_passes(probability: float, safe_below: float, seen: Seen) -> None:
    if not in_doubt(probability, safe_below=safe_below):
        assert probability < safe_below
        assert together(probability, seen) < safe_below


def test_the_second_counts_for_ten_times_at_most() -> None:
    assert weighed(0.5, 1e6) == pytest.approx(weighed(0.5, LARGEST_RATIO))
    assert weighed(0.5, 0.0) == pytest.approx(weighed(0.5, 1 / LARGEST_RATIO))
