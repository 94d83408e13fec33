"""The files of a table against its log: which are lost, and what the rows of those say that two versions do not share."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable
from pyarrow import fs

from sigmalake.lake.damage import explained_file
from sigmalake.lake.dates import DateRange
from sigmalake.lake.log import Commit, Identity, arrow_dataset, file_system, table_location
from sigmalake.tables.checksums.contents import Contents, contents_of, together
from sigmalake.tables.declaration import Table

EVERY_DATE = DateRange(date.min, date.max)
ROWS_AT_ONCE = 1 << 17  # of a long table: so many rows are in memory
PACKED_ROWS_AT_ONCE = 16


class LostFile(NamedTuple):
    """A file of the newest version that is not there as the log says."""

    path: str
    found: int | None  # bytes; None: it is not there
    size: int  # bytes, by the log
    dates: DateRange  # that it has rows of; every date where the log does not say

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.path} is missing" if self.found is None else f"{self.path} has {self.found:,} bytes, {self.size:,} written"


class TableState(NamedTuple):
    """A table as its log and its files have it."""

    identity: Identity
    commits: list[Commit]  # since it was seen, oldest first
    lost: list[LostFile]  # files of the newest version that are not there as the log says
    lacks: tuple[str, ...] = ()  # columns without which it is none of ours


def lost_files(log: DeltaTable, table: Table) -> list[LostFile]:
    """The files that the log lists and the folder does not have, or not as long: a listing, no reading."""
    files, there = pa.table(log.get_add_actions(flatten=True)), _sizes(log)
    names, sizes = files.column("path").to_pylist(), files.column("size_bytes").to_pylist()
    wrong = [number for number, name in enumerate(names) if there.get(unquote(name)) != sizes[number]]
    return [LostFile(names[n], there.get(unquote(names[n])), sizes[n], _dates_of(files, n, table.date)) for n in wrong]


def _dates_of(files: pa.Table, number: int, dated: str | None) -> DateRange:
    """The dates of a file by the log's statistics."""
    kept = [f"{what}.{dated}" for what in ("min", "max")]
    if not set(kept) <= set(files.column_names):
        return EVERY_DATE
    first, last = (files.column(name)[number].as_py() for name in kept)
    return EVERY_DATE if first is None or last is None else DateRange(first, last)


def n_rows(log: DeltaTable) -> int | None:
    """The rows of a version by the statistics of its files; None where they do not say."""
    counts = pa.table(log.get_add_actions(flatten=True)).column("num_records").to_pylist()
    return None if None in counts else sum(counts)


def paths(log: DeltaTable) -> set[str]:
    """The files of a version."""
    return set(pa.table(log.get_add_actions(flatten=True)).column("path").to_pylist())


def contents_of_files(log: DeltaTable, table: Table, only: set[str]) -> Contents:
    """Counts and checksums by date of the rows of some files of a version.

    Raises:
        InfrastructureError: a file is missing or damaged.
    """
    found = []
    dataset = arrow_dataset(log)
    names = [name for name in table.column_names if name in dataset.schema.names]
    for fragment in dataset.get_fragments():
        if fragment.path in only or unquote(fragment.path) in only:
            found += [contents_of(table, batch) for batch in _batches(fragment, dataset.schema, names, packed=table.packed)]
    return together(found)


def same_rows(older: DeltaTable, newer: DeltaTable, table: Table) -> bool:
    """Whether two versions have the same rows, by those of the files that they do not share."""
    before, after = paths(older), paths(newer)
    return contents_of_files(older, table, before - after) == contents_of_files(newer, table, after - before)


def restore(log: DeltaTable, version: int, commit_metadata: str) -> None:
    """Put the rows of an earlier version back, in one commit that adds and removes files and writes none."""
    log.restore(version, commit_properties=_committed(commit_metadata))


def forget_lost_files(log: DeltaTable, lost: Sequence[LostFile], commit_metadata: str) -> None:
    """Take the lost files out of the newest version; of what is left of a damaged one, the name gets an underscore in front."""
    folder = Path(table_location(log))
    for file in lost:
        if file.found is not None:
            path = folder / unquote(file.path)
            path.rename(path.with_name(f"_damaged-{path.name}"))
    log.repair(commit_properties=_committed(commit_metadata))


def set_property(log: DeltaTable, name: str, value: str, commit_metadata: str | None = None) -> None:
    """Change a property of a table."""
    given = None if commit_metadata is None else _committed(commit_metadata)
    log.alter.set_table_properties({name: value}, raise_if_not_exists=False, commit_properties=given)


def _committed(commit_metadata: str) -> CommitProperties:
    return CommitProperties(custom_metadata={"userMetadata": commit_metadata}, max_commit_retries=0)


def _sizes(log: DeltaTable) -> dict[str, int]:
    """Bytes of the files of a table's folder, by path."""
    listed = file_system(table_location(log)).get_file_info(fs.FileSelector("", recursive=False))
    return {info.base_name: info.size for info in listed if info.type == fs.FileType.File}


def _batches(file: ds.ParquetFileFragment, schema: pa.Schema, columns: list[str], *, packed: bool) -> Iterator[pa.RecordBatch]:
    with explained_file(file):
        yield from file.to_batches(
            schema=schema, columns=columns, batch_size=PACKED_ROWS_AT_ONCE if packed else ROWS_AT_ONCE, batch_readahead=1
        )
