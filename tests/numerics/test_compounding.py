"""Months of compounded returns: pandas' product by month, and what becomes of gaps."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.windows.calendar import Month, complete_months
from sigmalake.numerics.windows.compounding import NONE_MISSING, ONE_IN_FIVE_MISSING, compound

WEEKDAYS = [day.date() for day in pd.bdate_range("2023-01-31", "2024-03-29")]
RETURNS = arrays(np.float64, (6, 3), elements=st.floats(-0.9, 2.0) | st.just(np.nan))


def daily(n_missing: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    found = pd.DataFrame(rng.normal(0, 0.02, (len(WEEKDAYS), 4)), index=pd.DatetimeIndex(WEEKDAYS))
    for column in found:
        found.iloc[rng.choice(len(found), n_missing, replace=False), column] = np.nan
    return found


def test_a_month_is_the_product_of_its_dates_as_pandas_groups_them():
    returns = daily()
    months = complete_months(WEEKDAYS)
    expected = (1 + returns).groupby(returns.index.to_period("M")).prod() - 1
    found = compound(returns.to_numpy(), months, NONE_MISSING)
    assert len(months) == 14  # January 2023 has one date here, and none before it
    assert_allclose(found.returns, expected.iloc[1:], rtol=1e-12, atol=1e-15)
    assert_array_equal(found.n_dates, returns.groupby(returns.index.to_period("M")).size()[1:])
    assert not found.n_missing.any()


def test_gaps_are_counted_and_lose_the_month_beyond_the_share():
    returns = daily(n_missing=40)
    by_month = returns.groupby(returns.index.to_period("M"))
    missing, size = by_month.apply(lambda rows: rows.isna().sum()).iloc[1:], by_month.size().iloc[1:]
    product = ((1 + returns.fillna(0.0)).groupby(returns.index.to_period("M")).prod() - 1).iloc[1:]
    months = complete_months(WEEKDAYS)
    none, some = (compound(returns.to_numpy(), months, share) for share in (NONE_MISSING, ONE_IN_FIVE_MISSING))
    assert_array_equal(some.n_missing, missing)
    assert_allclose(none.returns, product.where(missing == 0), rtol=1e-12)
    assert_allclose(some.returns, product.where(missing.le(size / 5, axis=0)), rtol=1e-12)
    assert 0 < np.isnan(some.returns).sum() < np.isnan(none.returns).sum()


@pytest.mark.parametrize(
    ("n_dates", "n_missing", "kept"), [(5, 1, True), (5, 2, False), (10, 2, True), (21, 4, True), (21, 5, False)]
)
def test_one_date_in_five_may_be_missing(n_dates, n_missing, kept):
    returns = np.full((n_dates, 1), 0.01)
    returns[:n_missing] = np.nan
    found = compound(returns, [Month(0, n_dates - 1)], ONE_IN_FIVE_MISSING).returns
    assert np.isfinite(found[0, 0]) == kept


@given(RETURNS)
def test_months_of_one_date_are_the_returns_to_the_last_bit(returns):
    found = compound(returns, [Month(row, row) for row in range(len(returns))], ONE_IN_FIVE_MISSING)
    assert_array_equal(found.returns, returns)
    assert not found.has_gaps.any()


@given(RETURNS)
def test_only_dates_of_the_month_reach_it(returns):
    changed = returns.copy()
    changed[[0, 5]] = 0.5
    one, other = (compound(values, [Month(1, 4)], ONE_IN_FIVE_MISSING) for values in (returns, changed))
    assert_array_equal(one.returns, other.returns)
    assert_array_equal(one.n_missing, other.n_missing)


def test_a_return_of_minus_one_is_the_month():
    assert compound(np.array([[0.1], [-1.0], [0.3]]), [Month(0, 2)], NONE_MISSING).returns[0, 0] == -1.0


def test_no_month_has_no_row():
    assert compound(np.zeros((3, 2)), [], NONE_MISSING).returns.shape == (0, 2)


def test_the_first_month_counts_when_its_first_return_begins_in_the_month_before():
    assert complete_months(WEEKDAYS, date(2023, 1, 30))[0] == Month(1, 20)
    assert complete_months(WEEKDAYS, date(2022, 12, 30))[0] == Month(0, 0)
    assert complete_months(WEEKDAYS[1:])[0].first == 20
    assert complete_months(WEEKDAYS[1:], date(2023, 1, 31))[0] == Month(0, 19)
    assert complete_months(WEEKDAYS[2:], date(2023, 2, 1))[0].first == 19  # the first of February is not there


def test_a_month_after_one_without_dates_has_a_first_return_that_is_too_long():
    gap = [day for day in WEEKDAYS if (day.year, day.month) != (2023, 6)]
    names = [(gap[m.first].year, gap[m.first].month) for m in complete_months(gap)]
    assert (2023, 7) not in names
    assert {(2023, 5), (2023, 8)} < set(names)


@pytest.mark.parametrize(
    ("calendar", "newest", "over"),
    [
        (WEEKDAYS, date(2024, 3, 27), False),
        (WEEKDAYS, date(2024, 3, 28), False),  # Good Friday follows: only April tells
        (WEEKDAYS, date(2024, 3, 29), True),  # a Friday, the 30th is none of the calendar's weekdays
        (
            [date(2024, 1, 5) + timedelta(weeks=n) for n in range(20)],
            date(2024, 4, 26),
            True,
        ),  # Fridays; there is no other in April
        ([date(2024, 1, 5) + timedelta(weeks=n) for n in range(20)], date(2024, 4, 19), False),
        ([date(2024, 1, 1) + timedelta(days=n) for n in range(200)], date(2024, 6, 28), False),  # also traded at weekends
        ([date(2024, 1, 1) + timedelta(days=n) for n in range(200)], date(2024, 6, 30), True),
    ],
)
def test_the_last_month_is_over_when_none_of_its_weekdays_is_to_come(calendar, newest, over):
    so_far = [day for day in calendar if day <= newest]
    months = complete_months(so_far)
    assert (months[-1].last == len(so_far) - 1) == over
    with_next = complete_months([*so_far, (newest.replace(day=1) + timedelta(days=32)).replace(day=1)])
    assert with_next[-1].last == len(so_far) - 1


def test_no_dates_have_no_months():
    assert complete_months([]) == []
