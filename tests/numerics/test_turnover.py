import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from price_histories import price_history, with_noise_after

from sigmalake.numerics.descriptors.trailing_window import Trailing
from sigmalake.numerics.descriptors.turnover import ln_turnover, turnover


def test_turnover_is_value_over_cap_and_needs_a_cap():
    found = turnover(np.array([2.0, 2.0, np.nan, 2.0, 0.0]), np.array([8.0, np.nan, 8.0, 0.0, 8.0]))
    assert_array_equal(found, [0.25, np.nan, np.nan, np.nan, 0.0])


@pytest.mark.parametrize("window", [21, 63])
def test_liquidity_is_the_rolling_mean_of_pandas_over_days_with_trade(window):
    traded = price_history(200, missing=0.3).turnovers
    found = ln_turnover(traded, np.arange(200), Trailing(window=window), month=21)
    rolling = pd.DataFrame(np.where(traded > 0, traded, np.nan)).rolling(window, min_periods=window // 2)
    assert_allclose(found, np.log(21 * rolling.mean()).to_numpy(), rtol=1e-10)


def test_a_zero_volume_is_missing():
    traded = price_history(60, missing=0.0).turnovers
    expected = traded.copy()
    traded[30:36, 1], expected[30:36, 1] = 0.0, np.nan
    found = ln_turnover(traded, np.array([40]), Trailing(window=21), month=21)
    assert_array_equal(found, ln_turnover(expected, np.array([40]), Trailing(window=21), month=21))
    assert np.isfinite(found).all()
    traded[30:42, 1] = 0.0
    assert np.isnan(ln_turnover(traded, np.array([41]), Trailing(window=21), month=21)[0, 1])


def test_a_constant_turnover_is_the_same_over_every_window():
    found = [ln_turnover(np.full((300, 1), 0.004), np.array([299]), Trailing(window=w), month=21) for w in (21, 63, 252)]
    assert_allclose(found, np.log(21 * 0.004), rtol=1e-14)


def test_later_trade_changes_no_turnover():
    traded = price_history(120).turnovers
    as_of = np.arange(40, 81)
    found = [ln_turnover(t, as_of, Trailing(window=21), month=21) for t in (traded, with_noise_after(traded, 80))]
    assert_array_equal(*found)
