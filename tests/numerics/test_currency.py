import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.currency import conversion, exchange_returns, forward_premium, hedged_returns, of_assets, unhedged_returns


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_exchange_returns_are_those_of_pandas_and_a_missing_rate_is_not_carried(rng):
    rates = np.exp(np.cumsum(rng.normal(0, 0.01, (40, 3)), axis=0))
    rates[10, 1] = np.nan
    found = exchange_returns(rates)
    assert_allclose(found, pd.DataFrame(rates).pct_change(fill_method=None).to_numpy(), rtol=1e-12, atol=1e-15)
    assert_array_equal(np.flatnonzero(np.isnan(found[:, 1])), [0, 10, 11])


def test_the_unhedged_return_is_what_the_position_is_worth_in_the_base_currency(rng):
    prices, rates = (np.exp(np.cumsum(rng.normal(0, 0.02, (30, 2)), axis=0)) for _ in range(2))
    in_base = pd.DataFrame(prices * rates).pct_change().to_numpy()
    local = pd.DataFrame(prices).pct_change().to_numpy()
    assert_allclose(unhedged_returns(local, exchange_returns(rates)), in_base, rtol=1e-10, atol=1e-15)


def test_the_hedged_return_is_that_of_the_position_and_a_forward_on_its_value(rng):
    """Buy one unit of base currency's worth, sell it forward, settle a period later: every cash flow by itself."""
    local, exchange = rng.normal(0, 0.05, (2, 20))
    base_rate, local_rate, spot = 0.004, 0.011, 1.7
    forward = spot * (1 + base_rate) / (1 + local_rate)
    bought = 1 / spot  # in local currency, which is also what is sold forward
    later = spot * (1 + exchange)
    worth = bought * (1 + local) * later + bought * (forward - later)
    assert_allclose(hedged_returns(local, exchange, forward_premium(base_rate, local_rate)), worth - 1, rtol=1e-10, atol=1e-14)


def test_without_the_premium_the_hedge_is_off_by_the_interest_differential(rng):
    local, exchange = rng.normal(0, 0.05, (2, 20))
    premium = forward_premium(0.004, 0.011)
    error = hedged_returns(local, exchange) - hedged_returns(local, exchange, premium)
    assert_allclose(error, 0.011 - 0.004, atol=1e-4)


def test_unhedged_is_hedged_without_premium_plus_the_exchange_return(rng):
    local, exchange = rng.normal(0, 0.05, (2, 20))
    assert_allclose(unhedged_returns(local, exchange), hedged_returns(local, exchange) + exchange, rtol=1e-10, atol=1e-16)


def test_the_base_currency_changes_nothing():
    rates = np.column_stack([np.ones(4), [1.0, 1.1, 1.2, 1.3]])
    local = np.array([[0.01, 0.02, 0.03]] * 4)
    exchange = of_assets(exchange_returns(rates), np.array([0, 1, 0]))
    found = unhedged_returns(local, exchange)
    assert_array_equal(found[1:, [0, 2]], local[1:, [0, 2]])
    assert_allclose(found[1:, 1], 1.02 * rates[1:, 1] / rates[:-1, 1] - 1, rtol=1e-12)


def test_a_missing_half_makes_a_missing_return():
    assert_array_equal(np.isnan(unhedged_returns(np.array([np.nan, 0.1, 0.1]), np.array([0.1, np.nan, 0.1]))), [True, True, False])
    assert_array_equal(np.isnan(hedged_returns(np.array([np.nan, 0.1, 0.1]), np.array([0.1, np.nan, 0.1]))), [True, True, False])


def test_impossible_rates_are_refused():
    with pytest.raises(ValueError, match="rates has 2 values that are not finite and > 0; a missing rate is NaN"):
        exchange_returns(np.array([[1.0], [0.0], [np.inf], [np.nan]]))


def test_what_a_return_is_multiplied_by_and_what_is_added_make_both_kinds_of_return(rng):
    rates = np.exp(np.cumsum(rng.normal(0, 0.02, (30, 3)), axis=0))
    local, premium, exchange = rng.normal(0, 0.05, rates.shape), rng.normal(0, 0.001, rates.shape), exchange_returns(rates)
    for given, expected in (
        (None, unhedged_returns(local, exchange)),
        (premium, hedged_returns(local, exchange, premium)),
    ):
        growth, carry = conversion(rates, given)
        assert_allclose(growth * local + carry, expected, rtol=1e-10, atol=1e-15)
