import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from residual_histories import residuals
from statsmodels.stats.sandwich_covariance import S_hac_simple
from statsmodels.tsa.stattools import acf

from sigmalake.numerics.specific_risk.estimators import EwmaSpecificVar, SampleSpecificVar
from sigmalake.numerics.specific_risk.serial_correlation import variance_ratio
from sigmalake.numerics.windows.ewma import EQUAL, Weighting

seeds = st.integers(0, 2**32 - 1)


def plain_loop(series: np.ndarray, as_of: int, weighting: Weighting, lags: int, centre: bool) -> float:
    """C of one asset and date from the definition, a lag after the other."""
    rows = [t for t in range(max(0, as_of - weighting.window + 1), as_of + 1) if not np.isnan(series[t])]
    a = {t: 2.0 ** (-(as_of - t) / weighting.half_life) for t in rows}
    total = sum(a.values())
    mean = sum(a[t] * series[t] for t in rows) / total if centre else 0.0
    x = {t: np.sqrt(a[t] / total) * (series[t] - mean) for t in rows}
    plain = sum(value**2 for value in x.values())
    rho = [sum(x[t] * x[t - lag] for t in rows if t - lag in x) / plain for lag in range(1, lags + 1)]
    return 1 + 2 * sum((1 - lag / (lags + 1)) * value for lag, value in enumerate(rho, 1))


@pytest.mark.parametrize("weighting", [Weighting(40, 15.0), Weighting(40, EQUAL), Weighting(9, 3.0), Weighting(300, 60.0)])
@pytest.mark.parametrize("lags", [1, 5, 8])
@pytest.mark.parametrize("centre", [True, False])
def test_the_ratio_is_the_double_loop_and_lags_count_periods_of_the_calendar(weighting, lags, centre):
    u = residuals(130, 4, missing=0.15, coefficient=0.3)
    as_of = np.array([30, 64, 65, 129])
    found = variance_ratio(u, as_of, weighting, lags, centre=centre)
    expected = [[plain_loop(u[:, n], a, weighting, lags, centre) for n in range(4)] for a in as_of]
    assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("lags", [1, 5, 20])
def test_the_long_run_variance_is_that_of_statsmodels(lags):
    u = residuals(120, 3, missing=0.0, coefficient=0.4)
    x = u - u.mean(axis=0)
    found = variance_ratio(u, np.array([119]), Weighting(120, EQUAL), lags, centre=True)
    assert_allclose(found[0], np.diag(S_hac_simple(x, nlags=lags)) / (x**2).sum(axis=0), rtol=1e-11)


def test_with_equal_weights_rho_is_the_autocorrelation_of_statsmodels():
    u = residuals(200, 2, missing=0.0, coefficient=-0.3)
    found = variance_ratio(u, np.array([199]), Weighting(200, EQUAL), 4, centre=True)
    rho = np.array([acf(u[:, n], nlags=4, fft=False)[1:] for n in range(2)])
    assert_allclose(found[0], 1 + 2 * rho @ (1 - np.arange(1, 5) / 5), rtol=1e-11)


def test_an_autoregression_of_point_three_has_the_ratio_of_its_autocorrelations():
    u = residuals(40_000, 1, missing=0.0, coefficient=0.3)
    found = variance_ratio(u, np.array([39_999]), Weighting(40_000, EQUAL), 5, centre=True)
    assert found[0, 0] == pytest.approx(1 + 2 * sum((1 - lag / 6) * 0.3**lag for lag in range(1, 6)), abs=0.05)


def test_a_mean_far_from_zero_keeps_its_digits():
    u = residuals(80, 3, missing=0.1, coefficient=0.3)
    as_of, weighting = np.array([40, 79]), Weighting(50, 20.0)
    far = variance_ratio(u + 1e3, as_of, weighting, 3, centre=True)
    assert_allclose(far, variance_ratio(u, as_of, weighting, 3, centre=True), rtol=1e-8)  # u + 1e3 itself has lost five digits


def test_without_variation_or_observations_the_ratio_is_one():
    u = np.full((50, 3), np.nan)
    u[:, 0], u[7, 1] = 0.01, 0.02
    assert_array_equal(variance_ratio(u, np.array([5, 49]), Weighting(30, 10.0), 3, centre=True), np.ones((2, 3)))


def test_the_future_and_what_lies_before_the_window_never_matter():
    u = residuals(200, 5)
    as_of, weighting = np.arange(100, 140), Weighting(60, 20.0)
    before = variance_ratio(u, as_of, weighting, 5, centre=True)
    u[140:], u[: 100 - 59] = 7.0, 9.0
    assert_array_equal(before, variance_ratio(u, as_of, weighting, 5, centre=True))


def test_an_as_of_date_alone_says_the_same_as_among_others():
    u = residuals(300, 5, coefficient=0.3)
    weighting = Weighting(80, 30.0)
    together = variance_ratio(u, np.arange(300), weighting, 5, centre=True)
    for a in (90, 127, 128, 299):
        alone = variance_ratio(u[a - 79 : a + 1], np.array([79]), weighting, 5, centre=True)
        assert_allclose(alone[0], together[a], rtol=1e-12)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, lags=st.integers(1, 12), half_life=st.floats(2, 200), coefficient=st.floats(-0.95, 0.95))
def test_it_is_never_negative_and_has_no_unit(seed, lags, half_life, coefficient):
    u = residuals(60, 4, missing=0.3, coefficient=coefficient, seed=seed)
    as_of, weighting = np.array([20, 59]), Weighting(40, half_life)
    found = variance_ratio(u, as_of, weighting, lags, centre=True)
    assert (found >= -1e-12).all()
    assert_allclose(variance_ratio(u * 37.0, as_of, weighting, lags, centre=True), found, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("make", [lambda **o: SampleSpecificVar(window=60, **o), lambda **o: EwmaSpecificVar(half_life=20, **o)])
def test_the_time_series_variance_is_the_plain_one_times_the_ratio_within_its_bounds(make):
    u = residuals(100, 40, coefficient=0.5)
    as_of = np.array([70, 99])
    plain, estimator = make().estimate(u, as_of), make(lags=5, lags_half_life=15, lags_bounds=(0.5, 1.5))
    ratio = variance_ratio(u, as_of, Weighting(45, 15.0), 5, centre=True)
    found = estimator.time_series(u, as_of)
    assert_allclose(found.var, plain.var * np.clip(ratio, 0.5, 1.5), rtol=1e-14)
    assert_array_equal(found.clipped, (ratio < 0.5) | (ratio > 1.5))
    assert 0 < found.clipped.sum() < found.clipped.size
    assert_array_equal(estimator.estimate(u, as_of).var, plain.var)


def test_lags_zero_is_plain_and_clips_nothing():
    u = residuals(100)
    estimator = EwmaSpecificVar(half_life=20)
    found = estimator.time_series(u, np.array([99]))
    assert_array_equal(found.var, estimator.estimate(u, np.array([99])).var)
    assert not found.clipped.any()


def test_an_asset_without_a_variance_is_not_counted_as_clipped():
    u = np.full((60, 1), np.nan)
    u[-4:, 0] = 0.01, 0.0101, 0.0102, 0.0103
    estimator = EwmaSpecificVar(half_life=20, lags=1, lags_bounds=(1.0, 1.0))
    assert not estimator.time_series(u, np.array([59])).clipped.any()


@pytest.mark.parametrize(
    ("options", "window", "half_life", "look_back"),
    [
        ({"lags": 5}, 60, 20, 60),
        ({"lags": 5, "lags_half_life": 50}, 150, 50, 150),
        ({"lags": 5, "lags_window": 90}, 90, 20, 90),
        ({"lags": 0, "lags_half_life": 50}, 150, 50, 60),
    ],
)
def test_the_autocorrelations_have_weights_of_their_own(options, window, half_life, look_back):
    estimator = EwmaSpecificVar(half_life=20, **options)
    assert estimator.lags_weighting == (window, half_life)
    assert estimator.look_back == look_back


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lags": -1}, "lags is -1; it must be from 0"),
        ({"lags": 60}, "lags is 60; .* below the window of 60 periods"),
        ({"lags_half_life": 0}, "lags_half_life is 0; it must be a finite number of periods > 0"),
        ({"lags_window": 1}, "lags_window is 1; a variance needs a window of 2 periods or more"),
        ({"lags_bounds": (0.0, 4)}, r"lags_bounds is \[0.0, 4\]; it must hold 1, the plain variance, and begin above 0"),
        ({"lags_bounds": (0.25, 0.9)}, r"lags_bounds is \[0.25, 0.9\]; it must hold 1"),
        ({"lags_bounds": (2, 4)}, r"lags_bounds is \[2, 4\]; it must hold 1"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        EwmaSpecificVar(half_life=20, **options)
