"""One schema for all files of a source, found before a row is read; what cannot be reconciled is refused with two files."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest
from places import DAYS, place, put, put_parquet, read, schema_of

from sigmalake.errors import ConfigError, DataError
from sigmalake.sources.schema import DATES, FLAGS, MAPS, NAMES, NUMBERS
from sigmalake.sources.types import unified

BIG = 2**64 - 1
MIDNIGHTS = [dt.datetime.combine(day, dt.time()) for day in DAYS]
NUMBER_PAIRS = [
    ("int64 and double", pa.array([1, 2]), pa.array([0.5, None]), [1.0, 2.0, 0.5, None], pa.float64()),
    ("int8 and int64", pa.array([1], pa.int8()), pa.array([2**40]), [1, 2**40], pa.int64()),
    ("uint64 and int64", pa.array([BIG], pa.uint64()), pa.array([-1]), [Decimal(BIG), Decimal(-1)], pa.decimal128(38, 0)),
    ("uint64 and uint8", pa.array([BIG], pa.uint64()), pa.array([7], pa.uint8()), [BIG, 7], pa.uint64()),
    ("float16 and double", pa.array([0.5], pa.float16()), pa.array([0.25]), [0.5, 0.25], pa.float64()),
    ("decimal and int", pa.array([Decimal("1.25")]), pa.array([3]), [1.25, 3.0], pa.float64()),
    ("whole decimal and int", pa.array([Decimal("125")]), pa.array([3]), [Decimal(125), Decimal(3)], pa.decimal128(38, 0)),
    ("null and text", pa.nulls(2), pa.array(["a"]), [None, None, "a"], pa.string()),
    ("double and null", pa.array([1.5]), pa.nulls(1), [1.5, None], pa.float64()),
    ("dictionary and text", pa.array(["a", "b"]).dictionary_encode(), pa.array(["c"]), ["a", "b", "c"], pa.string()),
    ("large text and text", pa.array(["a"], pa.large_string()), pa.array(["c"]), ["a", "c"], pa.string()),
]


@pytest.mark.parametrize(("one", "other", "wanted", "kind"), [pytest.param(*case[1:], id=case[0]) for case in NUMBER_PAIRS])
def test_columns_of_two_files_are_read_by_value(tmp_path, one, other, wanted, kind):
    put_parquet(tmp_path / "1.parquet", x=one)
    put_parquet(tmp_path / "2.parquet", x=other)
    got = read(place(tmp_path), ["x"])
    assert got.schema.field("x").type == kind
    assert got["x"].to_pylist() == wanted


MOMENTS = {
    "date32": pa.array(DAYS, pa.date32()),
    "date64": pa.array(DAYS, pa.date64()),
    **{unit: pa.array(MIDNIGHTS, pa.timestamp("us")).cast(pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
}


@pytest.mark.parametrize("one", MOMENTS)
@pytest.mark.parametrize("other", MOMENTS)
def test_dates_and_timestamps_of_any_unit_are_read_by_value_in_either_order(tmp_path, one, other):
    put_parquet(tmp_path / "1.parquet", x=MOMENTS[one])
    put_parquet(tmp_path / "2.parquet", x=MOMENTS[other])
    got = read(place(tmp_path), ["x"])["x"]
    assert got.cast(pa.date32()).to_pylist() == DAYS * 2


def test_text_beside_numbers_is_refused_with_the_column_and_both_files(tmp_path):
    put_parquet(tmp_path / "1.parquet", x=[1], y=[1])
    put_parquet(tmp_path / "2.parquet", x=["1"], y=[1])
    with pytest.raises(DataError, match=r"type of column x: int64 in \S+1.parquet, string in \S+2.parquet; write it alike") as e:
        schema_of(place(tmp_path), {"x": NAMES})
    assert e.value.exit_code == 1
    schema_of(place(tmp_path), {"y": NUMBERS})  # what is not used need not be reconciled


def test_text_beside_dates_is_refused(tmp_path):
    put_parquet(tmp_path / "1.parquet", x=pa.nulls(1), y=[1])
    put_parquet(tmp_path / "2.parquet", x=DAYS, y=[1, 2, 3])
    put_parquet(tmp_path / "3.parquet", x=["2023-01-02"], y=[1])
    with pytest.raises(DataError, match=r"date32\[day\] in \S+2.parquet, string in \S+3.parquet"):
        schema_of(place(tmp_path), {"x": DATES})


def test_a_column_that_one_file_lacks_is_refused_with_both_files(tmp_path):
    put_parquet(tmp_path / "1.parquet", x=[1])
    put_parquet(tmp_path / "2.parquet", x=[1], y=[2])
    with pytest.raises(ConfigError, match=r"\S+1.parquet has no column y, which \S+2.parquet has"):
        schema_of(place(tmp_path), {"x": NUMBERS, "y": NUMBERS})
    assert read(place(tmp_path), ["y"])["y"].to_pylist() == [None, 2]


def test_a_column_that_no_file_has_is_refused_with_what_there_is(tmp_path):
    put_parquet(tmp_path / "1.parquet", Ret=[1.0], cap=[1.0])
    with pytest.raises(ConfigError, match=r"has no column ret \(is it Ret\?\); it has Ret, cap; name the right one under"):
        schema_of(place(tmp_path), {"ret": NUMBERS})


def test_columns_that_differ_in_case_alone_are_two_columns(tmp_path):
    put_parquet(tmp_path / "1.parquet", ret=[1.0], RET=[2.0])
    assert read(place(tmp_path), ["ret"])["ret"].to_pylist() == [1.0]


def test_a_column_that_is_there_twice_is_refused_where_it_is_used(tmp_path):
    twice = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0]), pa.array([3.0])], names=["ret", "ret", "cap"])
    import pyarrow.parquet as pq

    pq.write_table(twice, tmp_path / "1.parquet")
    put(tmp_path / "c.csv", "ret,cap,ret\n1,2,3\n")
    for where in (place(tmp_path / "1.parquet"), place(tmp_path / "c.csv")):
        with pytest.raises(DataError, match=r"column ret is there twice in"):
            schema_of(where, {"ret": NUMBERS})
        assert [float(x) for x in read(where, ["cap"])["cap"].to_pylist()] == [3.0 if "1.parquet" in where.where else 2.0]


OF_ANOTHER_TYPE = [
    ("ids that are fractions", pa.array([1.0]), NAMES, "holds double, not text or whole numbers; convert it in the source"),
    ("a boolean number", pa.array([True]), NUMBERS, "holds bool, not numbers or text"),
    ("dates as fractions", pa.array([20230102.0]), DATES, "holds double, not dates, timestamps, text or whole numbers"),
    ("a list", pa.array([[1.0]]), NUMBERS, "holds list<"),
    ("binary ids", pa.array([b"A"]), NAMES, "holds binary, not text"),
    ("a date as a flag", pa.array(DAYS[:1]), FLAGS, r"holds date32\[day\], not true or false"),
    ("numbers as a map", pa.array([1.0]), MAPS, "holds double, not a map"),
]


@pytest.mark.parametrize(("values", "use", "words"), [pytest.param(*case[1:], id=case[0]) for case in OF_ANOTHER_TYPE])
def test_a_column_of_another_type_is_refused_by_name(tmp_path, values, use, words):
    put_parquet(tmp_path / "1.parquet", x=values)
    with pytest.raises(ConfigError, match=f"column x of .*1.parquet {words}"):
        schema_of(place(tmp_path), {"x": use})


def test_maps_of_any_number_are_read_as_doubles(tmp_path):
    for at, kind in enumerate([pa.float32(), pa.int64()]):
        put_parquet(tmp_path / f"{at}.parquet", x=pa.array([[("a", 1), ("b", 2)]], pa.map_(pa.string(), kind)))
    schema_of(place(tmp_path), {"x": MAPS})
    assert read(place(tmp_path), ["x"])["x"].to_pylist() == [[("a", 1.0), ("b", 2.0)]] * 2


def test_files_without_rows_do_not_decide_the_types(tmp_path):
    put_parquet(tmp_path / "1.parquet", x=pa.array([], pa.float64()))
    put_parquet(tmp_path / "2.parquet", x=["A"])
    assert schema_of(place(tmp_path), {"x": NAMES}).type_of("x") == pa.string()


def test_a_source_without_rows_is_refused(tmp_path):
    put_parquet(tmp_path / "1.parquet", x=pa.array([], pa.float64()))
    with pytest.raises(DataError, match=r"1.parquet has no rows"):
        schema_of(place(tmp_path / "1.parquet"), {"x": NAMES})


def test_the_unified_type_does_not_depend_on_the_order_of_the_files():
    zoned = [pa.timestamp("ns", zone) for zone in ("UTC", "Europe/London", "Asia/Tokyo")]
    kinds = [pa.date32(), pa.timestamp("ms"), *zoned, pa.null(), pa.int64(), pa.uint64(), pa.float16(), pa.string(), pa.bool_()]
    for one in kinds:
        for other in kinds:
            assert unified([one, other]) == unified([other, one])
