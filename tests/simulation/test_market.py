"""A short season of `make market`, held to what must hold in any."""

from statistics import mean

from market.jobs import Prompts
from market.report import figures_of, table, utility_of
from market.season import play
from runtime.catalog import Catalog


async def test_dailies_decides_better_than_chance_and_never_spends_what_is_not_there(
    catalog: Catalog, prompts: Prompts
) -> None:
    season = await play(7, catalog, prompts, n_jobs=160)
    figures = figures_of([season], catalog.policy)
    assert figures["budget_overruns"] == 0
    assert figures["duplicate_charges"] == 0
    assert figures["cost_vs_all_premium"] < 0.6
    assert figures["quality_vs_all_premium"] > 0.85
    utility = {name: mean(utility_of(each, catalog.policy) for each in found) for name, found in season.results.items()}
    assert utility["dailies"] > max(utility["random"], utility["fixed_order"], utility["all_premium"])
    assert utility["oracle"] >= utility["dailies"] - 0.01
    assert "one_premium" in table([season], catalog.policy)
    assert len(season.asks) == 160


async def test_the_same_seed_is_the_same_season(catalog: Catalog, prompts: Prompts) -> None:
    one, other = [await play(3, catalog, prompts, n_jobs=25) for _ in range(2)]
    assert one.results == other.results
