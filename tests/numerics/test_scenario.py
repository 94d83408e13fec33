import numpy as np
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.portfolio.scenario import conditional_factor_returns


def factor_cov(n_factors=5, seed=0):
    root = np.random.default_rng(seed).normal(0, 0.01, (n_factors, n_factors))
    return root @ root.T


def test_the_others_move_as_a_regression_on_the_shocked_factors_says():
    draws = np.random.default_rng(1).normal(size=(400, 5)) @ np.linalg.cholesky(factor_cov()).T
    centred = draws - draws.mean(axis=0)
    shocked, shocks = np.array([3, 1]), np.array([-0.05, 0.02])
    found = conditional_factor_returns(np.cov(draws.T), shocked, shocks)
    for other in (0, 2, 4):
        slopes = sm.OLS(centred[:, other], centred[:, shocked]).fit().params
        assert found[other] == pytest.approx(slopes @ shocks, rel=1e-10)
    assert_array_equal(found[shocked], shocks)


def test_one_shock_moves_the_others_by_their_betas_to_it():
    cov = factor_cov()
    assert_allclose(conditional_factor_returns(cov, np.array([2]), np.array([0.1])), 0.1 * cov[:, 2] / cov[2, 2], rtol=1e-12)


def test_shocks_add_up_and_the_unit_of_a_factor_does_not_matter():
    cov, S = factor_cov(), np.array([0, 4])
    one, two = (conditional_factor_returns(cov, S, np.array(s)) for s in ([0.1, 0.0], [0.0, -0.3]))
    assert_allclose(conditional_factor_returns(cov, S, np.array([0.1, -0.3])), one + two, rtol=1e-10)
    unit = np.array([1e6, 1, 1, 1, 1])
    scaled = conditional_factor_returns(cov * np.outer(unit, unit), S, np.array([0.1, 0.0]) * unit[S])
    assert_allclose(scaled, one * unit, rtol=1e-10)


def test_uncorrelated_factors_stay_where_they_are():
    found = conditional_factor_returns(np.diag([1e-4, 4e-4, 9e-4]), np.array([1]), np.array([0.07]))
    assert_array_equal(found, [0.0, 0.07, 0.0])


def test_a_shock_to_what_never_moves_is_refused():
    with pytest.raises(ValueError, match=r"the factors \[1\] have no variance"):
        conditional_factor_returns(np.diag([1.0, 0.0]), np.array([0, 1]), np.ones(2))


def test_shocks_to_factors_that_determine_each_other_are_refused():
    root = np.random.default_rng(0).normal(size=(3, 2))
    with pytest.raises(ValueError, match="the shocked factors depend on each other"):
        conditional_factor_returns(root @ root.T, np.arange(3), np.ones(3))
