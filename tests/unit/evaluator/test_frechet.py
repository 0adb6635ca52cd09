import numpy as np
import numpy.typing as npt
import pytest
from evaluator.domain.comparison import MAX_KEPT, Gathered, Gathering, compare
from evaluator.domain.frechet import (
    Moments,
    frechet_distance,
    kernel_distance,
    merge_all,
    merged,
    moments_of,
    no_moments,
    unlimited_distance,
)
from scipy import linalg

Rows = npt.NDArray[np.float64]


def _rows(n: int, d: int, *, seed: int, shift: float = 0.0, scale: float = 1.0) -> Rows:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(d).normal(size=(d, d)) / np.sqrt(d)
    return rng.normal(size=(n, d)) @ mixing * scale + shift


def _exact(mean: Rows, covariance: Rows) -> Moments:
    return Moments(1001, mean, covariance * 1000)


def test_the_distance_of_gaussians_is_the_closed_form() -> None:
    one = _exact(np.array([1.0, 2.0, 3.0]), np.diag([4.0, 9.0, 1.0]))
    other = _exact(np.array([1.0, 0.0, 3.5]), np.diag([1.0, 16.0, 0.25]))
    # Diagonal covariances commute: (mean difference)^2 + sum of (s - s')^2.
    expected = (2.0**2 + 0.5**2) + ((2 - 1) ** 2 + (3 - 4) ** 2 + (1 - 0.5) ** 2)
    assert frechet_distance(one, other) == pytest.approx(expected, abs=1e-9)
    assert frechet_distance(one, one) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(one, other) == pytest.approx(frechet_distance(other, one), rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(400, 8), (900, 64), (40, 64)])
def test_the_distance_is_scipys_matrix_root(n: int, d: int) -> None:
    a, b = _rows(n, d, seed=1), _rows(n, d, seed=2, shift=0.3, scale=1.4)
    one, other = np.cov(a.T), np.cov(b.T)
    if n < d:  # SciPy's root needs what features that outnumber the clips do not give
        one, other = one + 1e-9 * np.eye(d), other + 1e-9 * np.eye(d)
    root = np.real(linalg.sqrtm(one @ other))
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(one + other - 2 * root)
    found = frechet_distance(_exact(a.mean(0), one), _exact(b.mean(0), other))
    assert found == pytest.approx(expected, rel=1e-6)


def test_moments_do_not_depend_on_how_the_work_was_shared() -> None:
    rows = _rows(301, 12, seed=3, shift=1_000.0)  # far from 0, where naive sums lose all digits
    whole = moments_of(rows)
    parts = merge_all([moments_of(rows[:7]), moments_of(rows[7:7]), moments_of(rows[7:200]), moments_of(rows[200:])])
    one_by_one = no_moments(12)
    for row in rows:
        one_by_one = merged(one_by_one, moments_of(row[None]))
    for found in (parts, one_by_one):
        assert found.n == 301
        np.testing.assert_allclose(found.mean, whole.mean, rtol=1e-12)
        np.testing.assert_allclose(found.covariance, np.cov(rows.T), rtol=1e-9, atol=1e-12)
    assert merged(no_moments(12), whole) is not None
    assert merged(no_moments(12), no_moments(12)).n == 0


def test_too_few_or_unlike_sets_have_no_distance() -> None:
    two = moments_of(_rows(2, 4, seed=1))
    with pytest.raises(ValueError, match="at least 2 clips"):
        frechet_distance(two, moments_of(_rows(1, 4, seed=1)))
    with pytest.raises(ValueError, match="cannot be compared"):
        frechet_distance(two, moments_of(_rows(2, 5, seed=1)))
    with pytest.raises(ValueError, match="at least 4 parts"):
        unlimited_distance([two] * 3, [two] * 3)
    with pytest.raises(ValueError, match="at least 2 clips"):
        kernel_distance(_rows(1, 4, seed=1), _rows(2, 4, seed=1))


def _gathered(rows: Rows, extractor: str = "x") -> Gathered:
    gathering = Gathering(extractor=extractor, n_features=rows.shape[1])
    for row in rows:
        gathering.add(row)
    return gathering.result()


def test_few_clips_overstate_the_distance_and_the_correction_takes_that_away() -> None:
    reference = _gathered(_rows(600, 32, seed=10))
    for seed in (11, 12, 13):
        same = compare(_gathered(_rows(600, 32, seed=seed)), reference)
        assert same.unlimited is not None
        assert abs(same.unlimited) < same.distance / 3  # the truth is 0
        assert abs(same.kernel_distance) < 0.02
        assert same.flags == ()
    apart = compare(_gathered(_rows(600, 32, seed=14, shift=0.5)), reference)
    assert apart.distance > 8.0 > same.distance  # 32 features, each 0.5 away: 8
    assert apart.unlimited == pytest.approx(8.0, abs=0.8)
    assert apart.kernel_distance > 0.1


def test_a_comparison_says_what_it_is_worth() -> None:
    reference = _gathered(_rows(100, 32, seed=1))
    few = compare(_gathered(_rows(10, 32, seed=2)), reference)
    assert (few.n_clips, few.n_reference, few.unlimited, few.flags) == (10, 100, None, ("few_clips",))
    assert few.metric == "frechet_distance"
    assert compare(reference, reference, is_i3d=True).metric == "fvd"
    with pytest.raises(ValueError, match="gather it again"):
        compare(_gathered(_rows(10, 32, seed=2), "another"), reference)
    with pytest.raises(ValueError, match="at least 2 clips"):
        compare(_gathered(_rows(0, 32, seed=2)), reference)


def test_memory_of_a_gathering_does_not_grow_with_the_clips() -> None:
    gathering = Gathering(extractor="x", n_features=3)
    for row in _rows(MAX_KEPT + 50, 3, seed=1):
        gathering.add(row)
    found = gathering.result()
    assert (found.n, len(found.kept), found.n_features) == (MAX_KEPT + 50, MAX_KEPT, 3)
