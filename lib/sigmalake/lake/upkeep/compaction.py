"""Small files of a table, written together again: the same rows, in the order of their dates, laid out as a run writes them.

A daily run adds a file of one date to each table. delta-rs has a compaction of its own. It puts the newest files first, so that the
row groups of a packed table would hold dates that are far apart, and one date could not be read without others.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from sigmalake.lake.dates import DateRange, within
from sigmalake.lake.delta_rs import commit_rows, explained_commit
from sigmalake.lake.log import arrow_dataset
from sigmalake.tables.declaration import Table

GROUP_BYTES = 12 << 20  # as stored: what is written together is one file, which stays below `LONG_FILE_BYTES`
LEAST_FILES = 4  # that are written together: maintenance adds a file to `runs` itself, and would not come to an end with 2


class FileSpan(NamedTuple):
    """A data file, and the dates of its rows."""

    size: int  # bytes
    dates: DateRange | None  # None: the log does not say, or some row has no date


class FileGroup(NamedTuple):
    """Files that are written together."""

    n_files: int
    size: int  # bytes
    dates: DateRange | None  # None: the whole table

    def sql(self, table: Table) -> str:
        """The rows of the group."""
        return "true" if self.dates is None else within(str(table.date), [self.dates])


def groups_to_compact(table: Table, log: DeltaTable) -> list[FileGroup]:
    """The runs of small files that are neighbours in time; none where little would be gained.

    Files whose dates overlap stay together. A table without dates, or with rows that have none, is one group. What is larger than
    one file should be is left as it is.
    """
    spans = _file_spans(table, log)
    dated = [(span.dates, span.size) for span in spans if span.dates is not None]
    whole = FileGroup(len(spans), sum(span.size for span in spans), None)
    groups = [whole] if len(dated) < len(spans) else _joined(_overlapping(dated))
    return [group for group in groups if group.n_files >= LEAST_FILES and group.size <= GROUP_BYTES]


def compact(table: Table, log: DeltaTable, group: FileGroup, metadata: str, verify: Callable[[], None]) -> None:
    """Write the files of a group together in one commit, on the snapshot that is open; all columns that are stored are kept.

    Args:
        table: its declaration.
        log: the table, opened at its newest version.
        group: of this version.
        metadata: goes with the commit.
        verify: raises where the lease is lost.

    Raises:
        InfrastructureError: another writer committed since the snapshot was opened, or the disk is full.
    """
    dataset = arrow_dataset(log)
    with explained_commit(table):
        rows = _rows(table, dataset, group)
        verify()
        commit_rows(log, table, dataset.schema, iter(rows), group.sql(table), metadata)


def _rows(table: Table, dataset: ds.FileSystemDataset, group: FileGroup) -> list[pa.RecordBatch]:
    """The rows in the order of their dates, and within a date as they lay; in one batch, which delta-rs does not shuffle."""
    day = ds.field(str(table.date))
    some = None if group.dates is None else (day >= pa.scalar(group.dates.first)) & (day <= pa.scalar(group.dates.last))
    order = [table.date] if table.date is not None and group.dates is not None else list(table.key)
    rows = dataset.to_table(filter=some).sort_by([(name, "ascending") for name in order])
    return [pa.concat_batches(batches)] if (batches := rows.combine_chunks().to_batches()) else []


def _file_spans(table: Table, log: DeltaTable) -> list[FileSpan]:
    files = pa.table(log.get_add_actions(flatten=True))
    sizes: list[int] = files.column("size_bytes").to_pylist()
    kept = [f"{what}.{table.date}" for what in ("min", "max", "null_count")]
    if table.date is None or any(name not in files.column_names for name in kept):
        return [FileSpan(size, None) for size in sizes]
    found = zip(sizes, *(files.column(name).to_pylist() for name in kept), strict=True)
    return [FileSpan(size, None if first is None or nulls != 0 else DateRange(first, last)) for size, first, last, nulls in found]


def _overlapping(files: Sequence[tuple[DateRange, int]]) -> list[FileGroup]:
    """Files whose dates overlap, together; in the order of their dates."""
    groups: list[FileGroup] = []
    for dates, size in sorted(files):
        last = groups[-1].dates if groups else None
        if last is not None and dates.first <= last.last:
            before = groups.pop()
            together = DateRange(last.first, max(last.last, dates.last))
            groups.append(FileGroup(before.n_files + 1, before.size + size, together))
        else:
            groups.append(FileGroup(1, size, dates))
    return groups


def _joined(groups: Sequence[FileGroup]) -> list[FileGroup]:
    """Neighbours together, as far as they are one file's worth."""
    found: list[FileGroup] = []
    for group in groups:
        before = found[-1] if found else None
        if before is not None and before.dates and group.dates and before.size + group.size <= GROUP_BYTES:
            dates = DateRange(before.dates.first, group.dates.last)
            found[-1] = FileGroup(before.n_files + group.n_files, before.size + group.size, dates)
        else:
            found.append(group)
    return found
