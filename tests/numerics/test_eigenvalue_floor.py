import numpy as np
import pytest
from factor_histories import assert_close_as_returns, correlations, factor_returns
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.factor_cov.eigenvalue_floor import floor_eigenvalues
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov

seeds = st.integers(0, 2**32 - 1)


def nearly_dependent(seed: int = 0) -> np.ndarray:
    F = factor_returns(100, 4, seed)
    F[:, 3] = F[:, 0] - F[:, 1] + 1e-3 * F[:, 3]
    return np.cov(F, rowvar=False)


def test_above_the_floor_nothing_changes_at_all():
    cov = np.cov(factor_returns(500), rowvar=False)
    found = floor_eigenvalues(cov, 1e-6)
    assert found.cov is cov
    assert (found.n_lifted, found.size) == (0, 0.0)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, floor=st.floats(1e-6, 0.5))
def test_it_keeps_the_variances_lifts_and_has_no_unit(seed, floor):
    cov = nearly_dependent(seed)
    found = floor_eigenvalues(cov, floor)
    assert_allclose(np.diag(found.cov), np.diag(cov), rtol=1e-12)
    values = np.linalg.eigvalsh(correlations(cov))
    assert found.n_lifted == (values < floor).sum()
    assert found.size == pytest.approx(np.clip(floor - values, 0, None).sum() / 4, rel=1e-9)
    assert np.linalg.eigvalsh(correlations(found.cov))[0] >= floor / (1 + 4 * found.size) * (1 - 1e-9)
    rng = np.random.default_rng(seed)
    scale, order = np.exp(rng.normal(0, 3, 4)), rng.permutation(4)
    scaled, permuted = floor_eigenvalues(cov * np.outer(scale, scale), floor), floor_eigenvalues(cov[np.ix_(order, order)], floor)
    assert_close_as_returns(scaled.cov, found.cov * np.outer(scale, scale), 1e-10)
    assert_close_as_returns(permuted.cov, found.cov[np.ix_(order, order)], 1e-10)


def test_a_repair_is_told_with_its_size_also_when_there_was_none():
    F = factor_returns(200)
    F[:, 3] = F[:, 0] - F[:, 1]
    found = EwmaFactorCov(half_life=60, eigenvalue_floor=0.01).estimate(F)
    ((name, value, detail),) = found.diagnostics
    assert (name, value) == ("eigenvalue_floor_size", pytest.approx(0.01 / 4))
    assert detail == "1 eigenvalues of the correlations lifted to 0.01; the share of their sum added"
    assert_array_equal(found.cov, found.cov.T)
    without = EwmaFactorCov(half_life=60, eigenvalue_floor=1e-9).estimate(factor_returns(200))
    assert without.diagnostics[0].value == 0
    assert_array_equal(without.cov, EwmaFactorCov(half_life=60).estimate(factor_returns(200)).cov)


@pytest.mark.parametrize("floor", [0, 1, -0.1, float("nan")])
def test_an_impossible_floor_is_refused(floor):
    with pytest.raises(ValueError, match=r"eigenvalue_floor is .*; it must be > 0 and below 1"):
        EwmaFactorCov(half_life=60, eigenvalue_floor=floor)
