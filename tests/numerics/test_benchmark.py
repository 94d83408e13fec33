import numpy as np
import pytest
from factored_models import random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sigmalake.numerics.portfolio.benchmark import benchmark_risk
from sigmalake.numerics.portfolio.risk import portfolio_risk


def benchmark_of(n_assets, seed=5):
    return np.random.default_rng(seed).dirichlet(np.ones(n_assets))


def test_beta_and_tracking_error_are_those_of_the_dense_v():
    model, b = random_model(), benchmark_of(30)
    found = benchmark_risk(model.h, b, *model.parts)
    V, h = model.V, model.h
    assert_allclose(found.asset_betas, V @ b / (b @ V @ b), rtol=1e-11)
    assert found.beta == pytest.approx(h @ V @ b / (b @ V @ b), rel=1e-11)
    assert found.active.vol == pytest.approx(np.sqrt((h - b) @ V @ (h - b)), rel=1e-12)
    assert found.correlation == pytest.approx(h @ V @ b / np.sqrt((h @ V @ h) * (b @ V @ b)), rel=1e-11)


def test_beta_is_the_slope_of_simulated_returns():
    model, b = random_model(n_assets=9, n_linked=1), benchmark_of(9)
    returns = np.random.default_rng(2).multivariate_normal(np.zeros(9), model.V, 20_000)
    r_h, r_b = returns @ model.h, returns @ b
    sample = np.cov(r_h, r_b)
    found = benchmark_risk(model.h, b, *model.parts)
    se = np.sqrt(found.portfolio.variance * (1 - found.correlation**2) / found.benchmark.variance / 20_000)
    assert abs(found.beta - sample[0, 1] / sample[1, 1]) < 4 * se


@settings(deadline=None, max_examples=40)
@given(n_assets=st.integers(3, 30), seed=st.integers(0, 2**32 - 1))
def test_the_variance_of_the_holdings_is_beta_and_what_beta_leaves(n_assets, seed):
    model, b = random_model(n_assets, 4, seed, n_linked=1), benchmark_of(n_assets, seed)
    found = benchmark_risk(model.h, b, *model.parts)
    rest = portfolio_risk(model.h - found.beta * b, *model.parts)
    whole = found.beta**2 * found.benchmark.variance + rest.variance
    assert found.portfolio.variance == pytest.approx(whole, rel=1e-9)
    tracking = found.portfolio.variance + found.benchmark.variance * (1 - 2 * found.beta)
    assert found.active.variance == pytest.approx(tracking, rel=1e-8)


def test_the_benchmark_has_a_beta_of_one_to_itself_and_no_tracking_error():
    model, b = random_model(), benchmark_of(30)
    found = benchmark_risk(b, b, *model.parts)
    assert (found.beta, found.correlation) == (pytest.approx(1, rel=1e-12), pytest.approx(1, rel=1e-12))
    assert found.active.vol == 0.0


def test_no_holdings_have_no_beta_and_no_correlation():
    model = random_model()
    found = benchmark_risk(np.zeros(30), benchmark_of(30), *model.parts)
    assert found.beta == 0.0
    assert np.isnan(found.correlation)


def test_a_benchmark_without_risk_is_refused():
    model = random_model()
    with pytest.raises(ValueError, match="the benchmark has a volatility of 0: there is no beta to it"):
        benchmark_risk(model.h, np.zeros(30), *model.parts)
