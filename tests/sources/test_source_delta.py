"""Delta tables by delta-rs: the files of the newest version, the declared types, and what only Spark reads."""

import base64
import datetime as dt
import json
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from places import DAYS, place, read, schema_of

from sigmalake.errors import ConfigError
from sigmalake.sources.files import list_files


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


def test_a_file_whose_dates_are_timestamps_has_no_span_of_dates(tmp_path):
    write_deltalake(str(tmp_path / "t"), pa.table({"date": [dt.datetime(2023, 1, 2, 3)]}))
    assert [file.span for file in list_files("panel", place(tmp_path / "t", "delta"), "date")] == [None]


def edit_log(table: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change the actions of the first commit, for features that delta-rs does not write."""
    log = table / "_delta_log" / "00000000000000000000.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        edit(action)
    log.write_text("\n".join(map(json.dumps, actions)) + "\n")


def with_column_mapping(action: dict[str, Any]) -> None:
    if "metaData" in action:
        action["metaData"]["configuration"]["delta.columnMapping.mode"] = "name"


def first_row_deleted() -> str:
    """A deletion vector of row 0 as Delta writes it inline: a magic number and a Roaring bitmap of one value, in Z85."""
    bitmap = struct.pack("<IIHHIH", 12346, 1, 0, 0, 16, 0)
    content = struct.pack("<IQI", 1681511377, 1, 0) + bitmap + b"\0\0"
    plain = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
    z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    return base64.b85encode(content).decode().translate(str.maketrans(plain, z85))


def with_deletion_vectors(action: dict[str, Any], *, deleted: bool) -> None:
    if "protocol" in action:
        features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
        action["protocol"] = {"minReaderVersion": 3, "minWriterVersion": 7, **features}
    if "add" in action and deleted:
        vector = first_row_deleted()
        action["add"]["deletionVector"] = {"storageType": "i", "pathOrInlineDv": vector, "sizeInBytes": 34, "cardinality": 1}


def test_column_mapping_is_refused_by_name(tmp_path):
    write_deltalake(str(tmp_path / "t"), pa.table({"x": [1, 2]}))
    edit_log(tmp_path / "t", with_column_mapping)
    with pytest.raises(ConfigError, match=r"column mapping, which only Spark reads; say `engine: spark`"):
        list_files("panel", place(tmp_path / "t", "delta"))


def test_deletion_vectors_are_refused_by_name(tmp_path):
    write_deltalake(str(tmp_path / "t"), pa.table({"x": [1, 2]}))
    edit_log(tmp_path / "t", partial(with_deletion_vectors, deleted=True))
    with pytest.raises(ConfigError, match=r"deletion vectors, which only Spark reads; say `engine: spark`"):
        list_files("panel", place(tmp_path / "t", "delta"))


def test_a_table_that_may_have_deletion_vectors_and_has_none_is_read(tmp_path):
    write_deltalake(str(tmp_path / "t"), pa.table({"x": [1, 2]}))
    edit_log(tmp_path / "t", partial(with_deletion_vectors, deleted=False))
    assert read(place(tmp_path / "t", "delta"), ["x"])["x"].to_pylist() == [1, 2]


def test_a_folder_without_a_log_is_no_delta_table(tmp_path):
    with pytest.raises(ConfigError, match=r"there is no delta table; look at `path:` and `format:`"):
        schema_of(place(tmp_path, "delta"))


@pytest.mark.parametrize("name", ["t[1]", "50%"])
def test_a_path_that_delta_rs_cannot_open_is_refused_with_the_character(tmp_path, name):
    (tmp_path / name / "_delta_log").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"whose path has '[\[%]' in it; rename the folder, or say `engine: spark`"):
        list_files("panel", place(tmp_path / name, "delta"))
