import numpy as np
import pandas as pd
import pytest
from factor_histories import factor_returns
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.regime import VolatilityRegime, regime_multiplier

seeds = st.integers(0, 2**32 - 1)


def multiplier(estimator, F: np.ndarray) -> float:
    (said,) = [said for said in estimator.estimate(F).diagnostics if said.name == "regime_multiplier"]
    return said.value


def plain_loop(F: np.ndarray, window: int, half_life: float, regime: VolatilityRegime) -> float:
    """lambda^2 from pandas' forecasts, a date at a time."""
    total = weight = 0.0
    for age in range(regime.periods):
        t = len(F) - 1 - age
        past = pd.DataFrame(F[t - window : t])
        sigma = past.ewm(halflife=half_life, ignore_na=False).std(bias=True).iloc[-1].to_numpy()
        squares = [(f / s) ** 2 for f, s in zip(F[t], sigma, strict=True) if np.isfinite(f) and np.isfinite(s)]
        if squares:
            total += 2 ** (-age / regime.half_life) * np.mean(squares)
            weight += 2 ** (-age / regime.half_life)
    return total / weight


def test_the_multiplier_is_the_plain_loop_over_pandas_forecasts():
    F = factor_returns(200, 3)
    F[[185, 190], [1, 2]] = np.nan
    F[180] = np.nan  # a date without any
    regime = VolatilityRegime(half_life=8, window=20)
    estimator = EwmaFactorCov(half_life=30, window=90, lags=3, regime=regime)
    found, without = estimator.estimate(F), EwmaFactorCov(half_life=30, window=90, lags=3).estimate(F)
    squared = plain_loop(F, 90, 30, regime)
    assert_allclose(found.cov, without.cov * squared, rtol=1e-10)
    assert found.diagnostics[0].value == pytest.approx(np.sqrt(squared), rel=1e-10)
    assert found.diagnostics[0].detail == "lambda; Sigma is times its square; from 19 dates"


def test_the_sample_s_forecasts_have_its_divisor():
    F = factor_returns(100, 2)
    estimator = SampleFactorCov(window=60, regime=VolatilityRegime(half_life=5, window=10))
    ages = np.arange(10)[::-1]
    sigma = np.array([F[t - 60 : t].std(axis=0, ddof=1) for t in range(90, 100)])
    squared = np.average(((F[90:] / sigma) ** 2).mean(axis=1), weights=0.5 ** (ages / 5))
    assert multiplier(estimator, F) == pytest.approx(np.sqrt(squared), rel=1e-12)


def test_what_is_missing_counts_neither_above_nor_below():
    returns = np.array([[2.0, np.nan, 1.0], [np.nan, np.nan, np.nan], [3.0, 1.0, 5.0]])
    forecast = np.array([[1.0, 1.0, 4.0], [1.0, 1.0, 1.0], [1.0, np.nan, 0.0]])
    found = regime_multiplier(returns, forecast, 1.0, 1)
    assert found == (pytest.approx(((4 + 0.25) / 2 * 0.25 + 9) / 1.25), 2)


def test_of_a_calm_history_it_is_one_and_after_volatility_doubled_it_halves_the_error_at_least():
    F = np.random.default_rng(3).normal(0, 0.01, (900, 40))
    estimator = EwmaFactorCov(half_life=252, window=700, regime=VolatilityRegime(half_life=21, window=63))
    assert multiplier(estimator, F) == pytest.approx(1, abs=0.05)
    F[-63:] *= 2
    mean_vol = [np.sqrt(np.diag(e.estimate(F).cov)).mean() for e in (estimator, EwmaFactorCov(half_life=252, window=700))]
    errors = np.abs(np.array(mean_vol) - 0.02)
    assert errors[0] < errors[1] / 2


def test_lags_do_not_enter_the_forecasts():
    F = factor_returns(200, 3)
    regime = VolatilityRegime(half_life=8)
    plain, with_lags = (EwmaFactorCov(half_life=30, lags=lags, regime=regime) for lags in (0, 5))
    assert multiplier(plain, F) == multiplier(with_lags, F)


def test_with_too_few_dates_it_is_one_and_says_so():
    F = factor_returns(60, 3)
    regime = VolatilityRegime(half_life=20)  # 60 periods: 30 are needed
    found = EwmaFactorCov(half_life=30, min_periods=45, regime=regime).estimate(F)
    assert_array_equal(found.cov, EwmaFactorCov(half_life=30, min_periods=45).estimate(F).cov)
    ((name, value, detail),) = found.diagnostics
    assert (name, value) == ("regime_multiplier", 1.0)
    assert detail == "lambda; Sigma is times its square; from 15 dates; 30 are needed, so it is 1"


def test_it_looks_back_over_both_windows_and_no_further():
    estimator = EwmaFactorCov(half_life=20, window=50, regime=VolatilityRegime(half_life=10, window=30))
    assert estimator.look_back == 80
    F = factor_returns(120, 2)
    before = estimator.estimate(F)
    F[:40] = 1e3
    assert_array_equal(before.cov, estimator.estimate(F).cov)
    assert_array_equal(before.cov, estimator.estimate(F[40:]).cov)
    F[40] = 1.0
    assert not np.array_equal(before.cov, estimator.estimate(F).cov)
    longer = EwmaFactorCov(half_life=20, corr_half_life=90, regime=VolatilityRegime(half_life=10))
    assert longer.look_back == 270


@settings(deadline=None, max_examples=30)
@given(seed=seeds, half_life=st.floats(1, 50))
def test_it_has_no_unit_and_no_order_of_factors(seed, half_life):
    F = factor_returns(80, 4, seed)
    rng = np.random.default_rng(seed)
    F[rng.random(F.shape) < 0.05] = np.nan
    scale, order = np.exp(rng.normal(0, 3, 4)), rng.permutation(4)
    estimator = EwmaFactorCov(half_life=20, window=40, min_periods=10, regime=VolatilityRegime(half_life=half_life, window=30))
    once = multiplier(estimator, F)
    assert multiplier(estimator, F * scale) == pytest.approx(once, rel=1e-9)
    assert multiplier(estimator, F[:, order]) == pytest.approx(once, rel=1e-9)


def test_an_endless_half_life_is_the_mean_of_b_squared():
    F, forecast = factor_returns(50, 3), np.full((50, 3), 1e-4)
    assert regime_multiplier(F, forecast, 1e12, 1).squared == pytest.approx((F**2 / 1e-4).mean(), rel=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"half_life": 0}, "half_life is 0"),
        ({"half_life": 4, "window": 1}, "window is 1"),
        ({"half_life": 1, "window": 600}, "500"),
    ],
)
def test_impossible_parameters_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        VolatilityRegime(**options)
