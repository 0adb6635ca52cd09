"""A slice of what `make bench evaluator_defects` measures whole: clips of known quality, through the shipped scorer.

Nothing was tuned on these seeds.
"""

from pathlib import Path

import pytest
from dailies_contracts import Ask
from evaluator.scoring import Scorer
from labelled.draw import SCENE_FAULTS, draw_set, draw_trios
from labelled.exam import METRIC, Judge, Mark, Told, examine, examine_footage, graded, told, wrongly_failed

SEED = 77
FAULTS = ("flicker", "jump_cut", "morph", "freeze", "blur", "noise", "unsafe", *SCENE_FAULTS)
REAL_FAULTS = ("flicker", "jump_cut", "morph", "freeze", "pop", "blur", "noise", "unsafe")
TOLD, TOLD_REAL = 0.97, 0.95  # AUC at medium strength; of three or four real takes one may change places with one clean
N_CLEAN, N_HARD, N_FAULT, N_TRIOS = 12, 3, 2, 4


@pytest.fixture(scope="module")
def judge(scorer: Scorer) -> Judge:
    return lambda path, prompt, camera: graded(scorer.score(path, prompt, Ask(camera=(camera,) if camera else ())))


@pytest.fixture(scope="module")
def drawn(judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> list[Mark]:
    cases = draw_set(SEED, n_clean=N_CLEAN, n_hard=N_HARD, n_fault=N_FAULT, faults=FAULTS)
    seen_by_anybody = [case for case in cases if case.strength != 1]
    return examine(seen_by_anybody, judge, tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def real(judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> list[Mark]:
    return examine_footage(SEED, judge, tmp_path_factory.mktemp("real"), faults=REAL_FAULTS, strengths=(2,), every=4)


def by_fault(marks: list[Mark], fault: str) -> Told:
    return told(marks, (fault,))[0]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_anybody_sees_is_told_from_clean_clips(drawn: list[Mark], fault: str) -> None:
    assert by_fault(drawn, fault).medium >= TOLD, by_fault(drawn, fault)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_stronger_fault_scores_no_higher(drawn: list[Mark], fault: str) -> None:
    clean, medium, gross = by_fault(drawn, fault).means
    assert clean - 0.1 > medium >= gross - 0.1


@pytest.mark.timeout(900)
def test_clips_that_are_hard_to_judge_and_clean_pass(drawn: list[Mark]) -> None:
    assert not wrongly_failed(drawn)
    assert not wrongly_failed(drawn, ("clean",))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", REAL_FAULTS)
def test_the_same_faults_are_told_on_real_footage(real: list[Mark], fault: str) -> None:
    assert by_fault(real, fault).medium >= TOLD_REAL, by_fault(real, fault)


@pytest.mark.timeout(900)
def test_real_footage_passes(real: list[Mark]) -> None:
    assert not wrongly_failed(real, ("clean",))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(N_TRIOS))
def test_the_best_of_three_drafts_is_picked(judge: Judge, tmp_path: Path, number: int) -> None:
    marks = examine(draw_trios(SEED, N_TRIOS)[number], judge, tmp_path)
    totals = [mark.metrics["aggregate"] for mark in marks]
    assert totals[0] > max(totals[1:]), [(mark.kind, mark.metrics) for mark in marks]


def test_every_fault_has_a_metric_that_is_there_to_see_it() -> None:
    assert set(FAULTS) <= set(METRIC)
