from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmalake.errors import DataError
from sigmalake.numerics.windows.calendar import align, on_grid

FRIDAY, MONDAY, TUESDAY, WEDNESDAY = date(2024, 3, 1), date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)
CALENDAR = [FRIDAY, MONDAY, TUESDAY, WEDNESDAY]


def test_exposures_of_a_close_explain_the_next_return_of_the_calendar():
    rows = align(CALENDAR, CALENDAR, starts_period=False, max_age=1)
    assert [(r.exposure_date, r.return_date, r.source_date, r.age) for r in rows] == [
        (FRIDAY, MONDAY, FRIDAY, 1),
        (MONDAY, TUESDAY, MONDAY, 1),
        (TUESDAY, WEDNESDAY, TUESDAY, 1),
        (WEDNESDAY, None, WEDNESDAY, 1),
    ]


def test_exposures_beside_their_return_are_known_at_the_close_before_it():
    rows = align(CALENDAR, CALENDAR, starts_period=True, max_age=1)
    assert [(r.exposure_date, r.return_date, r.source_date, r.age) for r in rows[:2]] == [
        (FRIDAY - timedelta(days=1), FRIDAY, FRIDAY, 1),
        (FRIDAY, MONDAY, MONDAY, 1),
    ]
    assert rows[-1] == (WEDNESDAY, None, None, 0)  # nobody knows yet what explains the next return


@pytest.mark.parametrize("max_age", [1, 2, 3])
def test_exposures_beside_a_return_that_is_still_to_come_are_the_newest_known(max_age):
    thursday = WEDNESDAY + timedelta(days=1)
    rows = align(CALENDAR, [*CALENDAR, thursday, thursday + timedelta(days=1)], starts_period=True, max_age=max_age)
    assert rows[-1] == (WEDNESDAY, None, thursday, 1)
    assert align(CALENDAR, CALENDAR, starts_period=True, max_age=2)[-1] == (WEDNESDAY, None, WEDNESDAY, 2)


def test_exposures_are_carried_to_their_greatest_age_and_no_further():
    rows = align(CALENDAR, [FRIDAY], starts_period=False, max_age=2)
    assert [(r.source_date, r.age) for r in rows] == [(FRIDAY, 1), (FRIDAY, 2), (None, 0), (None, 0)]


def test_exposures_dated_on_a_weekend_were_not_known_on_friday():
    saturday = FRIDAY + timedelta(days=1)
    rows = align(CALENDAR, [saturday], starts_period=False, max_age=2)
    assert [(r.source_date, r.age) for r in rows] == [(None, 0), (saturday, 2), (None, 0), (None, 0)]


def test_the_same_age_rule_serves_regressions_and_the_forecast_of_the_newest_date():
    rows = align(CALENDAR, [TUESDAY], starts_period=False, max_age=2)
    assert rows[-1].age == 2
    assert align([*CALENDAR, WEDNESDAY + timedelta(days=1)], [TUESDAY], starts_period=False, max_age=2)[3].age == 2


def test_no_calendar_makes_no_rows():
    assert align([], [FRIDAY], starts_period=False, max_age=1) == []


@given(st.sets(st.integers(0, 60), min_size=1), st.sets(st.integers(0, 60)), st.integers(1, 5), st.booleans())
def test_no_row_uses_exposures_that_are_not_yet_known(calendar, dated, max_age, starts_period):
    day = date(2024, 1, 1)
    days = [day + timedelta(days=n) for n in sorted(calendar)]
    source = [day + timedelta(days=n) for n in sorted(dated)]
    for row in align(days, source, starts_period=starts_period, max_age=max_age):
        if row.source_date is not None:
            assert 1 <= row.age <= max_age
            newest = (row.return_date or row.exposure_date) if starts_period else row.exposure_date
            if starts_period and row.return_date is None:  # exposures beside a return that is to come are known before it
                newest = min((other for other in source if other > newest), default=newest)
            assert row.source_date <= newest
            assert not any(row.source_date < other <= newest for other in source)
        if row.return_date is not None:
            assert row.return_date > row.exposure_date


@pytest.mark.parametrize(
    ("every", "kept"),
    [
        ("day", [FRIDAY, MONDAY, TUESDAY, WEDNESDAY]),
        ("week", [FRIDAY, WEDNESDAY]),
        ("month", [date(2024, 2, 29), WEDNESDAY]),
    ],
)
def test_a_grid_keeps_the_last_date_of_each_period_so_far(every, kept):
    dates = [date(2024, 2, 29), *CALENDAR] if every == "month" else CALENDAR
    assert on_grid(dates, every) == kept


def test_the_year_of_a_week_is_the_iso_year():
    new_year = [date(2024, 12, 30), date(2024, 12, 31), date(2025, 1, 2)]
    assert on_grid(new_year, "week") == [date(2025, 1, 2)]


@pytest.mark.parametrize("every", ["day", "week", "month"])
def test_a_grid_of_no_dates_has_none(every):
    assert on_grid([], every) == []


def test_exposures_that_start_the_first_period_of_all_are_known_on_no_day():
    with pytest.raises(DataError, match="the first return is dated 0001-01-01"):
        align([date.min, date(1, 1, 2)], [date.min], starts_period=True, max_age=1)
    assert align([date.min], [date.min], starts_period=False, max_age=1)
