"""What a clip is worth: the index of a search, its limits, and what it makes of prices."""

from pathlib import Path
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runtime.catalog import load_catalog
from runtime.routing_policy import Policy
from runtime.worth import expected_gain, own_sd, price_of, search_index, utility_of

CATALOG = Path(__file__).parents[3] / "deploy" / "catalog.toml"


@pytest.fixture(scope="session")
def policy() -> Policy:
    return load_catalog(CATALOG).policy


@given(st.floats(0, 1), st.floats(0.02, 0.3), st.floats(0.001, 1))
def test_at_the_index_one_more_draw_gains_what_it_costs(usual: float, sd: float, price: float) -> None:
    index = search_index(usual, sd, price=price)
    assert expected_gain(usual, sd, index) == pytest.approx(price, abs=1e-3 * sd)


def test_without_scatter_or_at_a_high_price_it_is_score_less_price() -> None:
    assert search_index(0.8, 0.0, price=0.1) == pytest.approx(0.7)
    assert search_index(0.8, 0.1, price=0.5) == pytest.approx(0.3, abs=1e-4)


def test_cheap_draws_are_worth_more_than_one_of_them_usually_gives() -> None:
    assert search_index(0.76, 0.12, price=0.02) > 0.8 > search_index(0.8, 0.12, price=0.08)


def test_a_clip_that_rarely_comes_costs_more_and_is_not_thought_worse(policy: Policy) -> None:
    sure, rare = (
        price_of(policy, quality="premium", stage="final", cost_usd_micros=600_000, latency_s=90, success=success)
        for success in (1.0, 0.5)
    )
    assert rare == pytest.approx(2 * sure)
    fields = {"quality": "premium", "stage": "final", "price": rare}
    better, worse = (utility_of(policy, score=score, **fields) for score in (0.85, 0.75))
    assert better - worse == pytest.approx(0.1)


def test_a_dollar_counts_less_for_a_premium_final_only(policy: Policy) -> None:
    about = {"cost_usd_micros": 1_000_000, "latency_s": 0.0}
    prices = {
        (quality, stage): price_of(policy, quality=quality, stage=stage, **about)
        for quality in ("draft", "standard", "premium")
        for stage in ("draft", "final")
    }
    premium = prices.pop(("premium", "final"))
    assert premium == policy.premium_cost_weight_per_usd < policy.cost_weight_per_usd
    assert set(prices.values()) == {policy.cost_weight_per_usd}


def test_a_draft_that_is_only_a_step_is_chosen_by_what_one_that_passes_costs(policy: Policy) -> None:
    def worth(score: float, price: float, quality: str = "premium") -> float:
        return utility_of(policy, quality=quality, stage="draft", score=score, price=price)

    assert worth(0.58, 0.03) > worth(0.68, 0.08)  # cheap and good enough
    assert worth(0.25, 0.03) < worth(0.58, 0.08)  # cheap, but next to none passes
    assert worth(0.58, 0.03, "draft") < worth(0.68, 0.08, "draft")  # it is what is delivered


def test_what_a_final_shares_with_its_draft_scatters_no_more(policy: Policy) -> None:
    spread = [own_sd(0.12, how, policy) for how in ("exact", "anchored", "fresh")]
    assert spread == sorted(spread)
    assert mean(spread) < 0.12


def test_a_final_that_always_scores_the_same_is_searched_for_in_vain(policy: Policy) -> None:
    fields = {"quality": "premium", "stage": "final", "score": 0.8, "price": 0.02}
    steady, unsteady = (utility_of(policy, **fields, scatter=scatter) for scatter in (0.01, 0.12))
    assert steady == pytest.approx(0.78, abs=1e-3)
    assert unsteady > 0.85
    assert utility_of(policy, **fields) == utility_of(policy, **fields, scatter=policy.learning.quality_sd)
