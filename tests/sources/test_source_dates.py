"""The date of a value: one rule for dates, timestamps of any unit and zone, and text."""

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import DAYS

from sigmalake.errors import DataError
from sigmalake.sources.dates import TimesOfDay, date_of

TEXTS = {
    "2023-03-27": DAYS[1],
    " 2023-3-27\t": DAYS[1],
    "2023-03-27T00:00:00": DAYS[1],
    "2023-03-27 00:00:00.000000": DAYS[1],
    "2023-03-27T00:00": DAYS[1],
    "2023-03-27T00:00:00Z": DAYS[1],
    "2023-03-27 00:00:00 UTC": DAYS[1],
    "2023-03-27T00:00:00+01:00": DAYS[1],
    "2023-03-27T00:00:00.0-0530": DAYS[1],
    "2023-03-27T23:59:59.9-05": DAYS[1],
    "0001-01-01": dt.date(1, 1, 1),
    "1899-12-31": dt.date(1899, 12, 31),
    "9999-12-31": dt.date(9999, 12, 31),
    "2024-02-29": dt.date(2024, 2, 29),
}
NO_DATES = [
    "230327", "2023-02-29", "2023-13-01", "0000-01-01", "10000-01-01", "27/03/2023", "2023-03", "2023", "2023-03-27x",
    "2023-03-27T", "2023-03-27T24:00:00", "2023-03-27T00:00:00+1", "-2023-03-27", "\uff12\uff10\uff12\uff13-03-27", "NaT",
    "NA", "1679875200",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_says_the_date_that_is_written_in_it(text):
    found = date_of(pa.array([text, None]))
    assert found.dates.to_pylist() == [TEXTS[text], None]
    assert found.unreadable.to_pylist() == [False, False]
    assert found.missing.to_pylist() == [False, True]
    assert found.times.unzoned_within == 0


@pytest.mark.parametrize("text", NO_DATES)
def test_a_text_that_is_no_date_is_unreadable(text):
    found = date_of(pa.chunked_array([[text], ["2023-03-27"]]))
    assert found.dates.to_pylist() == [None, DAYS[1]]
    assert found.unreadable.to_pylist() == [True, False]
    assert found.times == TimesOfDay()


@pytest.mark.parametrize("blank", ["", "  ", "\u00a0", None])
def test_a_blank_text_is_missing(blank):
    found = date_of(pa.array([blank], pa.string()))
    assert (found.dates.to_pylist(), found.missing.to_pylist(), found.unreadable.to_pylist()) == ([None], [True], [False])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Asia/Tokyo", "+05:30", "-03:00", "UTC"])
def test_a_time_with_a_zone_is_of_its_local_date(unit, zone):
    zones = {"+05:30": dt.timezone(dt.timedelta(hours=5.5)), "-03:00": dt.timezone(dt.timedelta(hours=-3))}
    own = zones.get(zone) or ZoneInfo(zone)
    midnights = [dt.datetime(day.year, day.month, day.day, tzinfo=own) for day in DAYS]
    column = pa.array([*midnights, None], pa.timestamp("us", zone)).cast(pa.timestamp(unit, zone))
    found = date_of(column)
    assert found.dates.to_pylist() == [*DAYS, None]
    found.times.refuse("panel", "p.parquet", "date")


def test_a_close_with_its_zone_is_of_its_local_date():
    closes = [dt.datetime(2023, 3, 24, 16, tzinfo=ZoneInfo("America/New_York")), dt.datetime(2023, 3, 24, 20, 30, tzinfo=dt.UTC)]
    for zone in ("America/New_York", "UTC"):
        found = date_of(pa.array(closes, pa.timestamp("us", zone)))
        assert found.dates.to_pylist() == [DAYS[0], DAYS[0]]
        found.times.refuse("panel", "p.parquet", "date")


def test_times_within_the_day_without_a_zone_refuse_the_source_with_their_number():
    summer = [dt.datetime(2023, 3, 26, 23), dt.datetime(2023, 3, 27, 23), dt.datetime(2023, 3, 24)]
    found = date_of(pa.array([*summer, None], pa.timestamp("ns")))
    assert found.dates.to_pylist() == [None, None, DAYS[0], None]
    assert found.unreadable.to_pylist() == [True, True, False, False]
    twice = found.times.plus(found.times)
    with pytest.raises(
        DataError, match=r"column date of p.parquet: 4 rows have a time within the day and no zone, e.g. 2023-03-26"
    ) as e:
        twice.refuse("panel", "p.parquet", "date")
    assert e.value.exit_code == 1


def test_text_without_an_offset_is_judged_as_a_timestamp_without_a_zone():
    found = date_of(pa.array(["2023-03-24 00:00:00", "2023-03-26T23:00:00", "2023-03-26T23:00:00"]))
    assert found.dates.to_pylist() == [DAYS[0], None, None]
    assert (found.times.unzoned_within, found.times.unzoned_example) == (2, "2023-03-26T23:00:00")


@pytest.mark.parametrize("written", ["text", "timestamps"])
def test_midnights_of_a_place_with_summer_time_in_utc_are_refused(written):
    times = [dt.datetime(2023, 3, 24), dt.datetime(2023, 3, 26, 23)]
    column = pa.array(times, pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    found = date_of(column if written == "timestamps" else pa.array([f"{time.isoformat()}Z" for time in times]))
    with pytest.raises(DataError, match=r"1 rows have a time within the day of UTC, e.g. 2023-03-26.*beside 1 at midnight"):
        found.times.refuse("panel", "p.parquet", "date")


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("ms", "UTC")])
@settings(deadline=None)  # the first call loads Arrow's functions
@given(day=st.dates())
def test_every_date_of_the_calendar_is_read_from_every_type(kind, day):
    zone = dt.UTC if getattr(kind, "tz", None) else None
    value = day if pa.types.is_date(kind) else dt.datetime(day.year, day.month, day.day, tzinfo=zone)
    assert date_of(pa.array([value], kind)).dates.to_pylist() == [day]
    assert date_of(pa.array([day.isoformat()]).dictionary_encode()).dates.to_pylist() == [day]


def test_a_date_beyond_the_calendar_is_unreadable():
    found = date_of(pa.array([2**30, 0], pa.int32()).cast(pa.date32()))
    assert found.dates.to_pylist() == [None, dt.date(1970, 1, 1)]
    assert found.unreadable.to_pylist() == [True, False]


def test_a_column_of_nulls_has_no_dates_and_one_of_fractions_is_refused():
    assert date_of(pa.nulls(2)).missing.to_pylist() == [True, True]
    with pytest.raises(DataError, match=r"a column of double holds no dates"):
        date_of(pa.array([20230327.0]))


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.uint64(), pa.decimal128(8, 0), pa.string()])
def test_eight_digits_are_year_month_and_day_and_other_numbers_are_no_date(kind):
    found = date_of(pa.array([20240229, 20230229, 19753, None, 20240229], pa.int64()).cast(pa.decimal128(20, 0)).cast(kind))
    assert found.dates.to_pylist() == [dt.date(2024, 2, 29), None, None, None, dt.date(2024, 2, 29)]
    assert found.unreadable.to_pylist() == [False, True, True, False, False]
    assert found.missing.to_pylist() == [False, False, False, True, False]
