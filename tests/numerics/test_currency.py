import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.descriptors.currency import conversion, exchange_returns, forward_premium


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_exchange_returns_are_those_of_pandas_and_a_missing_rate_is_not_carried(rng):
    rates = np.exp(np.cumsum(rng.normal(0, 0.01, (40, 3)), axis=0))
    rates[10, 1] = np.nan
    found = exchange_returns(rates)
    assert_allclose(found, pd.DataFrame(rates).pct_change(fill_method=None).to_numpy(), rtol=1e-12, atol=1e-15)
    assert_array_equal(np.flatnonzero(np.isnan(found[:, 1])), [0, 10, 11])


def converted(local, rates, premium=None):
    growth, carry = conversion(rates, premium)
    return growth * local + carry


def test_the_unhedged_return_is_what_the_position_is_worth_in_the_base_currency(rng):
    prices, rates = (np.exp(np.cumsum(rng.normal(0, 0.02, (30, 2)), axis=0)) for _ in range(2))
    in_base = pd.DataFrame(prices * rates).pct_change().to_numpy()
    local = pd.DataFrame(prices).pct_change().to_numpy()
    assert_allclose(converted(local, rates), in_base, rtol=1e-10, atol=1e-15)


def test_the_hedged_return_is_that_of_the_position_and_a_forward_on_its_value(rng):
    """Buy one unit of base currency's worth, sell it forward, settle a period later: every cash flow by itself."""
    local, later = rng.normal(0, 0.05, 20), 1.7 * np.exp(rng.normal(0, 0.05, 20))
    base_rate, local_rate, spot = 0.004, 0.011, 1.7
    forward = spot * (1 + base_rate) / (1 + local_rate)
    bought = 1 / spot  # in local currency, which is also what is sold forward
    worth = bought * (1 + local) * later + bought * (forward - later)
    rates, premium = np.array([np.full(20, spot), later]), np.full((2, 20), forward_premium(base_rate, local_rate))
    assert_allclose(converted(local, rates, premium)[1], worth - 1, rtol=1e-10, atol=1e-14)


def test_without_the_premium_the_hedge_is_off_by_the_interest_differential(rng):
    local, rates = rng.normal(0, 0.05, (20, 2)), np.exp(rng.normal(0, 0.05, (20, 2)))
    premium = np.full(rates.shape, forward_premium(0.004, 0.011))
    error = converted(local, rates, np.zeros(rates.shape)) - converted(local, rates, premium)
    assert_allclose(error[1:], 0.011 - 0.004, atol=1e-4)


def test_unhedged_is_hedged_without_premium_plus_the_exchange_return(rng):
    local, rates = rng.normal(0, 0.05, (20, 2)), np.exp(rng.normal(0, 0.05, (20, 2)))
    hedged = converted(local, rates, np.zeros(rates.shape))
    assert_allclose(converted(local, rates), hedged + exchange_returns(rates), rtol=1e-10, atol=1e-16)


def test_the_base_currency_changes_nothing(rng):
    local = rng.normal(0, 0.05, (4, 2))
    assert_array_equal(converted(local, np.ones((4, 2)))[1:], local[1:])


def test_a_missing_half_makes_a_missing_return():
    rates, local = np.array([[1.0, 1.0, 1.0], [1.1, np.nan, 1.1]]), np.array([np.nan, 0.1, 0.1])
    for premium in (None, np.zeros(rates.shape)):
        assert_array_equal(np.isnan(converted(local, rates, premium)[1]), [True, True, False])


def test_impossible_rates_are_refused():
    with pytest.raises(ValueError, match="rates has 2 values that are not finite and > 0; a missing rate is NaN"):
        exchange_returns(np.array([[1.0], [0.0], [np.inf], [np.nan]]))
