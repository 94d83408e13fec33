import numpy as np
import pytest
from factored_models import random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.linked_cov import UNLINKED
from sigmalake.numerics.woodbury import dense_inverse, factor_inverse, solve_asset_cov


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


@pytest.mark.parametrize("bad", [0.0, -1e-4, np.nan, np.inf])
def test_a_specific_variance_that_cannot_be_divided_by_is_refused(bad):
    model = random_model()
    var = model.specific_var.copy()
    var[3] = bad
    with pytest.raises(ValueError, match="specific_var has 1 of 30 values that are not finite and > 0: D has no inverse"):
        factor_inverse(model.X, model.factor_cov, var, UNLINKED)


def test_a_factor_covariance_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"factor_cov has an eigenvalue of -1: it is not positive semi-definite"):
        factor_inverse(np.ones((3, 2)), np.diag([1.0, -1.0]), np.ones(3))
