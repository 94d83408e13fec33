"""What tells that a file of a source need not be read again."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from sigmalake.config.sources import Location
from sigmalake.engines.spark.sources.fingerprint import location_version
from sigmalake.lake.log import clear_torn_log
from sigmalake.lake.source_files import plain_path, source_files


def states(place):
    return {Path(file.path).name: file.state for file in source_files(Location(path=str(place)), "date") or ()}


def test_a_file_written_again_has_another_state_and_its_neighbour_the_same(tmp_path):
    for name in ("a.parquet", "b.parquet"):
        (tmp_path / name).write_bytes(b"1")
    before = states(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"2")
    os.utime(tmp_path / "a.parquet", ns=(1, 1))
    after = states(tmp_path)
    assert after["a.parquet"] != before["a.parquet"]
    assert after["b.parquet"] == before["b.parquet"]


def test_files_that_spark_passes_over_are_no_files_of_a_source(tmp_path):
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "year=2024").mkdir()
    for name in ("_SUCCESS", ".a.crc", "_temporary/part.parquet", "year=2024/part-1.parquet"):
        (tmp_path / name).write_bytes(b"1")
    assert list(states(tmp_path)) == ["part-1.parquet"]


def test_a_linked_file_or_folder_is_named_by_its_link_as_spark_names_it(tmp_path):
    kept, linked, folder = tmp_path / "kept", tmp_path / "linked", tmp_path / "source"
    for made in (kept, linked):
        made.mkdir()
        (made / "a.parquet").write_bytes(b"1")
    folder.symlink_to(linked)
    (linked / "b.parquet").symlink_to(kept / "a.parquet")
    (linked / "year=2024").symlink_to(kept)
    found = {file.path for file in source_files(Location(path=str(folder)), "date")}
    assert found == {str(folder / name) for name in ("a.parquet", "b.parquet", "year=2024/a.parquet")}


def spans(place, dates):
    write_deltalake(str(place), pa.table({"date": dates}))
    return [file.span for file in source_files(Location(path=str(place), format="delta"), "date")]


def test_delta_says_the_dates_of_a_file_where_they_are_dates_and_all_there(tmp_path):
    first, last = date(2024, 1, 2), date(2024, 1, 3)
    assert spans(tmp_path / "dates", [first, last]) == [(first, last)]
    assert spans(tmp_path / "gaps", [first, None, last]) == [None]
    within = [datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 3, 10, tzinfo=UTC)]
    assert spans(tmp_path / "times", within) == [None]  # a row within a day is rejected, and no span may leave it out


@pytest.mark.parametrize("uri", ["file:///data/a%20b/c.parquet", "file:/data/a%20b/c.parquet"])
def test_sparks_name_of_a_file_is_the_operating_systems(uri):
    assert plain_path(uri) == "/data/a b/c.parquet"


def test_the_files_of_a_catalogs_table_or_behind_a_uri_cannot_be_told():
    assert source_files(Location(table="sales.panel"), "date") is None
    assert source_files(Location(path="s3://bucket/panel"), "date") is None


def test_a_log_of_unfinished_files_alone_is_taken_away_and_no_other(tmp_path):
    for table, name in (("torn", ".0.json.1.tmp"), ("whole", "00000000000000000000.json")):
        (tmp_path / table / "_delta_log" / "_staged_commits").mkdir(parents=True)
        (tmp_path / table / "_delta_log" / name).write_text("")
        clear_torn_log(str(tmp_path / table))
    assert not (tmp_path / "torn" / "_delta_log").exists()
    assert (tmp_path / "whole" / "_delta_log" / "00000000000000000000.json").exists()


def test_a_change_in_a_linked_folder_is_a_change_of_the_source(tmp_path):
    elsewhere, source = tmp_path / "elsewhere", tmp_path / "source"
    elsewhere.mkdir()
    source.mkdir()
    (elsewhere / "rows.csv").write_text("date\n")
    (source / "linked").symlink_to(elsewhere)
    before = location_version(None, Location(path=str(source)))
    (elsewhere / "rows.csv").write_text("date\n2024-01-02\n")
    assert location_version(None, Location(path=str(source))) != before
