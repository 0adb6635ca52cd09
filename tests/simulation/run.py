"""`make market`: months of jobs over a simulated market, decided by the router's own code; figures, pictures, JSON."""

import argparse
import asyncio
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from market.jobs import Prompts
from market.report import draw, figures_of, table
from market.season import Season, play
from runtime.catalog import load_catalog

ROOT = Path(__file__).parents[2]
CATALOG = ROOT / "deploy" / "catalog.toml"
TARGETS = {
    "cost_vs_all_premium": "at most 0.45",
    "quality_vs_all_premium": "at least 0.97",
    "utility_vs_oracle": "at least 0.95",
    "clips_until_degraded_vendor_left": "at most 40",
    "budget_overruns": "0",
    "duplicate_charges": "0",
}


def season(seed: int, n_jobs: int) -> Season:
    """Play one season in a process of its own."""
    catalog = load_catalog(CATALOG)
    return asyncio.run(play(seed, catalog, Prompts(catalog), n_jobs=n_jobs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many markets")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=900, help="jobs of a season; 16 come a day")
    parser.add_argument("--out", type=Path, default=Path(".dailies/market.json"))
    asked = parser.parse_args()
    policy = load_catalog(CATALOG).policy
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    started = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        seasons = list(pool.map(season, seeds, [asked.jobs] * asked.seeds))
    took_s = time.perf_counter() - started
    figures = figures_of(seasons, policy)
    print(f"{asked.seeds} seasons of {asked.jobs} jobs ({asked.jobs / 16:.0f} days each) in {took_s:.0f} s\n")
    print(table(seasons, policy), "\n")
    for name, value in figures.items():
        print(f"{name:<42}{value:>10.3f}   {TARGETS.get(name, '')}")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=2) + "\n")
    for path in draw(seasons, policy, asked.out.parent / "market"):
        print(f"drawn {path}")
    print(f"written {asked.out}")


if __name__ == "__main__":
    main()
