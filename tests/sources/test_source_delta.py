"""Delta tables by delta-rs: the files of the newest version, the declared types, and what only Spark reads."""

import datetime as dt

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from places import DAYS, place, read, schema_of
from sigmalake.sources.files import list_files

from sigmalake.errors import ConfigError


def test_only_the_files_of_the_newest_version_are_read(tmp_path):
    write_deltalake(str(tmp_path / "t"), pa.table({"x": [1, 2]}))
    write_deltalake(str(tmp_path / "t"), pa.table({"x": [3]}), mode="overwrite")
    assert read(place(tmp_path / "t", "delta"), ["x"])["x"].to_pylist() == [3]


def test_partition_values_have_the_types_that_the_table_declares(tmp_path):
    rows = pa.table({"date": [*DAYS, None], "id": ["007", "a b/c", "é%", "7"], "n": [1, 2, 3, 4], "x": [0.5, 1.5, 2.5, 3.5]})
    write_deltalake(str(tmp_path / "t"), rows, partition_by=["date", "id", "n"])
    got = read(place(tmp_path / "t", "delta"), ["date", "id", "n", "x"]).sort_by("x")
    assert got.select(["date", "id", "n", "x"]) == rows


def test_a_column_that_was_added_later_is_null_in_older_files(tmp_path):
    write_deltalake(str(tmp_path / "t"), pa.table({"x": [1]}))
    write_deltalake(str(tmp_path / "t"), pa.table({"x": [2], "y": ["b"]}), mode="append", schema_mode="merge")
    got = read(place(tmp_path / "t", "delta"), ["x", "y"]).sort_by("x")
    assert got["y"].to_pylist() == [None, "b"]


def test_the_dates_of_a_file_come_from_its_statistics(tmp_path):
    write_deltalake(str(tmp_path / "t"), pa.table({"date": DAYS, "x": [1, 2, 3]}))
    assert [file.span for file in list_files("panel", place(tmp_path / "t", "delta"), "date")] == [(DAYS[0], DAYS[2])]


def test_a_file_with_a_row_without_a_date_has_no_span(tmp_path):
    write_deltalake(str(tmp_path / "t"), pa.table({"date": [DAYS[0], None]}))
    assert [file.span for file in list_files("panel", place(tmp_path / "t", "delta"), "date")] == [None]


def test_timestamps_have_no_span(tmp_path):
    write_deltalake(str(tmp_path / "t"), pa.table({"date": [dt.datetime(2023, 1, 2, 3)]}))
    assert [file.span for file in list_files("panel", place(tmp_path / "t", "delta"), "date")] == [None]


def test_column_mapping_is_refused_by_name(tmp_path):
    mapping = {"delta.columnMapping.mode": "name", "delta.minReaderVersion": "2", "delta.minWriterVersion": "5"}
    try:
        DeltaTable.create(str(tmp_path / "t"), pa.schema([("x", pa.int64())]), configuration=mapping)
    except Exception:
        pytest.skip("this delta-rs writes no table with column mapping")
    with pytest.raises(ConfigError, match="column mapping, which only Spark reads; say `engine: spark`"):
        list_files("panel", place(tmp_path / "t", "delta"))


def test_a_folder_without_a_log_is_no_delta_table(tmp_path):
    with pytest.raises(ConfigError, match="there is no delta table; look at `path:` and `format:`"):
        schema_of(place(tmp_path, "delta"))


@pytest.mark.parametrize("name", ["t[1]", "50%"])
def test_a_path_that_delta_rs_cannot_open_is_refused_with_the_character(tmp_path, name):
    (tmp_path / name / "_delta_log").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"whose path has '[\[%]' in it; rename the folder, or say `engine: spark`"):
        list_files("panel", place(tmp_path / name, "delta"))
