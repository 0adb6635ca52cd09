import numpy as np
import pytest
from evaluator.domain.identity import Drift, measure_identity, score_identity

DRIFT = Drift(same=0.8, other=0.5)
CUP, BOX = np.array([1.0, 0, 0], np.float32), np.array([0, 1.0, 0], np.float32)


def test_a_subject_that_stays_keeps_everything() -> None:
    parts = measure_identity(np.stack([CUP] * 8))
    assert (parts.halves, parts.ends, parts.steadiness) == pytest.approx((1.0, 1.0, 1.0))
    assert score_identity(parts, DRIFT) == pytest.approx(1.0)


def test_a_subject_that_becomes_another_costs_most() -> None:
    parts = measure_identity(np.stack([CUP] * 4 + [BOX] * 4))
    assert parts.halves == pytest.approx(0.0)
    assert parts.steadiness == pytest.approx(0.0)
    assert score_identity(parts, DRIFT) == pytest.approx(0.4)


def test_a_look_away_and_back_is_no_drift() -> None:
    parts = measure_identity(np.stack([CUP, BOX, CUP, BOX, CUP, BOX]))
    assert parts.steadiness == pytest.approx(0.0)
    assert score_identity(parts, DRIFT) == pytest.approx(1.0)


def test_one_picture_cannot_drift_and_a_model_without_calibration_cannot_tell() -> None:
    assert score_identity(measure_identity(CUP[None]), DRIFT) == 1.0
    assert score_identity(measure_identity(np.stack([CUP, BOX])), None) is None
