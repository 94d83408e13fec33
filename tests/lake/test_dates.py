from datetime import date

from sigmalake.lake.dates import DateRange, as_ranges, envelope, single_days, within

MONDAY, TUESDAY, THURSDAY, FRIDAY = (date(2024, 1, day) for day in (1, 2, 4, 5))
CALENDAR = [MONDAY, TUESDAY, THURSDAY, FRIDAY]


def test_neighbours_in_the_calendar_share_a_range_across_a_holiday():
    assert as_ranges([TUESDAY, THURSDAY], CALENDAR) == [DateRange(TUESDAY, THURSDAY)]


def test_a_date_of_the_calendar_between_two_others_is_never_swallowed():
    assert as_ranges([MONDAY, THURSDAY], CALENDAR) == [DateRange(MONDAY, MONDAY), DateRange(THURSDAY, THURSDAY)]


def test_order_and_repeats_do_not_matter():
    assert as_ranges([FRIDAY, THURSDAY, FRIDAY], CALENDAR) == [DateRange(THURSDAY, FRIDAY)]


def test_a_date_that_has_left_the_calendar_is_still_covered():
    assert as_ranges([TUESDAY], [MONDAY, THURSDAY]) == [DateRange(TUESDAY, TUESDAY)]


def test_single_days_leave_what_stands_between_them():
    assert single_days([FRIDAY, MONDAY]) == [DateRange(MONDAY, MONDAY), DateRange(FRIDAY, FRIDAY)]


def test_no_range_holds_no_row():
    assert within("date", []) == "false"
    assert envelope([]) is None


def test_the_sql_of_two_ranges_is_their_union():
    sql = within("d", [DateRange(MONDAY, TUESDAY), DateRange(FRIDAY, FRIDAY)])
    assert sql == "((d >= DATE'2024-01-01' AND d <= DATE'2024-01-02') OR (d >= DATE'2024-01-05' AND d <= DATE'2024-01-05'))"
