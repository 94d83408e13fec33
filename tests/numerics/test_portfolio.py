import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.portfolio.risk import portfolio_risk


def model(n_assets: int = 30, n_factors: int = 6, seed: int = 0):
    """Holdings, X, Sigma, Delta and the dense V written out."""
    rng = np.random.default_rng(seed)
    h = rng.normal(0, 1 / n_assets, n_assets)
    X = rng.normal(0, 1, (n_assets, n_factors))
    root = rng.normal(0, 0.01, (n_factors, n_factors))
    specific_var = rng.uniform(1e-4, 1e-3, n_assets)
    return h, X, root @ root.T, specific_var, X @ (root @ root.T) @ X.T + np.diag(specific_var)


def test_variance_is_that_of_the_dense_matrix():
    h, X, factor_cov, specific_var, V = model()
    risk = portfolio_risk(h, X, factor_cov, specific_var)
    assert risk.variance == pytest.approx(h @ V @ h, rel=1e-12)
    assert risk.vol == pytest.approx(np.sqrt(h @ V @ h), rel=1e-12)
    assert_allclose(risk.exposures, X.T @ h, rtol=1e-12)


def test_marginal_contribution_is_the_derivative_of_the_volatility():
    h, X, factor_cov, specific_var, _ = model()
    risk = portfolio_risk(h, X, factor_cov, specific_var)
    step = 1e-6
    for n, bump in enumerate(np.eye(h.size) * step):
        up = portfolio_risk(h + bump, X, factor_cov, specific_var).vol
        down = portfolio_risk(h - bump, X, factor_cov, specific_var).vol
        assert risk.marginal[n] == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-8)


@settings(deadline=None, max_examples=60)
@given(
    n_assets=st.integers(1, 50),
    n_factors=st.integers(0, 10),
    size=st.floats(1e-6, 1e6),
    seed=st.integers(0, 2**32 - 1),
)
def test_contributions_sum_to_the_volatility_by_asset_and_by_factor(n_assets, n_factors, size, seed):
    h, X, factor_cov, specific_var, _ = model(n_assets, n_factors, seed)
    risk = portfolio_risk(h * size, X, factor_cov, specific_var)
    assert risk.by_asset.sum() == pytest.approx(risk.vol, rel=1e-11)
    assert risk.by_factor.sum() + risk.specific == pytest.approx(risk.vol, rel=1e-11)
    assert_allclose(risk.by_asset, h * size * risk.marginal, rtol=1e-12)
    whole = portfolio_risk(h, X, factor_cov, specific_var)
    assert risk.vol == pytest.approx(size * whole.vol, rel=1e-11)


def test_a_factor_contributes_its_exposure_times_the_covariance_with_the_portfolio():
    h, X, factor_cov, specific_var, V = model()
    risk = portfolio_risk(h, X, factor_cov, specific_var)
    sigma = np.sqrt(h @ V @ h)
    for k in range(6):
        without_others = np.outer(X[:, k], factor_cov[k]) @ X.T
        assert risk.by_factor[k] == pytest.approx(h @ without_others @ h / sigma, rel=1e-9)
    assert risk.specific == pytest.approx(np.sum(h**2 * specific_var) / sigma, rel=1e-12)


def test_a_contribution_is_exposure_times_volatility_times_correlation_with_the_portfolio():
    h, X, factor_cov, specific_var, V = model()
    risk = portfolio_risk(h, X, factor_cov, specific_var)
    sigma = np.sqrt(h @ V @ h)
    assert_allclose(risk.factor_vols, np.sqrt(np.diag(factor_cov)), rtol=1e-12)
    joint = np.block([[factor_cov, factor_cov @ X.T @ h[:, None]], [h[None] @ X @ factor_cov, np.array([[sigma**2]])]])
    assert_allclose(risk.factor_correlations, joint[:-1, -1] / np.sqrt(np.diag(joint)[:-1] * joint[-1, -1]), rtol=1e-11)
    assert_allclose(risk.exposures * risk.factor_vols * risk.factor_correlations, risk.by_factor, rtol=1e-11)
    assert risk.specific == pytest.approx(risk.specific_vol**2 / sigma, rel=1e-12)


def test_a_factor_that_never_moves_has_no_correlation():
    risk = portfolio_risk(np.ones(1), np.ones((1, 2)), np.diag([0.0, 4.0]), np.ones(1))
    assert np.isnan(risk.factor_correlations[0])
    assert_array_equal(risk.by_factor, [0.0, 4.0 / np.sqrt(5.0)])


def test_no_holdings_are_no_risk_and_no_marginal_contribution():
    _, X, factor_cov, specific_var, _ = model()
    risk = portfolio_risk(np.zeros(30), X, factor_cov, specific_var)
    assert (risk.variance, risk.vol, risk.specific) == (0.0, 0.0, 0.0)
    assert_array_equal(risk.by_asset, np.zeros(30))
    assert_array_equal(risk.by_factor, np.zeros(6))
    assert np.isnan(risk.marginal).all()


def test_an_unknown_specific_variance_matters_only_where_something_is_held():
    h, X, factor_cov, specific_var, V = model()
    h[4] = 0.0
    specific_var[4] = np.nan
    risk = portfolio_risk(h, X, factor_cov, specific_var)
    assert risk.marginal[4] == pytest.approx((V @ h)[4] / risk.vol, rel=1e-9)
    h[4] = 0.01
    with pytest.raises(ValueError, match="specific_var of the held assets has 1 values that are not finite"):
        portfolio_risk(h, X, factor_cov, specific_var)


def test_a_hedge_without_specific_variance_has_no_risk_but_for_rounding():
    below_zero = 0
    for seed in range(20):
        root = np.random.default_rng(seed).normal(0, 0.01, (5, 2))
        factor_cov = root @ root.T  # rank 2
        hedge = np.linalg.svd(root.T)[2][-1]
        below_zero += np.sum(hedge * (factor_cov @ hedge)) < 0
        risk = portfolio_risk(hedge, np.eye(5), factor_cov, np.zeros(5))
        assert 0 <= risk.vol < 1e-8
    assert below_zero > 0


@pytest.mark.parametrize(
    ("position", "name"),
    [(0, "holdings has 1 values that are not finite"), (1, "exposures has 1 values that are not finite")],
)
def test_missing_holdings_and_exposures_are_refused(position, name):
    arguments = list(model()[:4])
    arguments[position].flat[3] = np.nan
    with pytest.raises(ValueError, match=name):
        portfolio_risk(*arguments)


def test_a_factor_covariance_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"variance of -0.0001: factor_cov is not positive semi-definite"):
        portfolio_risk(np.ones(1), np.ones((1, 1)), np.array([[-1e-4]]), np.array([1.0]))
