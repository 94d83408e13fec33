import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.descriptors.point_in_time import KnownRecords, growth_records, latest_known

DAY = 365  # a fiscal year, in days


def records(*rows: tuple[int, int, int, float]) -> KnownRecords:
    """Of (asset, known_at, period_end, value)."""
    asset, known_at, period_end, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    days = (np.array(column, dtype=np.int64) for column in (asset, known_at, period_end))
    return KnownRecords(*days, np.array(values, dtype=np.float64))


def slow_latest(given: KnownRecords, as_of: int, asset: int, max_age: int) -> float:
    """All records known by then, the newest period, its latest statement."""
    known = [(p, k, v) for a, k, p, v in zip(*given, strict=True) if a == asset and k <= as_of]
    if not known:
        return np.nan
    newest = max(period_end for period_end, _, _ in known)
    known_at, value = max((k, v) for period_end, k, v in known if period_end == newest)
    return value if as_of - known_at <= max_age else np.nan


def generated(seed: int, n: int = 40) -> KnownRecords:
    """Few days and periods, so that all orders occur; each (asset, day, period) once."""
    rng = np.random.default_rng(seed)
    made = records(*zip(*rng.integers(0, [[4], [30], [6]], (3, n)), rng.normal(size=n), strict=True))
    _, first = np.unique(np.stack(made[:3]), axis=1, return_index=True)
    return made.only(rng.permutation(first))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_the_latest_figure_is_that_of_a_plain_search(seed, max_age):
    given_records = generated(seed)
    as_of = np.arange(-2, 40)
    found = latest_known(given_records, as_of, 5, max_age=max_age)
    assert_array_equal(found, [[slow_latest(given_records, a, n, max_age) for n in range(5)] for a in as_of])


def test_with_one_record_a_day_of_rising_periods_it_is_merge_asof_of_pandas():
    rng = np.random.default_rng(0)
    known_at = np.sort(rng.choice(500, 40, replace=False))
    given_records = records(*zip(rng.integers(0, 3, 40), known_at, known_at - 60, rng.normal(size=40), strict=True))
    found = latest_known(given_records, np.arange(500), 3, max_age=90)
    for n in range(3):
        right = pd.DataFrame({"day": given_records.known_at, "v": given_records.values})[given_records.asset == n]
        expected = pd.merge_asof(pd.DataFrame({"day": np.arange(500)}), right, on="day", tolerance=90)
        assert_array_equal(found[:, n], expected["v"])


def test_a_figure_counts_from_the_day_it_is_known_until_it_is_too_old():
    found = latest_known(records((0, 10, 5, 2.0)), np.arange(8, 16), 1, max_age=3)
    assert_array_equal(found[:, 0], [np.nan, np.nan, 2, 2, 2, 2, np.nan, np.nan])


def test_a_restatement_changes_nothing_before_it_is_known():
    first = records((0, 10, 5, 2.0), (1, 12, 5, 7.0))
    restated = records((0, 10, 5, 2.0), (1, 12, 5, 7.0), (0, 20, 5, 3.0))
    as_of = np.arange(30)
    before, after = (latest_known(given_records, as_of, 2, max_age=99) for given_records in (first, restated))
    assert_array_equal(before[:20], after[:20])
    assert_array_equal(after[20:, 0], 3.0)
    assert_array_equal(after[20:, 1], 7.0)


def test_a_restatement_of_an_older_period_does_not_bring_it_back():
    found = latest_known(records((0, 10, 5, 2.0), (0, 20, 15, 4.0), (0, 25, 5, 1.0)), np.array([12, 22, 30]), 1, max_age=99)
    assert_array_equal(found[:, 0], [2.0, 4.0, 4.0])


def test_a_withdrawn_figure_is_missing():
    found = latest_known(records((0, 10, 5, 2.0), (0, 20, 5, np.nan)), np.array([19, 20]), 1, max_age=99)
    assert_array_equal(found[:, 0], [2.0, np.nan])


def test_without_records_or_dates_nothing_is_known():
    assert np.isnan(latest_known(records(), np.array([3]), 2, max_age=9)).all()
    assert latest_known(records((0, 1, 1, 1.0)), np.array([], dtype=np.int64), 2, max_age=9).shape == (0, 2)


def test_copies_count_once_and_contradictions_are_refused():
    once = records((0, 10, 5, 2.0), (0, 10, 5, 2.0), (0, 11, 5, np.nan), (0, 11, 5, np.nan))
    assert_array_equal(latest_known(once, np.array([10, 11]), 1, max_age=9)[:, 0], [2.0, np.nan])
    twice = records((0, 9, 5, 1.0), (1, 10, 5, 2.0), (1, 10, 5, 3.0))
    with pytest.raises(ValueError, match=r"1 figures contradict .* first asset 1 on day 10: 2 and 3"):
        latest_known(twice, np.array([10]), 2, max_age=9)
    with pytest.raises(ValueError, match="values has 1 infinite values; a figure that is withdrawn is NaN"):
        latest_known(records((0, 9, 5, np.inf)), np.array([10]), 1, max_age=9)


def annual(values: list[float], asset: int = 0, delay: int = 90) -> list[tuple[int, int, int, float]]:
    return [(asset, year * DAY + delay, year * DAY, value) for year, value in enumerate(values)]


def test_growth_is_the_slope_of_polyfit_over_the_mean_size_of_five_years():
    values = [3.0, -1.0, 4.0, 1.0, 5.0, 9.0, 2.0]
    found = growth_records(records(*annual(values)), years=5, min_years=3)
    years = np.arange(7) * DAY / 365.25
    for number in range(7):
        used = slice(max(0, number - 4), number + 1)
        expected = np.nan if number < 2 else np.polyfit(years[used], values[used], 1)[0] / np.abs(values[used]).mean()
        assert found.values[number] == pytest.approx(expected, rel=1e-10, nan_ok=True)
    assert_array_equal(found.known_at, np.arange(7) * DAY + 90)
    assert_array_equal(found.period_end, np.arange(7) * DAY)


def test_growth_that_is_constant_and_linear_is_known_in_closed_form():
    found = growth_records(records(*annual([10.0, 12.0, 14.0])), years=5, min_years=3)
    assert found.values[-1] == pytest.approx(2.0 / 12.0 * 365.25 / DAY, rel=1e-12)


def test_a_restated_year_changes_growth_from_the_day_it_is_known():
    plain = [*annual([1.0, 2.0, 3.0]), *annual([1.0, 1.0, 1.0], asset=1)]
    restated = [*plain, (0, 900, DAY, 6.0)]
    as_of = np.array([2 * DAY + 90, 899, 900, 1000])
    before, after = (
        latest_known(growth_records(records(*rows), years=5, min_years=3), as_of, 2, max_age=999) for rows in (plain, restated)
    )
    assert_array_equal(before[:2], after[:2])
    assert_allclose(after[2:, 0], growth_records(records(*annual([1.0, 6.0, 3.0])), years=5, min_years=3).values[-1])
    assert_array_equal(after[:, 1], 0.0)


def test_the_order_of_records_does_not_matter_and_figures_of_one_day_count_together():
    rows = [(0, 800, 0, 1.0), (0, 800, DAY, 2.0), (0, 800, 2 * DAY, 4.0), *annual([5.0, 5.0, 6.0], asset=1)]
    forward, backward = (growth_records(records(*r), years=5, min_years=3) for r in (rows, rows[::-1]))
    for one, other in zip(forward, backward, strict=True):
        assert_array_equal(one, other)
    assert_array_equal(forward.known_at[forward.asset == 0], [800])
    assert forward.values[0] == pytest.approx(np.polyfit([0, 1, 2], [1, 2, 4], 1)[0] * 365.25 / DAY / (7 / 3), rel=1e-12)


def test_growth_of_nothing_is_missing_and_of_too_few_years_refused():
    assert np.isnan(growth_records(records(*annual([0.0, 0.0, 0.0])), years=5, min_years=3).values[-1])
    with pytest.raises(ValueError, match="min_years is 6; it must be from 2 to the 5 years"):
        growth_records(records(), years=5, min_years=6)
