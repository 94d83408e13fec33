import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from price_histories import price_history, with_noise_after

from sigmalake.numerics.descriptors.market_beta import market_beta, market_return
from sigmalake.numerics.descriptors.trailing_window import Trailing

EVERY_PAIR = Trailing(window=60, half_life=15, min_periods=3)


def history(n_periods: int = 150, missing: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    made = price_history(n_periods, missing=missing, seed=seed)
    return made.returns, market_return(made.returns, made.caps, made.in_estimation)


def wls(r: np.ndarray, m: np.ndarray, as_of: int, trailing: Trailing) -> tuple[float, float, int]:
    """Slope, residual volatility and number of pairs by statsmodels, from the rows of the window one by one."""
    rows = [row for row in range(as_of - trailing.lag - trailing.window + 1, as_of - trailing.lag + 1) if row >= 0]
    used = [row for row in rows if np.isfinite(r[row]) and np.isfinite(m[row])]
    if len(used) < trailing.fewest:
        return np.nan, np.nan, len(used)
    weights = np.array([0.5 ** ((as_of - trailing.lag - row) / trailing.decay) for row in used])
    fit = sm.WLS(r[used], sm.add_constant(m[used]), weights=weights).fit()
    return fit.params[1], np.sqrt(weights @ fit.resid**2 / weights.sum()), len(used)


def test_the_market_is_the_cap_weighted_return_of_the_names_in_the_universe_the_day_before():
    made = price_history(40, missing=0.3)
    found = market_return(made.returns, made.caps, made.in_estimation)
    assert np.isnan(found[0])
    for t in range(1, 40):
        top = bottom = 0.0
        for n in range(6):
            if made.in_estimation[t - 1, n] and made.caps[t - 1, n] > 0 and not np.isnan(made.returns[t, n]):
                top += made.caps[t - 1, n] * made.returns[t, n]
                bottom += made.caps[t - 1, n]
        assert found[t] == pytest.approx(top / bottom if bottom else np.nan, rel=1e-12, nan_ok=True)


def test_caps_and_universe_of_the_day_itself_do_not_make_its_market():
    made = price_history(40)
    before = market_return(made.returns, made.caps, made.in_estimation)
    made.caps[30:], made.in_estimation[30:] = 1.0, False
    assert_array_equal(market_return(made.returns, made.caps, made.in_estimation)[:31], before[:31])


def test_a_day_without_any_name_has_no_market():
    returns = np.full((3, 2), 0.01)
    in_estimation = np.array([[True, True], [False, False], [True, True]])
    assert_array_equal(market_return(returns, np.ones((3, 2)), in_estimation), [np.nan, 0.01, np.nan])


@pytest.mark.parametrize(
    "trailing", [EVERY_PAIR, Trailing(window=40), Trailing(window=40, half_life=10, lag=7), Trailing(window=200, half_life=63)]
)
@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_beta_and_residual_volatility_are_those_of_statsmodels(trailing, missing):
    r, m = history(missing=missing)
    as_of = np.arange(0, 150, 11)
    found = market_beta(r, m, as_of, trailing)
    expected = np.array([[wls(r[:, n], m, a, trailing) for n in range(6)] for a in as_of])
    assert_allclose(found.beta, expected[:, :, 0], rtol=1e-10)
    assert_allclose(found.residual_vol, expected[:, :, 1], rtol=1e-10)
    assert_array_equal(found.n_obs, expected[:, :, 2])


def test_equal_weights_without_gaps_are_the_rolling_covariance_of_pandas():
    r, m = history(missing=0.0)
    r[0] = np.nan  # the first market return is missing too
    found = market_beta(r, m, np.arange(150), Trailing(window=60, min_periods=10))
    rolling = pd.DataFrame(r).rolling(60, min_periods=10)
    beta = rolling.cov(pd.Series(m)).div(pd.Series(m).rolling(60, min_periods=10).var(), axis=0)
    assert_allclose(found.beta, beta.to_numpy(), rtol=1e-10)


def test_exponential_weights_over_the_whole_history_are_those_of_pandas():
    r, m = history(missing=0.0)
    found = market_beta(r[1:], m[1:], np.array([148]), Trailing(window=149, half_life=30))
    both = pd.DataFrame(r[1:]).assign(market=m[1:]).ewm(halflife=30).cov(bias=True).loc[148]
    expected = both.loc[range(6), "market"] / both.loc["market", "market"]
    assert_allclose(found.beta[0], expected.to_numpy(), rtol=1e-10)


def test_an_asset_that_is_nearly_the_market_keeps_the_digits_of_its_residual():
    m = np.random.default_rng(2).normal(0, 0.01, 80)
    noise = np.random.default_rng(3).normal(0, 1e-9, 80)
    found = market_beta(np.stack([1.5 * m, 1.5 * m + noise, m * 0], axis=1), m, np.array([79]), EVERY_PAIR)
    _, expected, _ = wls(noise, m, 79, EVERY_PAIR)
    assert_allclose(found.beta[0], [1.5, 1.5, 0.0], atol=1e-6)
    assert found.residual_vol[0, 0] < 1e-17
    assert found.residual_vol[0, 1] == pytest.approx(expected, rel=1e-6)  # what is left of the noise's digits in 1.5 m + noise
    assert found.residual_vol[0, 2] == 0.0


def test_returns_with_a_mean_far_from_zero_have_the_beta_of_their_deviations():
    r, m = history(missing=0.2)
    plain = market_beta(r, m, np.arange(100, 150), EVERY_PAIR)
    shifted = market_beta(r + 3.0, m + 2.0, np.arange(100, 150), EVERY_PAIR)
    assert_allclose(shifted.beta, plain.beta, rtol=1e-10, atol=1e-12)
    assert_allclose(shifted.residual_vol, plain.residual_vol, rtol=1e-10)


def test_a_market_that_stands_still_has_no_beta():
    r, _ = history()
    found = market_beta(r, np.full(150, 0.001), np.array([120]), EVERY_PAIR)
    assert np.isnan(found.beta).all()
    assert np.isnan(found.residual_vol).all()
    assert (found.n_obs > 3).all()


def test_a_listing_has_a_beta_once_it_has_enough_pairs():
    r, m = history(missing=0.0)
    r[:100, 2] = np.nan
    found = market_beta(r, m, np.arange(150), Trailing(window=60))
    assert_array_equal(np.isnan(found.beta[:, 2]), np.arange(150) < 129)
    assert_array_equal(found.n_obs[128:131, 2], [29, 30, 31])


def test_what_comes_after_the_as_of_date_or_before_its_window_never_matters():
    r, m = history()
    as_of = np.arange(80, 101)
    before = market_beta(r, m, as_of, EVERY_PAIR)
    later = market_beta(with_noise_after(r, 100), with_noise_after(m[:, None], 100)[:, 0], as_of, EVERY_PAIR)
    assert_array_equal(later.beta, before.beta)
    within = market_beta(with_noise_after(r, 90), m, as_of, EVERY_PAIR)
    assert_array_equal(within.residual_vol[:11], before.residual_vol[:11])
    r[:21] = 5.0
    assert_array_equal(market_beta(r, m, as_of, EVERY_PAIR).beta, before.beta)


@settings(deadline=None, max_examples=30)
@given(slope=st.floats(-3, 3), scale=st.floats(1e-2, 1e2), seed=st.integers(0, 2**32 - 1))
def test_adding_a_multiple_of_the_market_moves_beta_by_it_and_scaling_scales(slope, scale, seed):
    r, m = history(missing=0.3, seed=seed)
    as_of = np.arange(60, 150, 9)
    plain, moved = market_beta(r, m, as_of, EVERY_PAIR), market_beta(scale * (r + slope * m[:, None]), m, as_of, EVERY_PAIR)
    assert_allclose(moved.beta, scale * (plain.beta + slope), rtol=1e-9, atol=1e-9 * scale)
    assert_allclose(moved.residual_vol, scale * plain.residual_vol, rtol=1e-8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Trailing(window=0), "window is 0; it must be 1 period or more"),
        (lambda: Trailing(window=200_000), "window is 2e.05; the longest is 100,000 periods"),
        (lambda: Trailing(window=20, min_periods=0), "min_periods is 0; it must be from 1 to the window of 20 periods"),
        (lambda: Trailing(window=20, lag=-1), "lag is -1; it is a number of periods >= 0, e.g. 21"),
        (lambda: Trailing(window=20, half_life=0), "half_life is 0; it must be a finite number of periods > 0"),
        (lambda: Trailing(window=20, min_periods=21), "min_periods is 21; it must be from 1 to the window of 20 periods"),
        (lambda: market_beta(np.full((9, 1), np.inf), np.ones(9), np.array([8]), EVERY_PAIR), "returns has 9 infinite values"),
        (lambda: market_beta(np.ones((9, 1)), np.ones(9), np.array([9]), EVERY_PAIR), "as_of goes from 9 to 9; there are 9 rows"),
    ],
)
def test_impossible_arguments_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
