"""Any kind of frame becomes the same Arrow table."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest

from sigmalake.api.panel_table import panel_table
from sigmalake.errors import ConfigError, DataError

DAYS = [date(2024, 3, 4), date(2024, 3, 4), date(2024, 3, 5)]
IDS = ["A", "NA", "007"]
RETURNS = [0.01, None, -0.02]
EXPECTED = pa.table({"date": pa.array(DAYS), "asset_id": IDS, "ret": RETURNS, "sector": ["bank", None, "coal"]})
LONDON = ZoneInfo("Europe/London")


def frame(**changes):
    body = {"date": pd.to_datetime(DAYS), "asset_id": IDS, "ret": [0.01, np.nan, -0.02], "sector": ["bank", None, "coal"]}
    return pd.DataFrame(body | changes)


class Stream:
    """Somebody's frame that Arrow reads."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


PANDAS = {
    "columns": frame(),
    "dates as objects": frame(date=pd.Series(DAYS, dtype=object)),
    "level by level": frame().set_index(["date", "asset_id"]),
    "levels in the other order": frame().set_index(["asset_id", "date"]),
    "only the date is a level": frame().set_index("date"),
    "unnamed index": frame().set_axis([7, 8, 9]),
    "categories": frame(asset_id=pd.Categorical(IDS), sector=pd.Categorical(["bank", None, "coal"])),
    "seconds": frame(date=pd.to_datetime(DAYS).astype("datetime64[s]")),
    "pandas' own strings": frame(asset_id=pd.array(IDS, dtype="string"), sector=pd.array(["bank", None, "coal"], dtype="string")),
    "arrow in pandas": frame(
        date=pd.array(DAYS, dtype=pd.ArrowDtype(pa.date32())), ret=pd.array(RETURNS, dtype=pd.ArrowDtype(pa.float64()))
    ),
    "nullable numbers": frame(ret=pd.array(RETURNS, dtype="Float64")),
}
ARROW = {
    "table": EXPECTED,
    "batch": EXPECTED.to_batches()[0],
    "reader": None,  # made anew: it is read once
    "stream": Stream(EXPECTED),
    "dictionaries": EXPECTED.set_column(1, "asset_id", EXPECTED["asset_id"].dictionary_encode()).set_column(
        3, "sector", EXPECTED["sector"].dictionary_encode()
    ),
    "large text": EXPECTED.set_column(1, "asset_id", EXPECTED["asset_id"].cast(pa.large_string())),
    "text views": EXPECTED.set_column(1, "asset_id", EXPECTED["asset_id"].cast(pa.string_view())),
    "milliseconds": EXPECTED.set_column(0, "date", EXPECTED["date"].cast(pa.timestamp("ms"))),
    "date64": EXPECTED.set_column(0, "date", EXPECTED["date"].cast(pa.date64())),
}


@pytest.mark.parametrize("name", PANDAS)
def test_pandas_in_any_shape_is_the_same_table(name):
    found = panel_table(PANDAS[name])
    assert found.select(EXPECTED.column_names).equals(EXPECTED)


@pytest.mark.parametrize("name", ARROW)
def test_arrow_in_any_shape_is_the_same_table(name):
    given = pa.RecordBatchReader.from_batches(EXPECTED.schema, EXPECTED.to_batches()) if name == "reader" else ARROW[name]
    assert panel_table(given).equals(EXPECTED)


def test_polars_is_the_same_table():
    given = polars.from_arrow(EXPECTED)
    assert panel_table(given).equals(EXPECTED)
    assert panel_table(given.with_columns(polars.col("asset_id", "sector").cast(polars.Categorical))).equals(EXPECTED)
    with pytest.raises(ConfigError, match=r"this is a polars.*LazyFrame; collect it first"):
        panel_table(given.lazy())


def test_the_given_frame_is_not_changed():
    given = frame().set_index(["date", "asset_id"])
    before = given.copy(deep=True)
    panel_table(given)
    pd.testing.assert_frame_equal(given, before)


def test_other_columns_and_their_order_stay():
    given = pa.table({"x": [1], "asset_id": ["A"], "flag": [True], "date": [date(2024, 1, 2)], "d": [Decimal("1.5")]})
    found = panel_table(given)
    assert found.equals(given)


def test_date_and_asset_id_may_have_other_names():
    given = frame().rename(columns={"date": "day", "asset_id": "symbol"}).set_index(["symbol", "day"])
    found = panel_table(given, date="day", asset_id="symbol")
    assert found["day"].to_pylist() == DAYS
    assert found["symbol"].to_pylist() == IDS


def test_whole_numbers_are_ids_by_their_digits():
    assert panel_table(frame(asset_id=[10001, 10002, 7]))["asset_id"].to_pylist() == ["10001", "10002", "7"]


def test_text_ids_stay_as_they_are():
    assert panel_table(frame(asset_id=[" A ", "nan", ""]))["asset_id"].to_pylist() == [" A ", "nan", ""]


def test_missing_dates_and_ids_are_left_to_the_checks():
    found = panel_table(frame(date=pd.to_datetime([None, *DAYS[1:]]), asset_id=["A", None, "B"]))
    assert found["date"].to_pylist() == [None, *DAYS[1:]]
    assert found["asset_id"].to_pylist() == ["A", None, "B"]


def test_dates_as_text_are_left_to_the_checks():
    found = panel_table(frame(date=["2024-03-04", "soon", None]))
    assert found["date"].to_pylist() == ["2024-03-04", "soon", None]


SUMMER = [
    datetime(2024, 4, 1, 0, 0, tzinfo=LONDON),
    datetime(2024, 4, 1, 16, 30, tzinfo=LONDON),
    datetime(2024, 1, 2, tzinfo=LONDON),
]
LOCAL = [date(2024, 4, 1), date(2024, 4, 1), date(2024, 1, 2)]


@pytest.mark.parametrize(
    "given",
    [
        pd.Series(pd.DatetimeIndex(SUMMER)),
        pd.Series(SUMMER, dtype=object),
        pd.Series([*SUMMER[:2], datetime(2024, 1, 2, 23, tzinfo=ZoneInfo("Asia/Tokyo"))], dtype=object),
    ],
    ids=["column with a zone", "objects", "objects of several zones"],
)
def test_a_time_with_a_zone_counts_for_its_local_date(given):
    assert panel_table(frame(date=given))["date"].to_pylist() == LOCAL


def test_a_time_with_a_zone_in_arrow_counts_for_its_local_date():
    times = pa.array([moment.astimezone(UTC) for moment in SUMMER], pa.timestamp("ns", "Europe/London"))
    given = EXPECTED.set_column(0, "date", times)
    assert panel_table(given)["date"].to_pylist() == LOCAL


def test_days_before_1970_are_their_own():
    days = [date(1899, 12, 31), date(1969, 12, 31), date(1926, 1, 2)]
    times = EXPECTED.set_column(0, "date", pa.array(days).cast(pa.timestamp("us")))
    assert panel_table(times)["date"].to_pylist() == days


@pytest.mark.parametrize(
    "given",
    [
        pd.to_datetime(["2024-03-04 00:00", "2024-03-04 09:00", "2024-03-05 16:30"]),
        pd.Series([datetime(2024, 3, 4), datetime(2024, 3, 4, 9), datetime(2024, 3, 5, 16, 30)], dtype=object),
    ],
)
def test_times_without_a_zone_are_refused_with_a_count(given):
    with pytest.raises(
        DataError, match="column date has 2 times other than midnight and no time zone, the first 2024-03-04 09:00:00"
    ):
        panel_table(frame(date=given))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (frame(asset_id=[1.0, 2.0, 3.0]), "column asset_id holds double, not text or whole numbers"),
        (frame(asset_id=[True, False, True]), "column asset_id holds bool, not text or whole numbers"),
        (frame(asset_id=["A", 7, "B"]), "column asset_id holds int and str: .*; give one type"),
        (frame(date=[20240304, 20240304, 20240305]), "column date holds int64, not dates; convert it"),
        (frame(date=pd.period_range("2024-03", periods=3, freq="M")), "column date holds periods; give dates"),
        (frame(date=[date(2024, 3, 4), "2024-03-04", 5]), "column date holds '2024-03-04', a str, among dates"),
        (frame(ret=pd.Series([0.1, "x", None], dtype=object)), "column ret holds float and str: .*; give one type"),
        (frame().rename(columns={"sector": "ret"}), "the frame has 'ret' twice, as column or index level; keep one"),
        (frame().set_index("date", drop=False), "the frame has 'date' twice, as column or index level; keep one"),
        (frame().rename(columns={"sector": 5}), "the frame has a column called 5, a int; call columns by text"),
        (pa.Table.from_arrays([EXPECTED["date"]] * 2, ["date", "date"]), "the frame has 'date' twice"),
    ],
)
def test_a_column_that_cannot_be_is_named(given, said):
    with pytest.raises(DataError, match=said):
        panel_table(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (frame().drop(columns="date"), "the frame has no column or index level 'date'; it has asset_id, ret, sector"),
        (frame().set_index("date").rename_axis(None), "no column or index level 'date'; it has asset_id, ret, sector"),
        (EXPECTED.drop_columns("asset_id"), "no column or index level 'asset_id'; it has date, ret, sector"),
        ([1, 2], "a panel is a pandas, polars or Arrow frame; this is a builtins.list"),
    ],
)
def test_a_frame_without_its_key_is_refused_with_what_it_has(given, said):
    with pytest.raises(ConfigError, match=said):
        panel_table(given)


def test_date_and_id_have_a_column_each():
    with pytest.raises(ConfigError, match="date and asset_id are both the column 'date'"):
        panel_table(frame(), asset_id="date")
