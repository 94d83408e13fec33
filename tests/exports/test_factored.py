"""`risk.factored()`: X, F and the root of the specific part give V, with and without linked issues."""

import numpy as np
import pytest
import scipy
from linked_risk import ASSETS, FACTORS, GROUPS, LINKED, assert_same_cov, linked_risk, v_by_loops
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.errors import DataError, InfrastructureError, MissingRiskError
from sigmalake.numerics.portfolio.linked_cov import LinkedCov
from sigmalake.numerics.portfolio.roots import factor_root, specific_root
from sigmalake.reader.exports.tools import tool

ROUNDING = 1e-14


@pytest.fixture(scope="module")
def risk():
    return linked_risk()


def dense_root(root):
    return np.diag(root) if root.ndim == 1 else root.toarray()


def test_x_f_x_and_the_squared_root_are_v(risk):
    factored = risk.factored()
    R = dense_root(factored.specific_root)
    assert_same_cov(factored.exposures @ factored.factor_cov @ factored.exposures.T + R @ R, v_by_loops(risk), ROUNDING)
    assert_array_equal(R, R.T)
    assert scipy.sparse.issparse(factored.specific_root)
    assert factored.specific_root.nnz == 24 - 5 + 3 * 3 + 2 * 2


def test_without_linked_issues_the_root_is_an_array_of_volatilities():
    risk = linked_risk({})
    root = risk.factored().specific_root
    assert_allclose(root, np.sqrt(risk.specific_var), rtol=1e-15)
    assert_array_equal(risk.factored().loadings.specific, root)


def test_the_labels_are_of_what_was_requested(risk):
    assets = ["A07", "A03", "A01"]
    factored = risk.factored(assets)
    assert factored.assets == tuple(assets)
    assert (factored.factors, factored.groups) == (tuple(FACTORS), tuple(GROUPS))
    R = dense_root(factored.specific_root)
    found = factored.exposures @ factored.factor_cov @ factored.exposures.T + R @ R
    assert_same_cov(found, v_by_loops(risk).loc[assets, assets], ROUNDING)


def test_a_block_that_loses_all_but_one_asset_is_a_volatility(risk):
    assert risk.factored(["A06", "A00"]).specific_root.ndim == 1


def test_a_singular_factor_covariance_has_a_root(risk):
    assert np.linalg.matrix_rank(risk.factor_cov) == len(FACTORS) - 1
    L = risk.factored().factor_root
    assert_same_cov(L @ L.T, risk.factor_cov, ROUNDING)


def test_uncorrelated_factors_and_a_diagonal_are_v_too(risk):
    B, d = risk.factored().loadings
    assert B.shape == (24, len(FACTORS) + 5)
    assert_same_cov(B @ B.T + np.diag(d**2), v_by_loops(risk), ROUNDING)
    assert (d == 0).sum() == 5


def test_annualised_is_times_the_periods_of_a_year_whatever_the_horizon(risk):
    year = v_by_loops(risk) * 252
    for factored in (risk.factored(periods_per_year=252), risk.over(5).factored(periods_per_year=252)):
        R = dense_root(factored.specific_root)
        assert_same_cov(factored.exposures @ factored.factor_cov @ factored.exposures.T + R @ R, year, ROUNDING)
    with pytest.raises(DataError, match="the horizon is 0"):
        risk.factored(periods_per_year=0)


def test_a_block_that_is_no_covariance_is_refused_with_its_eigenvalue():
    risk = linked_risk({("A01", "A07"): 0.01})
    with pytest.raises(DataError, match=r"V of 24 assets has no root: a block of linked assets has an eigenvalue of -0\.0"):
        risk.factored()
    with pytest.raises(MissingRiskError, match="no risk for B1"):
        risk.factored(["B1"])


def test_a_root_of_drawn_blocks_squares_to_them():
    draw = np.random.default_rng(1)
    n = 9
    low = draw.standard_normal((n, 3))  # singular blocks: rank 3 at most
    D = low @ low.T
    D[:, 7:] = D[7:, :] = 0.0
    D[7, 7], D[8, 8] = 0.5, 0.0
    pairs = np.array([(i, j) for i in range(7) for j in range(i + 1, 7)])
    root = specific_root(np.diag(D), LinkedCov(pairs, D[pairs[:, 0], pairs[:, 1]])).toarray()
    assert_allclose(root @ root, D, atol=1e-14)
    assert np.linalg.eigvalsh(root).min() > -1e-7


def test_a_negative_variance_has_no_root():
    with pytest.raises(ValueError, match="specific_var has 2 of 3 values that are not finite and >= 0"):
        specific_root(np.array([1.0, -1.0, np.nan]))
    with pytest.raises(ValueError, match="factor_cov has an eigenvalue of -1"):
        factor_root(np.diag([1.0, -1.0]))


def test_a_tool_that_is_missing_is_named_with_how_to_install_it():
    message = r"a model of it needs no_such_tool, which cannot be imported \(No module .*\): pip install 'no-such-tool>=2'"
    with pytest.raises(InfrastructureError, match=message):
        tool("no_such_tool", "no-such-tool>=2", "a model of it")


def test_the_linked_pairs_of_the_example_are_two_issuers(risk):
    assert len(LINKED) == len(risk.linked.pairs) == 4
    assert set(ASSETS) == set(risk.usable)
