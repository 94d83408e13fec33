"""Rows written by delta-rs: streamed into files, checked, and committed on the snapshot that was opened."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties, write_deltalake

from sigmalake.errors import DataError, InfrastructureError, is_conflict, telling_line
from sigmalake.lake.creation import create_table, steps_to_declaration, take
from sigmalake.tables.checks import check_rows
from sigmalake.tables.declaration import Table

ROWS_A_GROUP = 16  # dates in a row group of a packed table: one date is read without the rest
LONG_ROWS_A_GROUP = 1 << 17
PACKED_FILE_BYTES = 32 << 20  # of Arrow rows in a file of a packed table: a date is replaced with this much around it
LONG_FILE_BYTES = 16 << 20  # as written: the same, and a date of 3,000 assets takes a fifth of a second

_KEY = ColumnProperties(dictionary_enabled=True, statistics_enabled="CHUNK")
_REPEATING = ColumnProperties(dictionary_enabled=True, statistics_enabled="NONE")
_MEASURED = ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")


def write_rows(
    location: str,
    table: Table,
    rows: Iterable[pa.RecordBatch],
    *,
    predicate: str | None,
    commit_metadata: str,
    verify: Callable[[], None] = lambda: None,
) -> int:
    """Add rows to a table, or put them in the place of those for which SQL holds; gives the version that holds them.

    The table is created, or brought to its declaration, where it is not. The rows of a long table are one commit. delta-rs gathers
    thousands of rows before it writes them, which is more than memory holds of a packed table: its rows are a commit for each
    file, in each of which a run of dates is replaced whole. A run that is cut off between two has fewer dates done.

    Args:
        location: folder or URI of the table.
        table: its declaration.
        rows: all declared columns; of a packed table in the order of their dates where they are more than `PACKED_FILE_BYTES`.
        predicate: SQL of the rows that go; one that does not hold for a new row is an error. None: rows are added.
        commit_metadata: goes into every commit as `userMetadata`.
        verify: raises where the lease is lost; called once the snapshot is open, on which all is committed or nothing.

    Raises:
        DataError: rows break the declaration.
        InfrastructureError: another writer committed since the snapshot was opened, or the disk is full.
    """
    with explained_commit(table):
        log = create_table(location, table)
        verify()
        for step in steps_to_declaration(table, log):
            take(log, step)
        checked = _checked(table, rows)
        if not table.packed:
            commit_rows(log, table, table.arrow_schema(), checked, predicate, commit_metadata)
            return int(log.version())
        for part, replaced in _parts(table, _files(checked), predicate):
            verify()
            commit_rows(log, table, table.arrow_schema(), iter([part]), replaced, commit_metadata)
        return int(log.version())


def writer_properties(table: Table) -> WriterProperties:
    """How columns lie in Parquet files: few rows a group where rows are wide, minima of keys, no dictionary of measured numbers.

    Arrays cannot be named to delta-rs (1.6) one by one, and follow the default: none of a packed table has a dictionary.
    """
    measured = [path for path in table.measured_paths if "." not in path]
    named = dict.fromkeys(measured, _MEASURED) | dict.fromkeys(table.key_for_skipping(), _KEY)
    return WriterProperties(
        compression="SNAPPY",
        max_row_group_size=ROWS_A_GROUP if table.packed else LONG_ROWS_A_GROUP,
        default_column_properties=_MEASURED if table.packed else _REPEATING,
        column_properties=named,
    )


@contextmanager
def explained_commit(table: Table) -> Iterator[None]:
    """Turn delta-rs' failure of a write into what its reader can act on."""
    try:
        yield
    except Exception as error:  # delta-rs, Arrow and the file system have each their own
        if is_conflict(error):
            raise InfrastructureError(f"{table.name}: another writer committed at the same time; run again") from error
        if "No space left" in str(error):
            raise InfrastructureError(f"{table.name}: no space left on the disk; free some and run again") from error
        if "failed validation check" in str(error):
            n_rows = re.search(r"(\d+) rows failed", str(error))
            rules = "; ".join(f"{check.name}: {check.sql}" for check in table.checks if check.column is None)
            raise DataError(
                f"{table.name}: {n_rows[1] if n_rows else 'some'} rows break a constraint ({rules}), or are none of those that "
                f"this write replaces: {telling_line(error)}"
            ) from error
        raise


def _checked(table: Table, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows as they pass, each batch compared with the declaration, its columns in the declared order."""
    schema = table.arrow_schema()
    for batch in rows:
        check_rows(table, batch)
        yield pa.RecordBatch.from_arrays(batch.select(schema.names).columns, schema=schema)


def _files(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows, each batch as much as a file holds: several batches delta-rs would shuffle between its threads."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        rows_a_file = max(1, PACKED_FILE_BYTES * batch.num_rows // max(1, batch.nbytes))
        for start in range(0, batch.num_rows, rows_a_file):
            piece = batch.slice(start, rows_a_file)
            if held and size + piece.nbytes > PACKED_FILE_BYTES:
                yield pa.concat_batches(held)
                held, size = [], 0
            held.append(piece)
            size += piece.nbytes
    if held:
        yield pa.concat_batches(held)


def _parts(table: Table, files: Iterator[pa.RecordBatch], predicate: str | None) -> Iterator[tuple[pa.RecordBatch, str | None]]:
    """The rows of each commit, with the SQL of those that go: what is to be replaced is shared out among the commits by date."""
    if predicate is None:
        yield from ((rows, None) for rows in files)
        return
    after, rows = None, next(files, pa.RecordBatch.from_pylist([], table.arrow_schema()))
    for following in files:
        until = pc.max(rows.column(table.date)).as_py()
        if pc.min(following.column(table.date)).as_py() <= until:
            raise ValueError(f"rows of {table.name} do not come in the order of their dates: {until} is in two files")
        yield rows, _between(table, predicate, after, until)
        after, rows = until, following
    yield rows, _between(table, predicate, after, None)


def _between(table: Table, predicate: str, after: date | None, until: date | None) -> str:
    clauses = [f"({predicate})"]
    clauses += [f"{table.date} > DATE'{after}'"] if after is not None else []
    clauses += [f"{table.date} <= DATE'{until}'"] if until is not None else []
    return " AND ".join(clauses)


def commit_rows(
    log: DeltaTable, table: Table, schema: pa.Schema, batches: Iterator[pa.RecordBatch], predicate: str | None, commit_metadata: str
) -> None:
    """One commit on the snapshot that is open, which then is the one that it made; see `write_rows`."""
    failures: list[Exception] = []
    reader = pa.RecordBatchReader.from_batches(schema, _remembering(batches, failures))
    properties = CommitProperties(custom_metadata={"userMetadata": commit_metadata}, max_commit_retries=0)
    size = None if table.packed else LONG_FILE_BYTES
    try:
        if predicate is None:
            write_deltalake(
                log,
                reader,
                mode="append",
                target_file_size=size,
                writer_properties=writer_properties(table),
                commit_properties=properties,
            )
        else:
            write_deltalake(
                log, reader, mode="overwrite", predicate=predicate, target_file_size=size,
                writer_properties=writer_properties(table), commit_properties=properties,
            )  # fmt: skip
    except Exception:
        if failures:
            raise failures[0] from None
        raise


def _remembering(batches: Iterator[pa.RecordBatch], failures: list[Exception]) -> Iterator[pa.RecordBatch]:
    """The batches; what goes wrong in making them is kept, since delta-rs passes on its text alone."""
    try:
        yield from batches
    except Exception as error:
        failures.append(error)
        raise
