"""The other forecasts of scripts/validate --peers, against numpy and scikit-learn, and the measures against pandas."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.covariance import LedoitWolf
from validation.peers.forecasts import Factored, Spectral
from validation.peers.from_returns import ewma, from_returns, ledoit_wolf, principal_components, qis, sample, spectrum
from validation.peers.scores import Sums, _sums, bias, monthly_bias, qlike, rolling_errors, scores, stacked, volatility

RNG = np.random.default_rng(3)


def returns_of(n_periods: int, n_assets: int) -> np.ndarray:
    return 0.01 * (RNG.standard_normal((n_periods, 1)) + RNG.standard_normal((n_periods, n_assets)))


def dense(forecast: Factored | Spectral, n_assets: int) -> np.ndarray:
    """V by its quadratic form alone."""
    eye = np.eye(n_assets)
    pairs = np.hstack([eye[:, [i]] + eye for i in range(n_assets)])
    own = forecast.variances(eye)
    return (forecast.variances(pairs).reshape(n_assets, n_assets) - own[:, None] - own[None, :]) / 2


@pytest.mark.parametrize(("n_periods", "n_assets"), [(60, 20), (20, 40)])
def test_each_forecast_is_the_matrix_that_it_is_named_after(n_periods, n_assets):
    R = returns_of(n_periods, n_assets)
    found = spectrum(R)
    S = np.cov(R.T)
    assert_allclose(dense(sample(found), n_assets), S, atol=1e-18)
    assert_allclose(dense(ledoit_wolf(R, found), n_assets), LedoitWolf().fit(R).covariance_, rtol=1e-9, atol=1e-18)
    V = dense(qis(found, n_periods - 1), n_assets)
    assert np.trace(V) == pytest.approx(np.trace(S), rel=1e-12)
    assert_allclose(np.diag(np.linalg.eigh(S)[1].T @ V @ np.linalg.eigh(S)[1]).sum(), np.trace(S))
    spread = np.linalg.eigvalsh(V)
    assert np.linalg.eigvalsh(S)[0] < spread[0]
    assert spread[-1] < np.linalg.eigvalsh(S)[-1]
    V = dense(principal_components(R, found), n_assets)
    assert_allclose(np.diag(V), np.diag(S), rtol=1e-10)
    weights = 0.5 ** (np.arange(n_periods)[::-1] / 10)
    second = (R * (weights / weights.sum())[:, None]).T @ R
    assert_allclose(dense(ewma(R, 10), n_assets), 0.9 * second + 0.1 * np.diag(np.diag(second)), rtol=1e-8, atol=1e-18)


def test_solutions_invert_the_variance_and_a_singular_matrix_says_so():
    R, b = returns_of(60, 20), RNG.standard_normal((20, 2))
    for name, forecast in from_returns(R, 10.0).items():
        if name != "QIS, half the window":
            assert_allclose(dense(forecast, 20) @ forecast.solve(b), b, rtol=1e-7, atol=1e-9, err_msg=name)
    with pytest.raises(ValueError, match="more assets than returns"):
        sample(spectrum(returns_of(10, 20))).solve(b)


def test_measures_come_from_the_sums_of_the_months():
    rng = np.random.default_rng(4)
    months = [(0.01 * rng.standard_normal((21, 3)), np.full(3, 1e-4)) for _ in range(60)]
    sums = stacked([_sums(*month) for month in months])
    R = np.vstack([returns for returns, _ in months])
    vol = np.vstack([np.tile(np.sqrt(var), (21, 1)) for _, var in months])
    whole = Sums(*(part.sum(axis=0) for part in sums))
    assert bias(whole) == pytest.approx(pd.DataFrame(R / vol).std().mean(), rel=1e-12)
    assert volatility(whole, 252) == pytest.approx(100 * np.sqrt(252) * pd.DataFrame(R).std().mean(), rel=1e-12)
    assert qlike(whole) == pytest.approx(np.mean(2 * np.log(vol) + (R / vol) ** 2), rel=1e-12)
    of_months = np.array([returns.sum(axis=0) ** 2 / (21 * var) for returns, var in months])
    assert monthly_bias(whole, 60) == pytest.approx(np.sqrt(of_months.mean()), rel=1e-12)
    first = np.abs(pd.DataFrame((R / vol)[:63]).std() - 1).mean()
    assert rolling_errors(sums)[0] == pytest.approx(first, rel=1e-12)
    found = scores(sums, np.arange(60), 252)
    assert found.bias.value == pytest.approx(bias(whole))
    assert found.bias.error == pytest.approx(1 / np.sqrt(2 * 1260 * 3), rel=0.4)  # of 3,780 independent returns
