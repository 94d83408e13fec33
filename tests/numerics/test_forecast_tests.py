"""Tests of forecasts: against statsmodels by its own sandwich, and against many samples of what they assume."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from scipy.linalg import toeplitz

from sigmalake.numerics.evaluation.forecast_measures import bias, standardise
from sigmalake.numerics.evaluation.forecast_tests import (
    bias_error,
    diebold_mariano,
    effective_forecasts,
    long_run_var,
    mincer_zarnowitz,
)

RNG = np.random.default_rng(5)


@pytest.mark.parametrize(("n", "horizon"), [(40, 1), (200, 5), (120, 21)])
def test_diebold_mariano_is_a_regression_on_a_constant_with_the_small_sample_correction(n, horizon):
    summed = np.convolve(RNG.standard_normal(n + horizon - 1), np.ones(horizon), "valid")
    one, other = summed**2 + 0.3, np.abs(RNG.standard_normal(n))
    found = diebold_mariano(one, other, horizon)
    robust = {"maxlags": horizon - 1, "kernel": "uniform", "use_correction": False}
    fitted = sm.OLS(one - other, np.ones(n)).fit(cov_type="HAC", cov_kwds=robust)
    correction = np.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    assert found.difference == pytest.approx(fitted.params[0], rel=1e-12)
    assert found.statistic == pytest.approx(fitted.tvalues[0] * correction, rel=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(fitted.tvalues[0] * correction), n - 1), rel=1e-8)
    turned = diebold_mariano(other, one, horizon)
    assert (turned.difference, turned.p_value) == (-found.difference, found.p_value)


@pytest.mark.parametrize("horizon", [1, 21])
def test_mincer_zarnowitz_is_a_weighted_regression_with_a_wald_test_that_knows_the_overlap(horizon):
    n = 300
    variance = np.exp(RNG.standard_normal(n)) * 1e-4
    b_squared = RNG.standard_normal(n) ** 2 * 1.2
    found = mincer_zarnowitz(b_squared, variance, horizon)
    X = np.column_stack([np.full(n, variance.mean()), variance])  # R^2 on the level and sigma^2, weights 1 / sigma^4
    fitted = sm.WLS(b_squared * variance, X, weights=variance**-2).fit()
    assert [found.intercept, found.slope] == pytest.approx(list(fitted.params), rel=1e-9)
    overlap = toeplitz(np.maximum(1 - np.arange(n) / horizon, 0) ** 2)
    whitened = fitted.model.wexog
    inverse = np.linalg.inv(whitened.T @ whitened)
    cov = fitted.scale * inverse @ whitened.T @ overlap @ whitened @ inverse
    wald = fitted.wald_test((np.eye(2), np.array([0.0, 1.0])), cov_p=cov, use_f=False, scalar=True)
    assert found.wald == pytest.approx(float(wald.statistic), rel=1e-7)
    if horizon == 1:
        assert found.p_value == pytest.approx(float(fitted.f_test((np.eye(2), np.array([0.0, 1.0]))).pvalue), rel=1e-7)
    assert found.p_value == pytest.approx(stats.f.sf(found.wald / 2, 2, effective_forecasts(n, horizon) - 2), rel=1e-8)


def test_effective_forecasts_are_those_of_the_simulated_error_of_b():
    n, horizon, samples = 400, 5, 3000
    r = RNG.standard_normal((samples, n + horizon - 1)).cumsum(axis=1)
    summed = np.column_stack([r[:, horizon - 1], r[:, horizon:] - r[:, :-horizon]]) / np.sqrt(horizon)
    spread = summed.std(axis=1, ddof=1).std()
    assert spread == pytest.approx(1 / np.sqrt(2 * effective_forecasts(n, horizon)), rel=0.05)
    assert effective_forecasts(n, 1) == n
    assert [effective_forecasts(0, 21), effective_forecasts(3, 21)] == [0, 1]


def test_the_error_of_b_knows_fat_tails():
    n, samples = 500, 400
    b = RNG.standard_t(6, (samples, n)) / np.sqrt(1.5)
    runs = [standardise(np.ones(n), row, np.arange(n), n) for row in b]
    errors = np.array([bias_error(run, 1) for run in runs])
    assert np.median(errors) == pytest.approx(np.std([bias(run) for run in runs]), rel=0.15)
    assert np.median(errors) > 1.3 / np.sqrt(2 * n)


def test_without_enough_forecasts_or_differences_there_is_no_test():
    assert np.isnan(diebold_mariano(np.arange(9.0), np.zeros(9), 1).p_value)
    assert np.isnan(diebold_mariano(np.arange(30.0), np.zeros(30), 21).p_value)
    assert np.isnan(diebold_mariano(np.ones(30), np.zeros(30), 1).p_value)
    assert diebold_mariano(np.ones(30), np.zeros(30), 1).difference == 1
    assert np.isnan(diebold_mariano(np.empty(0), np.empty(0), 1).difference)
    assert np.isnan(mincer_zarnowitz(RNG.random(30), np.ones(30), 1).p_value)
    assert np.isnan(bias_error(standardise(np.ones(5), RNG.random(5), np.arange(5), 5), 1))


def test_a_sum_of_squares_that_the_uniform_kernel_leaves_negative_takes_bartletts():
    d = np.tile([1.0, -1.0], 15) + np.r_[1, np.zeros(29)]
    assert long_run_var(d, 1, "uniform") < 0 < long_run_var(d, 1, "bartlett")
    assert diebold_mariano(d, np.zeros(30), 2).std_error > 0
