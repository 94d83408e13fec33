"""Markets that close at different hours: overlapping sums of returns find the correlations and betas that single returns miss."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sigmalake.numerics.descriptors.market_beta import market_beta, overlapping_sums
from sigmalake.numerics.descriptors.prices import PriceHistory, PriceWindows
from sigmalake.numerics.descriptors.trailing_window import Trailing
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.newey_west import newey_west

T, PAIRS, HOURS, SHIFT, RHO, K = 1500, 30, 6, 3, 0.6, 10
SHARE = SHIFT / HOURS  # of a period by which the closes lie apart
SAMPLING = np.sqrt(2 * K / (3 * T)) * (1 - RHO**2)  # of a correlation from overlapping sums of K periods


@pytest.fixture(scope="module")
def pairs():
    """(T, 2 PAIRS) returns of pairs of markets whose true correlation is RHO; the second of a pair closes SHIFT hours later."""
    rng = np.random.default_rng(8)
    first = rng.normal(0, 0.01 / np.sqrt(HOURS), ((T + 1) * HOURS, PAIRS))
    second = RHO * first + np.sqrt(1 - RHO**2) * rng.normal(0, 0.01 / np.sqrt(HOURS), first.shape)
    days = [hours[: T * HOURS].reshape(T, HOURS, PAIRS).sum(axis=1) for hours in (first, second[SHIFT:])]
    return np.stack(days, axis=2).reshape(T, 2 * PAIRS)


def correlations(cov):
    vol = np.sqrt(np.diag(cov))
    return (cov / np.outer(vol, vol))[np.arange(0, 2 * PAIRS, 2), np.arange(1, 2 * PAIRS, 2)]


@pytest.mark.parametrize("estimator", [SampleFactorCov, EwmaFactorCov])
def test_lags_are_overlapping_sums_and_find_the_correlation(pairs, estimator):
    given = {"half_life": 1e6, "window": T} if estimator is EwmaFactorCov else {"window": T}
    plain, found = (correlations(estimator(**given, lags=lags).estimate(pairs).cov) for lags in (0, K - 1))
    single = (1 - RHO**2) / np.sqrt(T)
    assert abs(plain.mean() - RHO * (1 - SHARE)) < 4 * single / np.sqrt(PAIRS)
    assert (np.abs(plain - RHO) > 5 * single).all()  # half of the correlation is missed
    assert abs(found.mean() - RHO * (1 - SHARE / K)) < 3 * SAMPLING / np.sqrt(PAIRS)
    assert np.sqrt(np.mean((found - RHO) ** 2)) < 1.5 * SAMPLING


def test_a_covariance_with_lags_is_that_of_overlapping_sums(pairs):
    x = pairs[:200, :4] - pairs[:200, :4].mean(axis=0)
    padded = np.vstack([np.zeros((K, 4)), x, np.zeros((K, 4))])
    sums = pd.DataFrame(padded).rolling(K).sum().dropna().to_numpy()
    assert_allclose(newey_west(x, K - 1), sums.T @ sums / K, rtol=1e-9, atol=1e-18)


def test_sums_of_a_missing_return_are_missing():
    returns = np.arange(12.0).reshape(6, 2)
    returns[2, 0] = np.nan
    expected = pd.DataFrame(returns).rolling(3).sum().to_numpy()
    assert_allclose(overlapping_sums(returns, 3), expected)
    assert np.isnan(overlapping_sums(returns[:2], 3)).all()


def test_beta_over_overlapping_sums_finds_what_single_returns_miss(pairs):
    window, as_of, ones = Trailing(window=T - K), np.array([T - 1]), np.ones((T, 2))
    plain, found = (
        [market_beta(overlapping_sums(pairs[:, [i + 1]], k), overlapping_sums(pairs[:, [i]], k)[:, 0], as_of, window).beta[0, 0]
         for i in range(0, 2 * PAIRS, 2)]
        for k in (1, K)
    )  # fmt: skip
    assert abs(np.mean(plain) - RHO * (1 - SHARE)) < 0.02
    assert abs(np.mean(found) - RHO * (1 - SHARE / K)) < 3 * np.sqrt(2 * K / (3 * T)) / np.sqrt(PAIRS)
    # the descriptor: a market of the first asset's returns alone, as the other has no cap
    caps = ones * np.array([1.0, np.nan])
    history = PriceHistory(pairs[:, :2], caps, caps, ones, ones > 0)
    rules = {"beta": Trailing(window=T - K)}
    single, summed = (PriceWindows(**rules, beta_overlap=k).compute(history, as_of) for k in (1, K))
    assert_allclose(single.beta[0], [1.0, plain[0]], rtol=1e-3)
    assert_allclose(summed.beta[0], [1.0, found[0]], rtol=1e-2)
    assert_allclose(summed.residual_volatility, single.residual_volatility)
    assert PriceWindows(beta_overlap=K).look_back >= PriceWindows().beta.look_back + K
