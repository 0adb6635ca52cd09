"""Measure the spine: admission, pipeline, decisions; each next to a baseline in the same run.

Prints a table and writes `.dailies/bench.json`. Nothing here asserts on time.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from measures import admission, assets, decisions, evaluator, evaluator_defects, pipeline, telling
from measures.figures import Figure, render

MEASURES = {
    "admission": admission.measure,
    "assets": assets.measure,
    "decisions": decisions.measure,
    "evaluator": evaluator.measure,
    "evaluator_defects": evaluator_defects.measure,
    "evaluator_memory": evaluator.measure_memory,
    "pipeline": pipeline.measure,
    "telling": telling.measure,
}


async def run(names: list[str], runs: int) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        print(f"measuring {name} ...", flush=True)
        found = await MEASURES[name](runs)
        print(render(found), flush=True)
        figures.extend(found)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(MEASURES)}; all by default"
    )
    parser.add_argument("--runs", type=int, default=3, help="rounds per figure; the median is reported")
    parser.add_argument("--out", type=Path, default=Path(".dailies/bench.json"))
    arguments = parser.parse_args()
    figures = asyncio.run(run(arguments.names or list(MEASURES), arguments.runs))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"figures": [figure.as_dict() for figure in figures]}, indent=2) + "\n")
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
