"""QIS by a second implementation, from the paper, eigenvalue by eigenvalue."""

import numpy as np
import pytest
from factor_histories import factor_returns
from numpy.testing import assert_allclose

from sigmalake.numerics.factor_cov.estimators import SampleFactorCov
from sigmalake.numerics.factor_cov.quadratic_shrinkage import quadratic_inverse


def by_hand(returns: np.ndarray) -> np.ndarray:
    """Ledoit and Wolf (2022), section 4.5, in their order: sums over pairs, one at a time; eigenvectors by a singular value
    decomposition of the returns.
    """
    N, p = returns.shape
    n, c = N - 1, p / (N - 1)
    U, singular, _ = np.linalg.svd((returns - returns.mean(axis=0)).T, full_matrices=True)
    above = [s**2 / n for s in singular[: min(p, n)]]
    h = min(c**2, 1 / c**2) ** 0.35 / p**0.35
    delta: list[float] = []
    for lam_i in above:
        theta = conjugate = 0.0
        for lam_j in above:
            a, d = 1 / lam_j, 1 / lam_j - 1 / lam_i
            theta += a * d / (d * d + h * h * a * a) / len(above)
            conjugate += a * a * h / (d * d + h * h * a * a) / len(above)
        squared = theta**2 + conjugate**2
        if p <= n:
            delta.append(1 / ((1 - c) ** 2 / lam_i + 2 * c * (1 - c) / lam_i * theta + c**2 / lam_i * squared))
        else:
            delta.append(lam_i / squared)
    if p > n:
        delta += [1 / ((c - 1) * sum(1 / lam for lam in above) / n)] * (p - n)
    scale = sum(above) / sum(delta)
    return sum(scale * d * np.outer(U[:, i], U[:, i]) for i, d in enumerate(delta))


@pytest.mark.parametrize(("n_periods", "n_factors"), [(60, 8), (252, 70), (41, 40), (42, 40), (20, 40), (30, 200), (30, 1)])
def test_it_is_that_of_the_paper(n_periods, n_factors):
    F = factor_returns(n_periods, n_factors) * np.geomspace(1, 5, n_factors)
    expected = by_hand(F)
    found = quadratic_inverse(F - F.mean(axis=0)).cov * n_periods / (n_periods - 1)
    assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * np.trace(expected) / n_factors)
    assert np.linalg.eigvalsh(found)[0] > 0


def test_the_estimator_keeps_the_sample_s_trace_and_says_how_far_it_went():
    F = factor_returns(90, 6)
    F[[3, 40], 2] = np.nan
    found, complete = SampleFactorCov(window=90, shrinkage="qis").estimate(F), F[~np.isnan(F).any(axis=1)]
    assert_allclose(found.cov, by_hand(complete), rtol=1e-10)
    assert np.trace(found.cov) == pytest.approx(np.trace(np.cov(complete.T)), rel=1e-12)
    (said,) = found.diagnostics
    spread = [np.std(np.linalg.eigvalsh(cov)) for cov in (found.cov, np.cov(complete.T))]
    assert (said.name, said.value) == ("shrinkage_intensity", pytest.approx(1 - spread[0] / spread[1], rel=1e-9))


def test_factors_that_are_tied_exactly_stay_so():
    F = factor_returns(100, 6)
    tied = np.column_stack([F, F[:, :3].sum(axis=1)])
    found = quadratic_inverse(tied - tied.mean(axis=0)).cov
    assert np.linalg.eigvalsh(found)[0] == pytest.approx(0.0, abs=1e-14 * np.trace(found))
    tie = np.array([1.0, 1, 1, 0, 0, 0, -1])
    assert_allclose(found @ tie, 0.0, atol=1e-13 * np.trace(found))
    basis = np.linalg.svd(tied - tied.mean(axis=0))[2][:6]
    assert_allclose(basis @ found @ basis.T * 100 / 99, by_hand(tied @ basis.T), rtol=1e-9, atol=1e-12 * np.trace(found))


def test_it_is_nearer_the_truth_than_one_intensity_for_all():
    draw = np.random.default_rng(3)
    vols = np.geomspace(0.3, 3.0, 30)
    errors = {}
    for how in (None, "ledoit_wolf", "qis"):
        found = []
        for _ in range(10):
            cov = SampleFactorCov(window=60, shrinkage=how).estimate(vols * draw.standard_normal((60, 30))).cov
            least = np.linalg.solve(cov, np.ones(30))
            found.append(least @ np.diag(vols**2) @ least / least.sum() ** 2)
        errors[how] = np.mean(found)
    assert errors["qis"] < errors["ledoit_wolf"]
    assert errors["qis"] < errors[None]
