"""Small files of a table, written together again: the same rows, in the order of their dates, laid out as a run writes them.

A daily run adds a file of one date to each table. delta-rs has a compaction of its own. It puts the newest files first, so that the
row groups of a packed table would hold dates that are far apart, and one date could not be read without others.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from statistics import median_low
from typing import NamedTuple

import pyarrow as pa
from deltalake import DeltaTable

from sigmalake.lake.damage import explained_file
from sigmalake.lake.data_files import FILE_BYTES, DataFile, FileWriter, remove_files
from sigmalake.lake.dates import DateRange
from sigmalake.lake.delta_rs import commit_files, explained_commit
from sigmalake.lake.log import arrow_dataset, file_system, table_location
from sigmalake.tables.declaration import Table

GROUP_BYTES = FILE_BYTES * 3 // 4  # of Arrow rows, by estimate: what is written together is one file
SMALLEST = 16  # files that tell how many rows a small one has
LEAST_FILES = 4  # that are written together: maintenance adds a file to `runs` itself, and would not come to an end with 2


class StoredRows(NamedTuple):
    """A data file of a table's newest version."""

    path: str
    size: int  # bytes as stored
    rows: int
    dates: DateRange | None  # of its rows; None: the log does not say, or some row has no date


class FileGroup(NamedTuple):
    """Files that are written together."""

    files: tuple[StoredRows, ...]

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return sum(file.size for file in self.files)

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(file.rows for file in self.files)

    @property
    def last(self) -> DateRange | None:
        """The dates of the file whose dates reach furthest."""
        return max((file.dates for file in self.files if file.dates is not None), key=lambda dates: dates.last, default=None)


def groups_to_compact(table: Table, log: DeltaTable, most_times: int | None = None) -> list[FileGroup]:
    """The runs of small files that are neighbours in time; none where little would be gained.

    Files of more than `most_times` the rows that a small one has stay: the median of the smallest few. What lies on either side of
    such a file, or within its dates, is not joined across it.

    Files whose dates overlap stay together. In a table without dates, or with rows that have none, any files do. What would not fit
    into one file is left as it is, and so is a table with other columns than its declaration.
    """
    files = _stored_files(table, log)
    if len(files) < LEAST_FILES or {field.name for field in log.schema().fields} != set(table.column_names):
        return []
    most = GROUP_BYTES / max(1.0, _row_width(log, min(files, key=lambda file: file.size)))
    dated = [file for file in files if file.dates is not None]
    of_any_date = [FileGroup((file,)) for file in sorted(files, key=lambda file: (file.rows, file.path))]  # small ones first
    parts = of_any_date if len(dated) < len(files) else _overlapping(dated)
    most_of_file = most
    if most_times is not None:
        most_of_file = most_times * median_low(sorted(file.rows for file in files)[:SMALLEST])
    runs = groupby(parts, key=lambda part: all(file.rows <= most_of_file for file in part.files))
    groups = [group for is_small, run in runs if is_small or most_times is None for group in _joined(list(run), most)]
    return [group for group in groups if len(group.files) >= LEAST_FILES and group.rows <= most]


def compact(
    table: Table, log: DeltaTable, groups: Sequence[FileGroup], metadata: str, verify: Callable[[], None]
) -> list[FileGroup]:
    """Write the files of each group together, all in one commit on the snapshot that is open; the groups for which it was done.

    A group is left as it is where a row has no value in a column that is never null: it is of an older version, and the next run
    computes it.

    Args:
        table: its declaration.
        log: the table, opened at its newest version.
        groups: of this version.
        metadata: goes with the commit.
        verify: raises where the lease is lost.

    Raises:
        InfrastructureError: another writer committed since the snapshot was opened, or the disk is full.
    """
    done, written = list[FileGroup](), list[DataFile]()
    with explained_commit(table):
        try:
            for group in groups:
                rows = pa.concat_tables(_read(log, [file.path for file in group.files]))
                if not any(rows.column(column.name).null_count for column in table.columns if not column.nullable):
                    written += _write(table, log, rows, group)
                    done.append(group)
            verify()
            if done:
                commit_files(log, written, [file.path for group in done for file in group.files], metadata, data_change=False)
        except BaseException:
            remove_files(file_system(table_location(log)), [file.path for file in written])
            raise
    return done


def _write(table: Table, log: DeltaTable, rows: pa.Table, group: FileGroup) -> list[DataFile]:
    """The rows as files, in the order of their dates and within a date as they lay; without dates in the order of their key."""
    order = [table.date] if all(file.dates is not None for file in group.files) else list(table.key)
    writer = FileWriter(table_location(log), table)
    try:
        writer.keep(rows.sort_by([(str(name), "ascending") for name in order]))
        return writer.close().files
    except BaseException:
        writer.remove()
        raise


def _read(log: DeltaTable, paths: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of some files, file by file as they are named."""
    dataset = arrow_dataset(log)
    fragments = {fragment.path: fragment for fragment in dataset.get_fragments()}
    for path in paths:
        with explained_file(fragments[path]):
            yield fragments[path].to_table(schema=dataset.schema)


def _row_width(log: DeltaTable, file: StoredRows) -> float:
    """Bytes of Arrow that a row takes, by the rows of a file."""
    (rows,) = _read(log, [file.path])
    return float(rows.nbytes / max(1, rows.num_rows))


def _stored_files(table: Table, log: DeltaTable) -> list[StoredRows]:
    """The files of the newest version; none where the log does not say how many rows each has."""
    files = pa.table(log.get_add_actions(flatten=True))
    paths, sizes, counts = (files.column(name).to_pylist() for name in ("path", "size_bytes", "num_records"))
    if any(count is None for count in counts):
        return []
    told = [f"{what}.{table.date}" for what in ("min", "max", "null_count")]
    if table.date is None or any(name not in files.column_names for name in told):
        return [StoredRows(*file, None) for file in zip(paths, sizes, counts, strict=True)]
    spans = zip(*(files.column(name).to_pylist() for name in told), strict=True)
    dates = [None if first is None or nulls != 0 else DateRange(first, last) for first, last, nulls in spans]
    return [StoredRows(*file) for file in zip(paths, sizes, counts, dates, strict=True)]


def _overlapping(files: Sequence[StoredRows]) -> list[FileGroup]:
    """Files whose dates overlap, together; in the order of their dates."""
    groups: list[FileGroup] = []
    for file in sorted(files, key=lambda file: (file.dates, file.path)):
        last = groups[-1].last if groups else None
        if last is not None and file.dates is not None and file.dates.first <= last.last:
            groups[-1] = FileGroup((*groups[-1].files, file))
        else:
            groups.append(FileGroup((file,)))
    return groups


def _joined(groups: Sequence[FileGroup], most: float) -> list[FileGroup]:
    """Neighbours together, up to so many rows."""
    found: list[FileGroup] = []
    for group in groups:
        if found and found[-1].rows + group.rows <= most:
            found[-1] = FileGroup((*found[-1].files, *group.files))
        else:
            found.append(group)
    return found
