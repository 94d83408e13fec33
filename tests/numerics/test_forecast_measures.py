import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats

from sigmalake.numerics.evaluation.forecast_measures import (
    PERFECT_Q,
    ForecastRun,
    bias,
    bias_band,
    expected_deviation,
    q_band,
    q_statistic,
    qlike,
    rolling_bias,
    rolling_deviation,
    standardise,
)

NORMAL = stats.norm()


def one_portfolio(n_dates: int, seed: int = 0, vol: float = 0.01) -> tuple[np.ndarray, np.ndarray, ForecastRun]:
    rng = np.random.default_rng(seed)
    vols = vol * np.exp(rng.normal(0, 0.3, n_dates))
    returns = rng.normal(0.0003, 1, n_dates) * vols
    return vols, returns, standardise(vols, returns, np.arange(n_dates), n_dates)


def test_bias_is_the_standard_deviation_of_the_standardised_returns():
    vols, returns, run = one_portfolio(300)
    assert bias(run) == pytest.approx(pd.Series(returns / vols).std(), rel=1e-12)


def test_rolling_bias_is_that_of_pandas():
    vols, returns, run = one_portfolio(100)
    expected = pd.Series(returns / vols).rolling(12).std().dropna()
    assert_allclose(rolling_bias(run, 12), expected, rtol=1e-10)
    assert rolling_deviation(run, 12) == pytest.approx((expected - 1).abs().mean(), rel=1e-10)
    assert_array_equal(rolling_bias(run, 101), [])
    assert np.isnan(rolling_deviation(run, 101))


def test_means_over_a_group_s_assets_give_the_measures_of_all_their_forecasts_exactly():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"date": np.repeat(np.arange(40), 7), "vol": rng.uniform(0.01, 0.03, 280)})
    frame["ret"] = frame["vol"] * rng.standard_t(5, 280)
    frame.loc[rng.choice(280, 30, replace=False), "ret"] = np.nan
    frame.loc[rng.choice(280, 30, replace=False), "ret"] = 0.0
    run = standardise(frame["vol"].to_numpy(), frame["ret"].to_numpy(), frame["date"].to_numpy(), 40)
    kept = frame.dropna()
    b = kept["ret"] / kept["vol"]
    assert bias(run) == pytest.approx(b.std(), rel=1e-12)
    assert_allclose(rolling_bias(run, 10)[5], b[kept["date"].between(5, 14)].std(), rtol=1e-12)
    assert qlike(run) == pytest.approx((np.log(kept["vol"] ** 2) + b**2).mean(), rel=1e-12)
    moved = b[b != 0]
    assert q_statistic(run) == pytest.approx((moved**2 - np.log(moved**2)).mean(), rel=1e-12)
    assert (run.n_forecasts.sum(), run.n_zero.sum()) == (len(b), len(b) - len(moved))
    first = kept[kept["date"] == 0]
    assert run.vol[0] == pytest.approx(np.sqrt((first["vol"] ** 2).mean()), rel=1e-12)
    assert run.realised[0] == pytest.approx(first["ret"].mean(), rel=1e-12)


def test_what_has_no_forecast_or_no_return_does_not_count():
    vols, returns = np.array([0.1, 0.0, np.nan, 0.2, 0.1]), np.array([0.1, 0.1, 0.1, np.nan, 0.0])
    run = standardise(vols, returns, np.array([0, 0, 1, 1, 0]), 3)
    assert_array_equal(run.n_forecasts, [2, 0, 0])
    assert_array_equal(run.n_zero, [1, 0, 0])
    assert_array_equal(run.b_squared, [0.5, np.nan, np.nan])
    assert run.log_b_squared[0] == 0.0


def test_measures_of_too_few_forecasts_are_nan():
    _, _, none = one_portfolio(0)
    _, _, one = one_portfolio(1)
    assert np.isnan([bias(none), qlike(none), q_statistic(none), bias(one)]).all()
    zero = standardise(np.array([0.1]), np.array([0.0]), np.array([0]), 1)
    assert np.isnan(q_statistic(zero))
    assert qlike(zero) == pytest.approx(np.log(0.01))
    assert np.isnan([bias_band(0), q_band(0), expected_deviation(1)]).all()


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.1, 10))
def test_too_low_a_forecast_shows_as_its_ratio_and_q_does_not_know_the_unit(seed, scale):
    vols, returns, run = one_portfolio(50, seed)
    low = standardise(vols / scale, returns, np.arange(50), 50)
    assert bias(low) == pytest.approx(scale * bias(run), rel=1e-9)
    unit = standardise(vols * scale, returns * scale, np.arange(50), 50)
    assert q_statistic(unit) == pytest.approx(q_statistic(run), rel=1e-9)
    assert qlike(unit) == pytest.approx(qlike(run) + 2 * np.log(scale), abs=1e-9)


def test_qlike_and_q_are_least_where_the_forecast_is_the_root_mean_square():
    _, returns, _ = one_portfolio(400)
    best = np.sqrt((returns**2).mean())

    def both(vol):
        run = standardise(np.full(400, vol), returns, np.arange(400), 400)
        return qlike(run), q_statistic(run)

    for factor in (0.7, 0.99, 1.01, 1.4):
        assert all(other > least for other, least in zip(both(best * factor), both(best), strict=True))


def test_a_perfect_q_and_its_variance_are_those_of_a_normal():
    def moment(power):
        def weighed(b):
            return (b**2 - np.log(b**2)) ** power * NORMAL.pdf(b)

        return 2 * sum(integrate.quad(weighed, *span, epsabs=1e-13)[0] for span in ((0, 1), (1, 40)))

    assert moment(1) == pytest.approx(PERFECT_Q, rel=1e-9)
    assert pytest.approx(2.2704, abs=5e-5) == PERFECT_Q
    assert 2 * np.sqrt((moment(2) - moment(1) ** 2) / 77) == pytest.approx(q_band(77), rel=1e-8)


@pytest.mark.parametrize("n", [2, 12, 60, 252, 2520])
def test_the_expected_deviation_is_the_integral_over_chi(n):
    chi = stats.chi(n - 1)

    def weighed(x):
        return abs(x / np.sqrt(n - 1) - 1) * chi.pdf(x)

    middle, far = np.sqrt(n - 1), np.sqrt(n - 1) + 12
    expected = integrate.quad(weighed, max(0, middle - 12), middle, epsabs=1e-13)[0]
    expected += integrate.quad(weighed, middle, far, epsabs=1e-13)[0]
    assert expected_deviation(n) == pytest.approx(expected, rel=1e-8)


def test_the_expected_deviations_are_the_known_ones():
    assert expected_deviation(12) == pytest.approx(0.17, abs=0.005)
    assert expected_deviation(252) == pytest.approx(0.036, abs=0.0005)


@pytest.mark.parametrize("n", [60, 250, 1000])
def test_the_band_holds_the_bias_of_normal_returns_nineteen_times_in_twenty(n):
    low, high = ((1 + sign * bias_band(n)) ** 2 * (n - 1) for sign in (-1, 1))
    assert stats.chi2(n - 1).cdf(high) - stats.chi2(n - 1).cdf(low) == pytest.approx(0.954, abs=0.005)


def test_the_band_of_fat_tails_is_two_standard_deviations_of_the_bias():
    n, p = 1000, 0.1  # b is +-p^-1/2 with probability p, else 0: a variance of 1 and a kurtosis of 1 / p
    counts = np.arange(n + 1)
    root = np.sqrt(counts / (n * p))
    chance = stats.binom(n, p).pmf(counts)
    sd = np.sqrt(chance @ root**2 - (chance @ root) ** 2)
    assert bias_band(n, kurtosis=1 / p) == pytest.approx(2 * sd, rel=0.01)
