"""Dates of frames."""

from datetime import date

import pytest

from sigmalake.reader.dates import date_index


@pytest.mark.parametrize(
    "days", [[date(2024, 1, 2), date(2024, 1, 3)], [date(1677, 9, 20)], [date(2262, 4, 12)], [date.min, date.max], []]
)
def test_a_frame_has_any_date_of_the_calendar(days):
    index = date_index(days)
    assert [day.date() for day in index.to_pydatetime()] == days
    assert index.name == "date"
