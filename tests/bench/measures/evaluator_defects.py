"""How well the evaluator tells broken clips from clean ones, on drawn and on real footage, and picks the best draft.

The sets are drawn by seeds of their own; the thresholds were set on others.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from dailies_contracts import Ask
from evaluator.loading import load_scorer
from evaluator.scoring import Scorer
from evaluator.settings import Settings
from labelled.draw import HARD_KINDS, STRENGTHS, Case, draw_set, draw_trios
from labelled.exam import METRIC, Judge, Mark, examine, examine_footage, graded, told, wrongly_failed
from labelled.injections import INJECTIONS

from measures.figures import Figure

SEED = 1905  # nothing was set on it
N_CLEAN, N_HARD, N_FAULT = 60, 30, 10
N_TRIOS = 200
N_VIEWS = 8  # of a clean real take: framed, mirrored and graded otherwise
N_HARD_VIEWS = 2
REAL_FAULTS = tuple(INJECTIONS)


def judge_with(scorer: Scorer) -> Judge:
    """Judge with the service's own scorer."""
    return lambda path, prompt, camera: graded(scorer.score(path, prompt, Ask(camera=(camera,) if camera else ())))


class Part(NamedTuple):
    """What one process found: marks on drawn and on real clips, and whether the best draft of each trio was picked."""

    drawn: list[Mark]
    real: list[Mark]
    picked: list[bool]


def examine_part(index: int, n: int) -> Part:
    """Make and judge one part of n."""
    judge = judge_with(load_scorer(Settings()))
    cases = draw_set(SEED, n_clean=N_CLEAN, n_hard=N_HARD, n_fault=N_FAULT)[index::n]
    with tempfile.TemporaryDirectory(prefix="labelled-") as name:
        folder = Path(name)
        return Part(
            examine(cases, judge, folder),
            examine_footage(
                SEED,
                judge,
                folder,
                faults=REAL_FAULTS,
                strengths=STRENGTHS,
                every=2,
                clean_views=N_VIEWS,
                hard_views=N_HARD_VIEWS,
                part=(index, n),
            ),
            [_picks_best(trio, judge, folder) for trio in draw_trios(SEED, N_TRIOS)[index::n]],
        )


async def measure(runs: int) -> list[Figure]:
    """Measure once, a part on each core: the clips are the same every time, and so are the scores."""
    del runs
    n = os.cpu_count() or 1
    with ProcessPoolExecutor(n, mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = list(pool.map(examine_part, range(n), [n] * n))
    drawn, real = [mark for part in parts for mark in part.drawn], [mark for part in parts for mark in part.real]
    picked = [is_best for part in parts for is_best in part.picked]
    return [
        *_by_fault("drawn", drawn, tuple(METRIC)),
        *(_failed("drawn", drawn, kind) for kind in (*HARD_KINDS, "clean")),
        *_by_fault("real", real, REAL_FAULTS),
        *(_failed("real", real, kind) for kind in (*HARD_KINDS, "clean")),
        Figure("best_draft_of_three", "share", (sum(picked) / len(picked),), note=f"{len(picked)} trios"),
    ]


def _by_fault(footage: str, marks: Sequence[Mark], faults: Sequence[str]) -> list[Figure]:
    figures = []
    for each in told(marks, faults):
        strengths = " ".join(f"{value:.3f}" for value in each.auc)
        means = " > ".join(f"{value:.2f}" for value in each.means)
        order = "falls" if each.falls else "DOES NOT FALL"
        note = f"{METRIC[each.fault]}: AUC {strengths}, mean {means} {order}; by aggregate {each.auc_aggregate:.3f}"
        figures.append(Figure(f"{footage}_{each.fault}", "AUC", (each.medium,), note=note))
    return figures


def _failed(footage: str, marks: Sequence[Mark], kind: str) -> Figure:
    n = sum(mark.kind == kind for mark in marks)
    failed = wrongly_failed(marks, (kind,))
    which = f": {', '.join(failed)}" if failed else ""
    return Figure(f"{footage}_{kind}_failed", "share", (len(failed) / n,), note=f"{len(failed)} of {n}{which}")


def _picks_best(trio: tuple[Case, Case, Case], judge: Judge, folder: Path) -> bool:
    totals = [mark.metrics["aggregate"] for mark in examine(trio, judge, folder)]
    return totals[0] > max(totals[1:])
