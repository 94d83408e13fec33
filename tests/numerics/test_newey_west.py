import numpy as np
import pytest
from factor_histories import assert_close_as_returns, correlations, factor_returns, scattered_gaps
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.stats.sandwich_covariance import S_hac_simple

from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.newey_west import newey_west, on_calendar

seeds = st.integers(0, 2**32 - 1)


def autocorrelated(n_periods: int, n_factors: int, coefficient: float, seed: int = 0) -> np.ndarray:
    shocks = np.random.default_rng(seed).normal(0, 0.01, (n_periods, n_factors))
    F = np.zeros_like(shocks)
    for t in range(1, n_periods):
        F[t] = coefficient * F[t - 1] + shocks[t]
    return F


def plain_loop(returns: np.ndarray, half_life: float, lags: int, centre: bool = True) -> np.ndarray:
    """Double loop over dates and lags, each date at its own age; a date without all returns adds nothing."""
    n_periods, n_factors = returns.shape
    a = {t: 2.0 ** (-(n_periods - 1 - t) / half_life) for t in range(n_periods) if not np.isnan(returns[t]).any()}
    total = sum(a.values())
    mean = sum(a[t] * returns[t] for t in a) / total if centre else np.zeros(n_factors)
    x = {t: np.sqrt(a[t] / total) * (returns[t] - mean) for t in a}
    cov = np.zeros((n_factors, n_factors))
    for t, x_t in x.items():
        for s, x_s in x.items():
            if abs(t - s) <= lags:
                cov += (1 - abs(t - s) / (lags + 1)) * np.outer(x_t, x_s)
    return cov


@pytest.mark.parametrize("lags", [0, 1, 5, 20])
def test_the_sum_is_that_of_statsmodels(lags):
    x = factor_returns(120)
    assert_allclose(newey_west(x, lags), S_hac_simple(x, nlags=lags), rtol=1e-10, atol=1e-14)


def test_lags_zero_is_the_plain_product():
    x = factor_returns(50)
    assert_array_equal(newey_west(x, 0), x.T @ x)


@pytest.mark.parametrize("lags", [1, 5])
@pytest.mark.parametrize("centre", [True, False])
def test_ewma_with_lags_is_the_double_loop_and_lags_count_periods_of_the_calendar(lags, centre):
    F = scattered_gaps(90, 3, 0.06)
    found = EwmaFactorCov(half_life=20, window=90, lags=lags, centre=centre).estimate(F)
    assert found.n_periods < 80
    assert_close_as_returns(found.cov, plain_loop(F, 20, lags, centre), 1e-12)


def test_sample_with_lags_keeps_its_divisor():
    F = factor_returns(80)
    found = SampleFactorCov(window=80, lags=3).estimate(F)
    assert_close_as_returns(found.cov, plain_loop(F, 1e15, 3) * 80 / 79, 1e-10)


def test_volatilities_and_correlations_have_lags_of_their_own():
    F = autocorrelated(400, 3, 0.4)
    estimator = EwmaFactorCov(half_life=42, window=126, lags=5, corr_half_life=100, corr_window=300, corr_lags=2)
    found = estimator.estimate(F)
    assert_allclose(np.diag(found.cov), np.diag(plain_loop(F[-126:], 42, 5)), rtol=1e-12)
    assert_allclose(correlations(found.cov), correlations(plain_loop(F[-300:], 100, 2)), atol=1e-12)


def test_other_lags_for_the_correlations_alone_separate_them():
    F = autocorrelated(200, 3, 0.4)
    found = EwmaFactorCov(half_life=42, window=126, lags=4, corr_lags=0).estimate(F)
    assert_allclose(np.diag(found.cov), np.diag(EwmaFactorCov(half_life=42, window=126, lags=4).estimate(F).cov), rtol=1e-14)
    assert_allclose(correlations(found.cov), correlations(EwmaFactorCov(half_life=42, window=126).estimate(F).cov), rtol=1e-13)


def test_the_variance_of_an_autoregression_grows_to_its_long_run_value():
    F = autocorrelated(200_000, 1, 0.3)
    plain, with_lags = (SampleFactorCov(window=100_000, lags=lags).estimate(F).cov[0, 0] for lags in (0, 20))
    expected = 1 + 2 * sum((1 - lag / 21) * 0.3**lag for lag in range(1, 21))
    assert with_lags / plain == pytest.approx(expected, abs=0.05)  # its standard error is some .02


@settings(deadline=None, max_examples=60)
@given(seed=seeds, lags=st.integers(0, 12), corr_lags=st.integers(0, 12), n_periods=st.integers(14, 40))
def test_it_is_positive_semi_definite_whatever_the_lags_and_gaps(seed, lags, corr_lags, n_periods):
    F = scattered_gaps(n_periods, 6, 0.05, seed)
    found = EwmaFactorCov(half_life=15, window=n_periods, lags=lags, corr_lags=corr_lags, min_periods=2).estimate(F)
    assert_array_equal(found.cov, found.cov.T)
    if found.kept.size:
        values = np.linalg.eigvalsh(found.cov)
        assert values[0] >= -1e-13 * values[-1]


@settings(deadline=None, max_examples=30)
@given(seed=seeds, lags=st.integers(0, 9))
def test_it_scales_and_permutes_with_the_factors(seed, lags):
    F = factor_returns(60, 4, seed)
    rng = np.random.default_rng(seed)
    scale, order = np.exp(rng.normal(0, 3, 4)), rng.permutation(4)
    estimator = EwmaFactorCov(half_life=20, lags=lags)
    once = estimator.estimate(F).cov
    assert_close_as_returns(estimator.estimate(F * scale).cov, once * np.outer(scale, scale), 1e-12)
    assert_close_as_returns(estimator.estimate(F[:, order]).cov, once[np.ix_(order, order)], 1e-12)


def test_gaps_of_the_calendar_are_rows_of_zeros():
    placed = on_calendar(np.ones((3, 2)), np.array([4, 5, 8]))
    assert_array_equal(placed[:, 0], [1, 1, 0, 0, 1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EwmaFactorCov(half_life=20, lags=-1), "lags is -1; it must be from 0"),
        (lambda: EwmaFactorCov(half_life=20, lags=60), "lags is 60; .* below the window of 60 periods"),
        (lambda: EwmaFactorCov(half_life=20, corr_lags=60), "corr_lags is 60; .* below the window of 60 periods"),
        (lambda: EwmaFactorCov(half_life=20, lags=50, corr_window=30), "lags is 50; .* below the window of 30 periods"),
    ],
)
def test_impossible_lags_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
