"""Rows written by delta-rs: streamed, checked, in the place of others, and never over another writer's commit."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from declared_rows import full_row
from plain_lake import append
from sigmalake.errors import DataError, InfrastructureError, is_conflict
from sigmalake.lake import delta_rs
from sigmalake.lake.creation import create_table
from sigmalake.lake.dates import DateRange, single_days, within
from sigmalake.lake.delta_rs import ROWS_A_GROUP, write_rows
from sigmalake.lake.log import commit_metadata, commits_since, open_table, read_columns
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


def batches(table, rows, size=1):
    """Rows as they stream, a few at a time."""
    whole = table_rows(table, rows)
    return pa.RecordBatchReader.from_batches(whole.schema, whole.to_batches(max_chunksize=size))


def write(root, table, rows, predicate=None, **options):
    return write_rows(f"{root}/{table.name}", table, batches(table, rows), predicate=predicate, commit_metadata=SAID, **options)


def stored(root, table, *columns):
    found = read_columns(open_table(f"{root}/{table.name}"), columns or table.column_names, declared=table)
    return sorted(tuple(row.values()) for row in found.to_pylist())


def days_of(rows):
    return within("date", single_days(day(n) for n in rows))


@pytest.fixture
def small_files(monkeypatch):
    """Files of packed tables that hold three rows of `full_row`."""
    rows = table_rows(CROSS_SECTIONS, dated(CROSS_SECTIONS, range(3)))
    monkeypatch.setattr(delta_rs, "PACKED_FILE_BYTES", sum(batch.nbytes for batch in rows.to_batches(max_chunksize=1)))


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_every_table_gives_back_what_was_written(tmp_path, table):
    row = full_row(table)
    write(tmp_path, table, [row])
    expected = table_rows(table, [row])
    found = read_columns(open_table(f"{tmp_path}/{table.name}"), table.column_names, declared=table)
    assert found.to_pylist() == expected.to_pylist()
    assert found.schema.types == expected.schema.types


@pytest.mark.parametrize("table", [SPECIFIC_RETURNS, CROSS_SECTIONS], ids=["long", "packed"])
def test_the_rows_of_some_dates_are_replaced_and_no_other(tmp_path, table):
    write(tmp_path, table, dated(table, range(6)))
    before = stored(tmp_path, table)
    again = dated(table, [1, 4])
    changed = "fitted_return"
    for row in again:
        row[changed] = [0.25, 0.25] if table.packed else 0.25
    write(tmp_path, table, again, days_of([1, 2, 4]))
    kept = [row for row in before if row[0] not in {day(1), day(2), day(4)}]
    assert [row for row in stored(tmp_path, table) if row[0] in {day(0), day(3), day(5)}] == kept
    assert stored(tmp_path, table, "date", changed) == sorted(
        (day(n), ([0.25, 0.25] if table.packed else 0.25) if n in {1, 4} else full_row(table)[changed]) for n in (0, 1, 3, 4, 5)
    )


@pytest.mark.parametrize("table", [SPECIFIC_RETURNS, CROSS_SECTIONS], ids=["long", "packed"])
def test_no_rows_in_the_place_of_a_range_empty_it(tmp_path, table):
    write(tmp_path, table, dated(table, range(4)))
    write(tmp_path, table, [], days_of([1, 2]))
    assert [row[0] for row in stored(tmp_path, table, "date")] == [day(0), day(3)]


@pytest.mark.parametrize("table", [SPECIFIC_RETURNS, CROSS_SECTIONS], ids=["long", "packed"])
def test_rows_beyond_what_is_replaced_are_refused(tmp_path, table):
    write(tmp_path, table, dated(table, range(4)))
    before = stored(tmp_path, table)
    with pytest.raises(DataError, match=f"{table.name}: 1 rows .* none of those that this write replaces"):
        write(tmp_path, table, dated(table, [1, 3]), days_of([1, 2]))
    assert stored(tmp_path, table) == before


@pytest.mark.usefixtures("small_files")
def test_a_packed_table_is_written_a_file_and_a_commit_at_a_time_each_with_whole_dates(tmp_path):
    where = f"{tmp_path}/cross_sections"
    write(tmp_path, CROSS_SECTIONS, dated(CROSS_SECTIONS, range(8)))
    files = [row["num_records"] for row in pa.table(open_table(where).get_add_actions(flatten=True)).to_pylist()]
    assert sorted(files) == [2, 3, 3]
    write(tmp_path, CROSS_SECTIONS, dated(CROSS_SECTIONS, range(1, 9), n_outliers=9), days_of(range(9)))
    assert stored(tmp_path, CROSS_SECTIONS, "date", "n_outliers") == [(day(n), 9) for n in range(1, 9)]
    said = json.loads(SAID)["dates"]
    commits = commits_since(open_table(where), None)
    assert [len(commit.ranges) for commit in commits] == [0, 1, 1, 1, 1, 1, 1]
    assert [[r.first.isoformat(), r.last.isoformat()] for r in commits[-1].ranges] == said


@pytest.mark.usefixtures("small_files")
def test_a_run_that_stops_between_two_files_has_replaced_whole_dates(tmp_path):
    write(tmp_path, CROSS_SECTIONS, dated(CROSS_SECTIONS, range(9)))
    calls = iter([None, None, None])

    def verify():
        if next(calls, "lost") == "lost":
            raise InfrastructureError("this run lost the lease")

    with pytest.raises(InfrastructureError, match="lost the lease"):
        write(tmp_path, CROSS_SECTIONS, dated(CROSS_SECTIONS, range(9), n_outliers=9), days_of(range(9)), verify=verify)
    assert stored(tmp_path, CROSS_SECTIONS, "date", "n_outliers") == [(day(n), 9 if n < 6 else 1) for n in range(9)]


@pytest.mark.usefixtures("small_files")
def test_packed_rows_of_several_files_come_in_the_order_of_their_dates(tmp_path):
    rows = dated(CROSS_SECTIONS, [0, 1, 2, 5, 4, 2])
    with pytest.raises(ValueError, match="cross_sections do not come in the order of their dates: 2024-01-03 is in two files"):
        write(tmp_path, CROSS_SECTIONS, rows, days_of(range(9)))
    write(tmp_path, CROSS_SECTIONS, rows)
    assert len(stored(tmp_path, CROSS_SECTIONS, "date")) == 6


def test_a_large_batch_is_shared_out_among_files(tmp_path, monkeypatch):
    rows = table_rows(CROSS_SECTIONS, dated(CROSS_SECTIONS, range(40)))
    monkeypatch.setattr(delta_rs, "PACKED_FILE_BYTES", rows.nbytes // 4)
    reader = pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches())
    write_rows(str(tmp_path), CROSS_SECTIONS, reader, predicate=None, commit_metadata=SAID)
    files = pa.table(open_table(str(tmp_path)).get_add_actions(flatten=True)).column("num_records").to_pylist()
    assert sum(files) == 40
    assert 4 <= len(files) <= 5


def test_rows_that_break_the_declaration_are_told_by_column_and_nothing_is_written(tmp_path):
    for table in (SPECIFIC_RETURNS, CROSS_SECTIONS):
        write(tmp_path, table, dated(table, [0]))
        name, nan = "fitted_return", float("nan")
        wrong = dated(table, [2], **{name: [1.0, nan] if table.packed else nan})
        rows = pa.Table.from_pylist(dated(table, [1]) + wrong, table.arrow_schema())
        reader = pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches(max_chunksize=1))
        with pytest.raises(
            DataError, match=f"rows of {table.name} cannot be written: {name} .* NaN .* first where date 2024-01-03"
        ):
            write_rows(f"{tmp_path}/{table.name}", table, reader, predicate=None, commit_metadata=SAID)
        assert stored(tmp_path, table, "date") == [(day(0),)]


def test_a_constraint_that_only_the_table_knows_is_told_with_its_words(tmp_path):
    rows = pa.Table.from_pylist(dated(SPECIFIC_RETURNS, [1], weight=-1.0), SPECIFIC_RETURNS.arrow_schema())
    reader = pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches())
    with pytest.raises(DataError, match=r"1 rows break a constraint \(weight_is_not_negative: weight >= 0\)"):
        write_rows(str(tmp_path), SPECIFIC_RETURNS, reader, predicate=None, commit_metadata=SAID)


def test_what_goes_wrong_with_the_rows_on_their_way_comes_out_as_it_is(tmp_path):
    def failing(table):
        yield from table_rows(table, dated(table, [1])).to_batches()
        raise MemoryError("the worker is out of memory")

    for table in (SPECIFIC_RETURNS, CROSS_SECTIONS):
        reader = pa.RecordBatchReader.from_batches(table.arrow_schema(), failing(table))
        with pytest.raises((MemoryError, OSError), match="the worker is out of memory"):
            write_rows(f"{tmp_path}/{table.name}", table, reader, predicate=None, commit_metadata=SAID)
        assert stored(tmp_path, table) == []


@pytest.mark.parametrize("table", [SPECIFIC_RETURNS, CROSS_SECTIONS], ids=["long", "packed"])
@pytest.mark.parametrize("predicate", [None, days_of([1])], ids=["append", "replace"])
@pytest.mark.parametrize("other", ["fence", "rows"])
def test_a_commit_of_another_since_the_snapshot_was_opened_is_not_written_over(tmp_path, table, predicate, other):
    where = f"{tmp_path}/{table.name}"
    write(tmp_path, table, dated(table, range(3)))

    def taken_over():
        if other == "fence":
            DeltaTable(where).alter.set_table_properties({"sigmalake.fence": "4"}, raise_if_not_exists=False)
        else:
            append(tmp_path, table, dated(table, [9]))

    calls = iter([taken_over])

    def verify():
        next(calls, int)()  # it happens once

    with pytest.raises(InfrastructureError, match=f"{table.name}: another writer committed at the same time") as caught:
        write(tmp_path, table, dated(table, [1]), predicate, verify=verify)
    assert is_conflict(caught.value.__cause__)
    assert len(stored(tmp_path, table, "date")) == 3 + (other == "rows")


def test_a_lease_that_is_lost_stops_the_write_before_anything_is_committed(tmp_path):
    def lost():
        raise InfrastructureError("lost")

    with pytest.raises(InfrastructureError, match="lost"):
        write(tmp_path, SPECIFIC_RETURNS, dated(SPECIFIC_RETURNS, [1]), verify=lost)
    assert open_table(f"{tmp_path}/specific_returns").version() == 0


def test_the_log_says_who_wrote_which_dates(tmp_path):
    version = write(tmp_path, SPECIFIC_RETURNS, dated(SPECIFIC_RETURNS, [0]))
    found = commits_since(open_table(f"{tmp_path}/specific_returns"), None)[-1]
    assert (found.version, found.run_id, found.ranges) == (version, "run", (DateRange(FIRST, FIRST),))
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


def test_files_keep_minima_of_keys_and_few_dates_a_group(tmp_path):
    write(tmp_path, CROSS_SECTIONS, dated(CROSS_SECTIONS, range(ROWS_A_GROUP + 1)))
    write(tmp_path, SPECIFIC_RETURNS, dated(SPECIFIC_RETURNS, range(3)))
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
