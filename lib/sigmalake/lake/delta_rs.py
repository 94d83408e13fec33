"""Commits by delta-rs: files that were written for a table, or a few rows, on the snapshot that was opened."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.transaction import AddAction, RemoveAction

from sigmalake.errors import DataError, InfrastructureError, is_conflict, telling_line
from sigmalake.lake.creation import create_table, steps_to_declaration, take
from sigmalake.lake.data_files import LONG_ROWS_A_GROUP, ROWS_A_GROUP, DataFile
from sigmalake.tables.checks import check_rows
from sigmalake.tables.declaration import Table

_KEY = ColumnProperties(dictionary_enabled=True, statistics_enabled="CHUNK")
_REPEATING = ColumnProperties(dictionary_enabled=True, statistics_enabled="NONE")
_MEASURED = ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")


def open_to_write(location: str, table: Table) -> DeltaTable:
    """The table at a location as its declaration has it: created where there is none, brought up to date where it is older."""
    log = create_table(location, table)
    for step in steps_to_declaration(table, log):
        take(log, step)
    return log


def commit_files(
    log: DeltaTable, added: Sequence[DataFile], removed: Sequence[str], commit_metadata: str, *, data_change: bool = True
) -> None:
    """Name new files in the place of others, in one commit on the snapshot that is open.

    Args:
        log: the table.
        added: files in its folder.
        removed: paths of those that go.
        commit_metadata: goes into the commit as `userMetadata`.
        data_change: whether the rows are others than before.

    Raises:
        DeltaError: another writer committed since the snapshot was opened.
    """
    now = int(time.time() * 1e3)
    actions = [AddAction(file.path, file.size, {}, now, data_change, file.stats) for file in added]
    gone = [RemoveAction(path, data_change, now) for path in removed]
    log.create_write_transaction([*actions, *gone], "append", log.schema(), commit_properties=_properties(commit_metadata))


def write_rows(location: str, table: Table, rows: pa.Table, *, predicate: str | None, commit_metadata: str) -> int:
    """Add a few rows to a table, or put them in the place of those for which SQL holds; gives the version that holds them.

    The table is created, or brought to its declaration, where it is not.

    Args:
        location: folder or URI of the table.
        table: its declaration.
        rows: all declared columns.
        predicate: SQL of the rows that go; one that does not hold for a new row is an error. None: rows are added.
        commit_metadata: goes into the commit as `userMetadata`.

    Raises:
        DataError: rows break the declaration.
        InfrastructureError: another writer committed since the snapshot was opened, or the disk is full.
    """
    with explained_commit(table):
        log = open_to_write(location, table)
        check_rows(table, rows)
        declared = rows.select(table.column_names).cast(table.arrow_schema())
        layout, said = writer_properties(table), _properties(commit_metadata)
        if predicate is None:
            write_deltalake(log, declared, mode="append", writer_properties=layout, commit_properties=said)
        else:
            write_deltalake(log, declared, mode="overwrite", predicate=predicate, writer_properties=layout, commit_properties=said)
        return int(log.version())


def writer_properties(table: Table) -> WriterProperties:
    """How delta-rs lays columns into Parquet files: few rows a group where rows are wide, minima of keys, no dictionary of measured
    numbers.

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
    """Turn the failure of a write into what its reader can act on."""
    try:
        yield
    except Exception as error:  # delta-rs, Arrow and the file system have each their own
        if is_conflict(error):
            raise InfrastructureError(f"{table.name}: another writer committed at the same time; run again") from error
        if "No space left" in str(error):
            raise InfrastructureError(f"{table.name}: no space left on the disk; free some and run again") from error
        if "failed validation check" in str(error):
            n_rows = re.search(r"(\d+) rows failed", str(error))
            raise DataError(
                f"{table.name}: {n_rows[1] if n_rows else 'some'} rows are none of those that this write replaces: "
                f"{telling_line(error)}"
            ) from error
        raise


def _properties(commit_metadata: str) -> CommitProperties:
    return CommitProperties(custom_metadata={"userMetadata": commit_metadata}, max_commit_retries=0)
