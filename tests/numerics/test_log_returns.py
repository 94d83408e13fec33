import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from price_histories import price_history, with_noise_after

from sigmalake.numerics.descriptors.log_returns import cumulative_range, weighted_log_return
from sigmalake.numerics.descriptors.trailing_window import Trailing

MOMENTUM = Trailing(window=50, half_life=12, lag=8, min_periods=5)


def returns(n_periods: int = 160, missing: float = 0.1, seed: int = 0) -> np.ndarray:
    return price_history(n_periods, missing=missing, seed=seed).returns


def slow_range(r: np.ndarray, as_of: int, months: int, month: int, min_periods: int) -> float:
    """One asset and date, a day after the other."""
    total, n_obs, cumulative = 0.0, 0, []
    for number in range(months):
        n_before = n_obs
        for age in range(number * month, (number + 1) * month):
            if as_of - age >= 0 and np.isfinite(r[as_of - age]):
                total += np.log(1 + r[as_of - age])
                n_obs += 1
        if n_obs > n_before:
            cumulative.append(total)
    return max(cumulative) - min(cumulative) if n_obs >= min_periods else np.nan


def test_equal_weights_are_the_rolling_sum_of_pandas():
    r = returns()
    found = weighted_log_return(r, np.arange(160), Trailing(window=21, min_periods=10))
    expected = pd.DataFrame(np.log1p(r)).rolling(21, min_periods=10).sum()
    assert_allclose(found, expected.to_numpy(), rtol=1e-10, atol=1e-14)


def test_a_window_of_one_period_is_that_periods_return():
    r = returns(missing=0.2)
    assert_array_equal(weighted_log_return(r, np.arange(160), Trailing(window=1)), np.log1p(r))


def test_a_lag_leaves_out_the_newest_returns():
    r = returns()
    found = weighted_log_return(r, np.arange(160), Trailing(window=60, lag=21, min_periods=20))
    expected = pd.DataFrame(np.log1p(r)).rolling(60, min_periods=20).sum().shift(21)
    assert_allclose(found, expected.to_numpy(), rtol=1e-10, atol=1e-14)


def test_exponential_weights_are_those_of_a_rolling_product_in_pandas():
    r = returns(missing=0.0)
    weights = 0.5 ** (np.arange(50)[::-1] / 12)
    expected = pd.DataFrame(np.log1p(r)).rolling(50).apply(lambda x: weights @ x, raw=True).shift(8)
    found = weighted_log_return(r, np.arange(160), MOMENTUM)
    assert_allclose(found[57:], expected.to_numpy()[57:], rtol=1e-10, atol=1e-14)
    assert_array_equal(np.isnan(found[:57, 0]), np.arange(57) < 12)


def test_a_halt_adds_nothing_as_a_price_that_does_not_move():
    r = returns(missing=0.0)
    still = r.copy()
    still[100:130, 2] = 0.0
    r[100:130, 2] = np.nan
    as_of = np.arange(90, 160)
    expected = weighted_log_return(still, as_of, MOMENTUM)
    assert_array_equal(weighted_log_return(r, as_of, MOMENTUM), expected)
    half = Trailing(window=50, half_life=12, lag=8)
    assert np.isnan(weighted_log_return(r, np.array([140]), Trailing(window=30, lag=8))[0, 2])
    assert np.isfinite(weighted_log_return(r, np.array([100]), half)[0, 2])


def test_a_total_loss_has_no_log_return_while_it_is_in_the_window():
    r = returns(missing=0.0)
    r[100, 1] = -1.0
    found = weighted_log_return(r, np.arange(160), Trailing(window=21, lag=2))
    lost = np.isin(np.arange(160), np.arange(102, 123))
    assert_array_equal(np.isnan(found[20:, 1]), lost[20:])
    assert np.isfinite(found[20:, [0, 2, 3, 4, 5]]).all()
    ranges = cumulative_range(r, np.arange(160), months=3, month=7, min_periods=5)
    assert_array_equal(np.isnan(ranges[20:, 1]), np.isin(np.arange(160), np.arange(100, 121))[20:])


@pytest.mark.parametrize("missing", [0.0, 0.3, 0.9])
def test_the_range_is_that_of_the_sums_one_by_one(missing):
    r = returns(missing=missing)
    as_of = np.arange(0, 160, 3)
    found = cumulative_range(r, as_of, months=5, month=9, min_periods=4)
    expected = [[slow_range(r[:, n], a, 5, 9, 4) for n in range(6)] for a in as_of]
    assert_allclose(found, expected, rtol=1e-10, atol=1e-15)


def test_months_before_a_listing_have_no_part_in_the_range():
    r = np.full((60, 1), np.nan)
    r[40:] = 0.01
    found = cumulative_range(r, np.array([44, 59]), months=6, month=10, min_periods=1)
    assert_allclose(found, [[0.0], [10 * np.log(1.01)]], atol=1e-16)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 15))
def test_a_range_is_the_same_for_returns_that_undo_it(seed, months, month):
    """ln(1 + r) and its negative have the same range."""
    r = returns(missing=0.4, seed=seed)
    as_of = np.arange(0, 160, 13)
    found = cumulative_range(r, as_of, months=months, month=month, min_periods=1)
    mirrored = cumulative_range(np.expm1(-np.log1p(r)), as_of, months=months, month=month, min_periods=1)
    assert_allclose(mirrored, found, rtol=1e-9, atol=1e-13)
    assert (found[~np.isnan(found)] >= 0).all()


def test_what_comes_after_the_as_of_date_or_before_its_window_never_matters():
    r = returns()
    as_of = np.arange(80, 101)
    changed = with_noise_after(r, 100)
    changed[: 80 - MOMENTUM.look_back + 1] = 7.0
    assert_array_equal(weighted_log_return(changed, as_of, MOMENTUM), weighted_log_return(r, as_of, MOMENTUM))
    ranges = [cumulative_range(values, as_of, months=6, month=9, min_periods=9) for values in (r, changed)]
    assert_array_equal(*ranges)
    lagged = with_noise_after(r, 92)  # as of the last date, the lag leaves out what changed
    assert_array_equal(weighted_log_return(lagged, as_of, MOMENTUM), weighted_log_return(r, as_of, MOMENTUM))


def test_infinite_returns_are_refused():
    with pytest.raises(ValueError, match="returns has 3 infinite values; a missing value is NaN"):
        weighted_log_return(np.full((3, 1), np.inf), np.array([2]), MOMENTUM)
