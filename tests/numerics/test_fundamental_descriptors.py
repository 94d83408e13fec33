import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.descriptors.fundamentals import ITEMS, FundamentalDescriptors, FundamentalRules
from sigmalake.numerics.descriptors.point_in_time import KnownRecords

CAPS = np.array([[100.0, 50.0, np.nan]])
TODAY = np.array([1000])


def known(*values: float, day: int = 900, period_end: int = 800) -> KnownRecords:
    n = len(values)
    return KnownRecords(np.arange(n), np.full(n, day), np.full(n, period_end), np.array(values))


def compute(**items: KnownRecords) -> FundamentalDescriptors:
    return FundamentalRules().compute(items, CAPS, TODAY)


def test_yields_are_over_the_cap_of_the_date():
    for item, descriptor in [
        ("book_value", "book_to_price"), ("earnings", "earnings_to_price"), ("cash_earnings", "cash_earnings_to_price"),
        ("forecast_earnings", "forecast_earnings_to_price"), ("dividends", "dividend_yield"),
    ]:  # fmt: skip
        found = compute(**{item: known(20.0, -5.0, 3.0)})
        assert_allclose(getattr(found, descriptor), [[0.2, -0.1, np.nan]])
        others = [name for name in FundamentalDescriptors._fields if name != descriptor]
        assert all(np.isnan(getattr(found, name)).all() for name in others)


def test_leverage_counts_debt_and_preferred_equity_over_what_the_common_owners_have():
    found = compute(
        book_value=known(40.0, -5.0), preferred_equity=known(0.0, 5.0), long_term_debt=known(20.0, 20.0),
        total_debt=known(30.0, 30.0), total_assets=known(90.0, 0.0),
    )  # fmt: skip
    assert_allclose(found.market_leverage, [[1.2, 1.5, np.nan]])
    assert_allclose(found.book_leverage, [[1.5, np.nan, np.nan]])
    assert_allclose(found.debt_to_assets, [[1 / 3, np.nan, np.nan]])


def test_one_item_of_a_ratio_alone_gives_no_ratio():
    found = compute(book_value=known(40.0, 5.0), long_term_debt=known(20.0, 20.0))
    assert np.isnan(found.market_leverage).all()
    assert np.isnan(found.book_leverage).all()


def test_growth_needs_three_annual_figures_and_ages_like_other_figures():
    years = [known(value, day=day, period_end=day - 90) for value, day in [(10.0, 100), (12.0, 465), (14.0, 830)]]
    sales = KnownRecords(*(np.concatenate(column) for column in zip(*years, strict=True)))
    found = FundamentalRules(max_age=200).compute({"annual_sales": sales}, np.ones((3, 1)), np.array([829, 1030, 1031]))
    assert_allclose(found.sales_growth[:, 0], [np.nan, 2 / 12 * 365.25 / 365, np.nan])
    assert np.isnan(found.earnings_growth).all()


def test_records_known_later_change_no_descriptor():
    now = {item: known(4.0, 5.0, 6.0) for item in ITEMS}
    later = {
        item: KnownRecords(*(np.concatenate([a, b]) for a, b in zip(known(4.0, 5.0, 6.0), known(9.0, 9.0, day=1001), strict=True)))
        for item in ITEMS
    }
    for one, other in zip(compute(**now), compute(**later), strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: compute(book=known(1.0)), "there is no item 'book'; the items are book_value, earnings"),
        (lambda: FundamentalRules(max_age=0), "max_age is 0; it is a number of days >= 1, e.g. 550"),
        (lambda: FundamentalRules(growth_min_years=1), "growth_min_years is 1; it must be from 2 to the 5 years"),
    ],
)
def test_what_is_not_there_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
