"""Which files a source lies in: every character of a path is plain, and nothing is passed over in silence."""

import datetime as dt

import pyarrow as pa
import pytest
from places import place, put, put_parquet, read, schema_of

from sigmalake.config.sources import Location
from sigmalake.errors import ConfigError, DataError
from sigmalake.sources.files import list_files
from sigmalake.sources.schema import NAMES

STRANGE = ["q[1-3]", "{x,y}", "50%25 (2)", "*", "a?b", "a,b", "a b#1", "é:ü", "a\\b"]


@pytest.mark.parametrize("name", STRANGE)
def test_every_character_of_a_path_is_plain(tmp_path, name):
    put_parquet(tmp_path / "in [this]" / f"{name}.parquet", x=[1, 2])
    put_parquet(tmp_path / "in [this]" / "q1.parquet", x=[9])
    assert read(place(tmp_path / "in [this]" / f"{name}.parquet"), ["x"])["x"].to_pylist() == [1, 2]


@pytest.mark.parametrize("name", ["a b[1].parquet", "50%.parquet", "p.parquet"])
def test_a_uri_of_a_file_or_a_folder_reads_as_its_path(tmp_path, name):
    put_parquet(tmp_path / "f" / "k=0 1" / name, x=[1, 2])
    file = (tmp_path / "f" / "k=0 1" / name).as_uri()
    assert read(Location(path=file), ["x"])["x"].to_pylist() == [1, 2]
    assert read(Location(path=(tmp_path / "f").as_uri()), ["k"])["k"].to_pylist() == ["0 1", "0 1"]


def test_a_store_of_no_known_kind_is_refused():
    with pytest.raises(ConfigError, match=r"'nosuch://b/p.parquet': nosuch: cannot be read here; a URI begins with one of s3://"):
        list_files("panel", Location(path="nosuch://b/p.parquet"))


def test_sub_folders_are_read_at_every_depth(tmp_path):
    for at, inner in enumerate(["a.parquet", "old/b.parquet", "old/older/c.parquet"]):
        put_parquet(tmp_path / inner, x=[at])
    assert sorted(read(place(tmp_path), ["x"])["x"].to_pylist()) == [0, 1, 2]


def test_names_that_begin_with_a_dot_or_an_underscore_are_passed_over(tmp_path):
    put_parquet(tmp_path / "a.parquet", x=[1])
    for name in ["_SUCCESS", ".a.parquet.crc", "_tmp/b.parquet"]:
        put(tmp_path / name, b"?")
    assert read(place(tmp_path), ["x"])["x"].to_pylist() == [1]


def test_a_folder_of_hidden_files_alone_is_refused_with_their_names(tmp_path):
    put(tmp_path / "_SUCCESS", b"")
    with pytest.raises(DataError, match=r"holds no parquet files but 1 whose names begin with a dot.*_SUCCESS"):
        list_files("panel", place(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("note.txt", b"see the wiki, please\n", "note.txt is not a Parquet file, or was cut short"),
        ("empty.parquet", b"", r"empty.parquet is empty \(0 bytes\); write it again"),
        ("cut.parquet", b"PAR1" + b"x" * 500, "cut.parquet is not a Parquet file, or was cut short"),
    ],
)
def test_a_file_of_another_kind_is_refused_by_name(tmp_path, name, content, words):
    put_parquet(tmp_path / "a.parquet", x=[1])
    put(tmp_path / name, content)
    with pytest.raises(DataError, match=words):
        schema_of(place(tmp_path))


def test_a_parquet_file_in_a_csv_folder_is_refused_by_name(tmp_path):
    put(tmp_path / "a.csv", "x\n1\n")
    put_parquet(tmp_path / "b.csv", x=[1])
    with pytest.raises(ConfigError, match=r"b.csv is a Parquet file, not CSV; say `format: parquet`"):
        schema_of(place(tmp_path, "csv"))


def test_a_damaged_page_is_refused_by_the_name_of_its_file(tmp_path):
    path = put_parquet(tmp_path / "a.parquet", x=list(range(5000)))
    content = bytearray(path.read_bytes())
    content[4:2000] = b"\xff" * 1996
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a.parquet is damaged"):
        read(place(path), ["x"])


def test_folders_named_key_value_give_text_as_it_stands(tmp_path):
    keys = ["007", "7", "9876543210", "1E5", "-1", "a b", "é", "50%25"]
    for key in keys:
        put_parquet(tmp_path / f"id={key}" / "p.parquet", x=[1.5])
    where = place(tmp_path)
    assert schema_of(where, {"id": NAMES}).type_of("id") == pa.string()
    assert sorted(read(where, ["id"])["id"].to_pylist()) == sorted([*keys[:-1], "50%"])


def test_a_folder_for_rows_without_a_value_gives_null(tmp_path):
    put_parquet(tmp_path / "id=__HIVE_DEFAULT_PARTITION__" / "p.parquet", x=[1])
    assert read(place(tmp_path), ["id", "x"]).to_pydict()["id"] == [None]


def test_dates_of_nested_folders_stand_in_every_row(tmp_path):
    for day in ("2023-01-02", "2023-01-03"):
        put(tmp_path / "region=EU" / f"date={day}" / "p.csv", "id,x\nA,1\nB,2\n")
    got = read(place(tmp_path, "csv"), ["date", "region", "id"])
    assert got["date"].to_pylist() == ["2023-01-02"] * 2 + ["2023-01-03"] * 2
    assert set(got["region"].to_pylist()) == {"EU"}


def test_folders_above_the_source_give_no_column(tmp_path):
    put_parquet(tmp_path / "vendor=x" / "data" / "p.parquet", x=[1])
    assert list(schema_of(place(tmp_path / "vendor=x" / "data")).columns) == ["x"]


def test_a_column_in_the_file_and_in_the_folders_name_is_refused(tmp_path):
    put_parquet(tmp_path / "id=7" / "p.parquet", id=["8"])
    with pytest.raises(DataError, match=r"column id is there twice in .*p.parquet"):
        schema_of(place(tmp_path), {"id": NAMES})


def test_the_state_of_a_file_changes_with_its_content(tmp_path):
    path = put_parquet(tmp_path / "a.parquet", x=[1])
    before = list_files("panel", place(path))[0].state
    put_parquet(path, x=[1, 2, 3])
    assert list_files("panel", place(path))[0].state != before


def test_a_delta_table_is_not_read_as_parquet(tmp_path):
    put_parquet(tmp_path / "a.parquet", x=[dt.date(2023, 1, 2)])
    put(tmp_path / "_delta_log" / "00000000000000000000.json", b"{}")
    with pytest.raises(ConfigError, match=r"say `format: delta`"):
        list_files("panel", place(tmp_path))
