"""Rows committed by delta-rs, as they are or as files: checked, in the place of others, never over another writer's commit."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from declared_rows import full_row
from plain_lake import append
from sigmalake.engines.local import workers
from sigmalake.engines.local.pieces import Held
from sigmalake.engines.local.rows import LocalRows
from sigmalake.engines.local.tables import LocalTables
from sigmalake.errors import DataError, InfrastructureError, is_conflict
from sigmalake.lake import data_files, delta_rs
from sigmalake.lake.creation import create_table
from sigmalake.lake.data_files import ROWS_A_GROUP, FileWriter
from sigmalake.lake.dates import DateRange, single_days
from sigmalake.lake.delta_rs import open_to_write, write_rows
from sigmalake.lake.log import commit_metadata, commits_since, open_table, read_columns
from sigmalake.lake.row_filter import of_dates
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.long import SPECIFIC_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS, RISK_MODELS
from sigmalake.tables.rows import table_rows

FIRST = date(2024, 1, 1)
SAID = commit_metadata("run", "regress", 3, "hash", [DateRange(FIRST, FIRST)], "local")


def day(n):
    return FIRST + timedelta(days=n)


def dated(table, days, **values):
    """A row for each date."""
    return [full_row(table, **{table.date: day(n)}, **values) for n in days]


def by_rows(root, table, rows, days=None):
    """A few rows, as both engines write what the driver holds."""
    predicate = None if days is None else of_dates("date", days).sql()
    write_rows(f"{root}/{table.name}", table, rows, predicate=predicate, commit_metadata=SAID)


def by_files(root, table, rows, days=None):
    """Rows in pieces, as the local engine writes them."""
    pieces = [Held(rows.slice(start, 1)) for start in range(rows.num_rows)]
    replaced = None if days is None else of_dates("date", days)
    LocalTables(str(root), 1).write(table, LocalRows(rows.schema, pieces), replaced=replaced, metadata=SAID)


WAYS = pytest.mark.parametrize("way", [by_rows, by_files], ids=lambda way: way.__name__)
KINDS = pytest.mark.parametrize("table", [SPECIFIC_RETURNS, CROSS_SECTIONS], ids=["long", "packed"])


def write(root, table, rows, days=None, way=by_files):
    way(root, table, table_rows(table, rows), days)


def stored(root, table, *columns):
    found = read_columns(open_table(f"{root}/{table.name}"), columns or table.column_names, declared=table)
    return sorted(tuple(row.values()) for row in found.to_pylist())


def days_of(rows):
    return single_days(day(n) for n in rows)


def rows_a_file(root, table):
    return sorted(pa.table(open_table(f"{root}/{table.name}").get_add_actions(flatten=True)).column("num_records").to_pylist())


@pytest.fixture
def small_files(monkeypatch):
    """Files of packed tables that hold three rows of `full_row`."""
    rows = table_rows(CROSS_SECTIONS, dated(CROSS_SECTIONS, range(3)))
    monkeypatch.setattr(data_files, "FILE_BYTES", sum(batch.nbytes for batch in rows.to_batches(max_chunksize=1)))


@WAYS
@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_every_table_gives_back_what_was_written(tmp_path, table, way):
    row = full_row(table)
    write(tmp_path, table, [row], way=way)
    expected = table_rows(table, [row])
    found = read_columns(open_table(f"{tmp_path}/{table.name}"), table.column_names, declared=table)
    assert found.to_pylist() == expected.to_pylist()
    assert found.schema.types == expected.schema.types


@WAYS
@KINDS
def test_the_rows_of_some_dates_are_replaced_and_no_other(tmp_path, table, way):
    write(tmp_path, table, dated(table, range(6)))
    before = stored(tmp_path, table)
    again = dated(table, [1, 4])
    changed = "fitted_return"
    for row in again:
        row[changed] = [0.25, 0.25] if table.packed else 0.25
    write(tmp_path, table, again, days_of([1, 2, 4]), way)
    kept = [row for row in before if row[0] not in {day(1), day(2), day(4)}]
    assert [row for row in stored(tmp_path, table) if row[0] in {day(0), day(3), day(5)}] == kept
    assert stored(tmp_path, table, "date", changed) == sorted(
        (day(n), ([0.25, 0.25] if table.packed else 0.25) if n in {1, 4} else full_row(table)[changed]) for n in (0, 1, 3, 4, 5)
    )


@WAYS
@KINDS
def test_no_rows_in_the_place_of_a_range_empty_it(tmp_path, table, way):
    write(tmp_path, table, dated(table, range(4)))
    write(tmp_path, table, [], days_of([1, 2]), way)
    assert [row[0] for row in stored(tmp_path, table, "date")] == [day(0), day(3)]


@WAYS
@KINDS
def test_rows_beyond_what_is_replaced_are_refused(tmp_path, table, way):
    write(tmp_path, table, dated(table, range(4)))
    before = stored(tmp_path, table)
    with pytest.raises(DataError, match=f"{table.name}: 1 rows .* none of those that this write replaces"):
        write(tmp_path, table, dated(table, [1, 3]), days_of([1, 2]), way)
    assert stored(tmp_path, table) == before


@pytest.mark.usefixtures("small_files")
def test_the_rows_of_a_packed_table_are_one_commit_of_several_files(tmp_path):
    where = f"{tmp_path}/cross_sections"
    write(tmp_path, CROSS_SECTIONS, dated(CROSS_SECTIONS, range(8)))
    assert rows_a_file(tmp_path, CROSS_SECTIONS) == [2, 3, 3]
    write(tmp_path, CROSS_SECTIONS, dated(CROSS_SECTIONS, range(1, 9), n_outliers=9), days_of(range(9)))
    assert stored(tmp_path, CROSS_SECTIONS, "date", "n_outliers") == [(day(n), 9) for n in range(1, 9)]
    commits = commits_since(open_table(where), None)
    assert [len(commit.ranges) for commit in commits] == [0, 1, 1]
    assert [[r.first.isoformat(), r.last.isoformat()] for r in commits[-1].ranges] == json.loads(SAID)["dates"]


@pytest.mark.usefixtures("small_files")
def test_only_the_files_that_hold_replaced_dates_are_written_again(tmp_path, monkeypatch):
    write(tmp_path, CROSS_SECTIONS, dated(CROSS_SECTIONS, range(9)))
    monkeypatch.setattr(data_files, "FILE_BYTES", 2 * data_files.FILE_BYTES)
    before = {path.name for path in (tmp_path / "cross_sections").glob("*.parquet")}
    write(tmp_path, CROSS_SECTIONS, dated(CROSS_SECTIONS, [4], n_outliers=9), days_of([4]))
    files = {file["path"] for file in pa.table(open_table(f"{tmp_path}/cross_sections").get_add_actions()).to_pylist()}
    assert len(files & before) == 2
    assert rows_a_file(tmp_path, CROSS_SECTIONS) == [3, 3, 3]  # what stays of a file lies beside what is new
    assert stored(tmp_path, CROSS_SECTIONS, "date", "n_outliers") == [(day(n), 9 if n == 4 else 1) for n in range(9)]


def test_a_large_piece_is_shared_out_among_files(tmp_path, monkeypatch):
    rows = table_rows(CROSS_SECTIONS, dated(CROSS_SECTIONS, range(40)))
    monkeypatch.setattr(data_files, "FILE_BYTES", rows.nbytes // 4)
    writer = FileWriter(str(create_folder(tmp_path, CROSS_SECTIONS)), CROSS_SECTIONS)
    writer.add(rows)
    files = writer.close().files
    assert sum(json.loads(file.stats)["numRecords"] for file in files) == 40
    assert 4 <= len(files) <= 5
    assert all(file.size == (tmp_path / CROSS_SECTIONS.name / file.path).stat().st_size for file in files)


def create_folder(root, table):
    create_table(f"{root}/{table.name}", table)
    return root / table.name


def test_another_process_writes_the_same_files(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "WORTH_A_PROCESS", 0)
    rows = table_rows(CROSS_SECTIONS, dated(CROSS_SECTIONS, range(40)))
    pieces = [Held(rows.slice(start, 4)) for start in range(0, 40, 4)]
    for root, n_workers in (("one", 1), ("two", 2)):
        LocalTables(str(tmp_path / root), n_workers).write(
            CROSS_SECTIONS, LocalRows(rows.schema, pieces), replaced=None, metadata=SAID
        )
    assert stored(tmp_path / "one", CROSS_SECTIONS) == stored(tmp_path / "two", CROSS_SECTIONS)
    assert (len(rows_a_file(tmp_path / "one", CROSS_SECTIONS)), rows_a_file(tmp_path / "two", CROSS_SECTIONS)[0]) == (1, 8)


def test_rows_that_break_the_declaration_are_told_by_column_and_nothing_is_written(tmp_path):
    for table in (SPECIFIC_RETURNS, CROSS_SECTIONS):
        write(tmp_path, table, dated(table, [0]))
        name, nan = "fitted_return", float("nan")
        wrong = dated(table, [2], **{name: [1.0, nan] if table.packed else nan})
        rows = pa.Table.from_pylist(dated(table, [1]) + wrong, table.arrow_schema())
        for way in (by_rows, by_files):
            with pytest.raises(
                DataError, match=f"rows of {table.name} cannot be written: {name} .* NaN .* first where date 2024-01-03"
            ):
                way(tmp_path, table, rows)
        assert stored(tmp_path, table, "date") == [(day(0),)]
        assert len(list((tmp_path / table.name).glob("*.parquet"))) == 1


def test_any_constraint_that_is_broken_is_told_with_its_words(tmp_path):
    rows = pa.Table.from_pylist(dated(SPECIFIC_RETURNS, [1], weight=-1.0), SPECIFIC_RETURNS.arrow_schema())
    for way in (by_rows, by_files):
        with pytest.raises(
            DataError, match=r"weight_is_not_negative \(weight >= 0\) does not hold in 1 of 1 rows, first where date"
        ):
            way(tmp_path, SPECIFIC_RETURNS, rows)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_what_goes_wrong_with_the_rows_on_their_way_comes_out_as_it_is_and_leaves_no_file(tmp_path, monkeypatch, n_workers):
    monkeypatch.setattr(workers, "WORTH_A_PROCESS", 0)
    monkeypatch.setattr(data_files, "FILE_BYTES", 1)
    for table in (SPECIFIC_RETURNS, CROSS_SECTIONS):
        good = Held(table_rows(table, dated(table, [1])))
        rows = LocalRows(table.arrow_schema(), [good, good, Failing(0), good])
        with pytest.raises(MemoryError, match="the worker is out of memory"):
            LocalTables(str(tmp_path), n_workers).write(table, rows, replaced=None, metadata=SAID)
        assert stored(tmp_path, table) == []
        assert list((tmp_path / table.name).glob("*.parquet")) == []


class Failing(NamedTuple):
    """A piece that cannot be read."""

    n_bytes: int

    def read(self):
        raise MemoryError("the worker is out of memory")


@WAYS
@KINDS
@pytest.mark.parametrize("days", [None, days_of([1])], ids=["append", "replace"])
@pytest.mark.parametrize("other", ["fence", "rows"])
def test_a_commit_of_another_since_the_snapshot_was_opened_is_not_written_over(tmp_path, monkeypatch, table, days, other, way):
    where = f"{tmp_path}/{table.name}"
    write(tmp_path, table, dated(table, range(3)))

    def raced(opening):
        def opened(*asked):
            log = opening(*asked)
            commit_of_another()
            return log

        return opened

    def commit_of_another():
        if other == "fence":
            DeltaTable(where).alter.set_table_properties({"sigmalake.fence": "4"}, raise_if_not_exists=False)
        else:
            append(tmp_path, table, dated(table, [9]))

    monkeypatch.setattr(delta_rs, "open_to_write", raced(open_to_write))
    monkeypatch.setattr(LocalTables, "log", raced(LocalTables.log))
    with pytest.raises(InfrastructureError, match=f"{table.name}: another writer committed at the same time") as caught:
        write(tmp_path, table, dated(table, [1]), days, way)
    assert is_conflict(caught.value.__cause__)
    assert len(stored(tmp_path, table, "date")) == 3 + (other == "rows")


def test_the_log_says_who_wrote_which_dates(tmp_path):
    for way in (by_rows, by_files):
        write(tmp_path, SPECIFIC_RETURNS, dated(SPECIFIC_RETURNS, [0]), way=way)
        log = open_table(f"{tmp_path}/specific_returns")
        found = commits_since(log, None)[-1]
        assert (found.version, found.run_id, found.ranges) == (log.version(), "run", (DateRange(FIRST, FIRST),))
        assert found.is_ours
        assert not found.keeps_rows


def test_an_older_table_is_brought_to_its_declaration_before_rows_are_added(tmp_path):
    before = replace(RISK_MODELS, columns=RISK_MODELS.columns[:-4], checks=())
    create_table(f"{tmp_path}/risk_models", before)
    append(tmp_path, before, [{c: full_row(RISK_MODELS)[c] for c in before.column_names}])
    write(tmp_path, RISK_MODELS, dated(RISK_MODELS, [5], frequency="month"))
    assert stored(tmp_path, RISK_MODELS, "date", "frequency") == [(date(2024, 1, 2), None), (day(5), "month")]
    log = open_table(f"{tmp_path}/risk_models")
    assert RISK_MODELS.constraints().items() <= log.metadata().configuration.items()
    assert [commit.keeps_rows for commit in commits_since(log, None)] == [True, False, True, True, False]


@WAYS
def test_files_keep_minima_of_keys_and_few_dates_a_group(tmp_path, way):
    write(tmp_path, CROSS_SECTIONS, dated(CROSS_SECTIONS, range(ROWS_A_GROUP + 1)), way=way)
    write(tmp_path, SPECIFIC_RETURNS, dated(SPECIFIC_RETURNS, range(3)), way=way)
    packed, long = (_parquet(tmp_path / table.name) for table in (CROSS_SECTIONS, SPECIFIC_RETURNS))
    assert [packed.row_group(n).num_rows for n in range(packed.num_row_groups)] == [ROWS_A_GROUP, 1]
    assert "RLE_DICTIONARY" not in _encodings(packed)["fitted_return.list.element"]
    assert "RLE_DICTIONARY" not in _encodings(long)["specific_return"]
    assert "RLE_DICTIONARY" in _encodings(long)["asset_id"]
    for table in (CROSS_SECTIONS, SPECIFIC_RETURNS):
        kept = pa.table(open_table(f"{tmp_path}/{table.name}").get_add_actions(flatten=True)).column_names
        assert {name.removeprefix("min.") for name in kept if name.startswith("min.")} == set(table.key_for_skipping())


def _parquet(folder: Path):
    (file,) = folder.glob("*.parquet")
    return pq.read_metadata(file)


def _encodings(file):
    columns = [file.row_group(0).column(n) for n in range(file.num_columns)]
    return {column.path_in_schema: column.encodings for column in columns}
