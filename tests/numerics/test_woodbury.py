import numpy as np
import pytest
from factored_models import random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov
from sigmalake.numerics.portfolio.woodbury import dense_inverse, factor_inverse, solve_asset_cov


@pytest.mark.parametrize("rank", [6, 3])
@pytest.mark.parametrize("n_linked", [0, 4])
def test_solve_is_that_of_the_dense_matrix_also_where_sigma_is_singular(rank, n_linked):
    model = random_model(n_linked=n_linked, rank=rank)
    b = np.random.default_rng(1).normal(size=(30, 3))
    inverse = factor_inverse(*model.parts)
    assert_allclose(solve_asset_cov(inverse, b), np.linalg.solve(model.V, b), rtol=1e-9, atol=1e-10 / 1e-4)
    assert_allclose(solve_asset_cov(inverse, b[:, 0]), solve_asset_cov(inverse, b)[:, 0], rtol=1e-12)


def test_the_dense_inverse_is_symmetric_and_inverts():
    model = random_model()
    found = dense_inverse(factor_inverse(*model.parts))
    assert_array_equal(found, found.T)
    assert_allclose(found @ model.V, np.eye(30), atol=1e-11)


@settings(deadline=None, max_examples=40)
@given(n_assets=st.integers(1, 40), n_factors=st.integers(0, 8), scale=st.floats(1e-6, 1e6), seed=st.integers(0, 2**32 - 1))
def test_v_times_its_solution_is_what_was_asked(n_assets, n_factors, scale, seed):
    model = random_model(n_assets, n_factors, seed, n_linked=0)
    b = np.random.default_rng(seed).normal(size=n_assets)
    found = solve_asset_cov(factor_inverse(model.X, model.factor_cov * scale, model.specific_var * scale), b)
    assert_allclose(scale * (model.V @ found), b, rtol=1e-8, atol=1e-9)


def test_the_minimum_variance_portfolio_has_equal_marginal_contributions():
    model = random_model()
    h = solve_asset_cov(factor_inverse(*model.parts), np.ones(30))
    assert_allclose(model.V @ h, np.ones(30), rtol=1e-10)


def test_no_v_of_all_assets_is_made():
    n = 20_000  # V would be 3.2 GB
    rng = np.random.default_rng(0)
    X, var = rng.normal(size=(n, 5)), rng.uniform(1e-4, 1e-3, n)
    found = solve_asset_cov(factor_inverse(X, np.eye(5) * 1e-4, var), np.ones(n))
    assert_allclose(X @ (1e-4 * (X.T @ found)) + var * found, np.ones(n), rtol=1e-9)


@pytest.mark.parametrize("var", [1e-10, 1e-14, 1e-18, 1e-24, 1e-34, 0.0])
@pytest.mark.parametrize("flat", [[3], [3, 4, 5]])
def test_a_specific_variance_far_below_the_factors_loses_nothing(var, flat):
    model = random_model(n_linked=0)
    specific_var = model.specific_var.copy()
    specific_var[flat] = var
    V = model.X @ model.factor_cov @ model.X.T + np.diag(specific_var)
    b = np.random.default_rng(2).normal(size=(30, 2))
    found = solve_asset_cov(factor_inverse(model.X, model.factor_cov, specific_var), b)
    assert_allclose(V @ found, b, atol=1e-11)
    assert_allclose(found, np.linalg.solve(V, b), rtol=1e-7, atol=1e-9 * np.abs(found).max())


def test_a_block_of_linked_issues_that_is_singular_alone_is_not_with_the_factors():
    model = random_model(n_linked=0)
    linked = LinkedCov(np.array([[3, 7]]), np.sqrt(model.specific_var[[3]] * model.specific_var[[7]]))
    V = model.V.copy()
    V[3, 7] = V[7, 3] = V[3, 7] + linked.cov[0]
    b = np.random.default_rng(3).normal(size=30)
    found = solve_asset_cov(factor_inverse(model.X, model.factor_cov, model.specific_var, linked), b)
    assert_allclose(V @ found, b, atol=1e-10)


def test_a_singular_v_is_refused_with_how_far_its_answer_is_off():
    X = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    inverse = factor_inverse(X, np.eye(2), np.array([0.0, 0.0, 1.0]))
    with pytest.raises(ValueError, match=r"V is too near to a singular matrix: V y misses what it should be by \d"):
        solve_asset_cov(inverse, np.array([1.0, -1.0, 0.0]))


@pytest.mark.parametrize("bad", [-1e-4, np.nan, np.inf])
def test_a_specific_variance_that_is_none_is_refused(bad):
    model = random_model()
    var = model.specific_var.copy()
    var[3] = bad
    with pytest.raises(ValueError, match="specific_var has 1 of 30 values that are not finite and >= 0"):
        factor_inverse(model.X, model.factor_cov, var, UNLINKED)


def test_an_asset_without_any_risk_is_refused():
    with pytest.raises(ValueError, match="1 of 2 assets have neither specific nor factor variance"):
        factor_inverse(np.array([[1.0], [0.0]]), np.eye(1), np.zeros(2))


def test_a_factor_covariance_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"factor_cov has an eigenvalue of -1: it is not positive semi-definite"):
        factor_inverse(np.ones((3, 2)), np.diag([1.0, -1.0]), np.ones(3))
