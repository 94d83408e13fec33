import numpy as np
import pytest
from numpy.testing import assert_allclose
from residual_histories import residuals

from sigmalake.numerics.factor_cov.regime import mean_squared_bias
from sigmalake.numerics.specific_risk.regime import SpecificRegime, specific_squared_bias


def test_b_squared_is_the_cap_weighted_loop():
    u, rng = residuals(20, 6, missing=0.2), np.random.default_rng(1)
    forecast, caps = rng.uniform(1e-6, 4e-4, (20, 6)), rng.uniform(1, 9, (20, 6))
    forecast[3, 2], forecast[4, 1], caps[5, 0] = np.nan, 0.0, np.nan
    u[6, 3] = 1.0  # hundreds of standard deviations
    found = specific_squared_bias(u, forecast, caps, 10.0)
    for t in range(20):
        there = [n for n in range(6) if np.isfinite(u[t, n]) and forecast[t, n] > 0 and np.isfinite(caps[t, n])]
        scores = [min(10.0, max(-10.0, u[t, n] / forecast[t, n] ** 0.5)) for n in there]
        expected = sum(caps[t, n] * b**2 for n, b in zip(there, scores, strict=True)) / sum(caps[t, n] for n in there)
        assert found[t] == pytest.approx(expected, rel=1e-12)


def test_without_caps_every_asset_counts_alike():
    u, forecast = residuals(9, 5), np.full((9, 5), 3e-4)
    assert_allclose(
        specific_squared_bias(u, forecast, None, 10.0), specific_squared_bias(u, forecast, np.full((9, 5), 7.0), 10.0), rtol=1e-14
    )


def test_a_date_without_any_asset_has_none_and_leaves_the_mean():
    u, forecast = residuals(9, 5), np.full((9, 5), 3e-4)
    u[4] = np.nan
    found = specific_squared_bias(u, forecast, None, 10.0)
    assert np.flatnonzero(np.isnan(found)).tolist() == [4]
    weights = 0.5 ** (np.delete(np.arange(9)[::-1], 4) / 3.0)
    multiplier = mean_squared_bias(found, 3.0, 2)
    assert multiplier.squared == pytest.approx(np.average(np.delete(found, 4), weights=weights), rel=1e-13)
    assert multiplier.n_dates == 8


def test_one_wild_return_counts_as_winsorise_beyond_says():
    u, forecast = np.array([[0.0, 50.0]]), np.ones((1, 2))
    assert specific_squared_bias(u, forecast, None, 10.0).tolist() == [50.0]
    assert specific_squared_bias(-u, forecast, None, 4.0).tolist() == [8.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"half_life": 0}, "half_life is 0"),
        ({"half_life": 4, "winsorise_beyond": 0}, "winsorise_beyond is 0; it must be a number of sd > 0, e.g. 10"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SpecificRegime(**options)
