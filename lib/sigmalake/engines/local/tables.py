"""The tables of a lake as this machine writes them: in a folder or behind a URI, by delta-rs."""

import os
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import pyarrow as pa
from deltalake import DeltaTable

from sigmalake.config.stores.opening import delta_options
from sigmalake.engines.local.pieces import StoredGroups
from sigmalake.engines.local.rows import LocalRows
from sigmalake.engines.local.written import touched, write_files
from sigmalake.lake.creation import prepare_table
from sigmalake.lake.damage import explained_file
from sigmalake.lake.delta_rs import commit_files, explained_commit, write_rows
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.log import arrow_dataset
from sigmalake.lake.progress import Progress
from sigmalake.lake.row_filter import RowFilter, SqlFilter
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.checksums.contents import Contents, contents_of
from sigmalake.tables.declaration import Table

PIECE_BYTES = 8 << 20  # as stored, of a piece of several row groups: with fewer, opening the file is most of the work


class LocalTables(FolderTables):
    """Tables in a folder or behind a URI."""

    def __init__(self, root: str, workers: int | None = None) -> None:
        """Open the tables of a lake.

        Args:
            root: folder or URI.
            workers: processes that compute rows at the most; None: one a core.
        """
        super().__init__(root)
        self._prepared: set[str] = set()
        self.progress = Progress()
        self.workers = workers or len(os.sched_getaffinity(0))

    def create(self, table: Table) -> None:
        """As `Storage`; a table that is there is compared with its declaration once."""
        if table.name not in self._prepared or not self.exists(table):
            prepare_table(self.location(table), table)
            self._prepared.add(table.name)

    def pieces(self, table: Table, schema: pa.Schema, rows: RowFilter | None, version: int | None) -> Sequence[StoredGroups]:
        """As `LocalStorage`."""
        return stored_pieces(self, table, schema, rows, version)

    def write(self, table: Table, rows: LocalRows, *, replaced: RowFilter | SqlFilter | None, metadata: str) -> Contents | None:
        """As `Storage`, in one commit: files are written by the processes that compute their rows.

        Files that hold replaced rows go, and what else they hold is written again beside the new rows. Rows of the model's tables
        are counted.
        """
        location = self.location(table)
        if isinstance(replaced, SqlFilter):
            some = pa.concat_tables([rows.schema.empty_table(), *rows.read(self.workers)])
            write_rows(location, table, some, predicate=replaced.sql(), commit_metadata=metadata)
            return contents_of(table, some) if table in MODEL_TABLES else None
        with explained_commit(table):
            self.create(table)
            log = self.log(table)
            gone, kept = ([], []) if replaced is None else touched(log, table, replaced)
            written = write_files(location, table, rows, self.workers, replaced, kept, self.progress)
            commit_files(log, written.files, gone, metadata)
        return written.contents if table in MODEL_TABLES else None

    def set_property(self, table: Table, name: str, value: str) -> None:
        """As `Storage`; also of a table of an older format, which is fenced off before it is upgraded."""
        log = DeltaTable(self.location(table), storage_options=delta_options(self.location(table)))
        log.alter.set_table_properties({name: value}, raise_if_not_exists=False)


def stored_pieces(
    tables: FolderTables, table: Table, schema: pa.Schema, rows: RowFilter | None, version: int | None
) -> list[StoredGroups]:
    """Stored rows of a table in a folder, in the columns of a schema, by runs of row groups."""
    log = tables.log(table, version)
    dataset, where = arrow_dataset(log), None if rows is None else rows.expression()
    sizes, wanted = _file_sizes(log), () if rows is None else (rows,)
    found = []
    for fragment in dataset.get_fragments(filter=where):
        with explained_file(fragment):
            n_bytes = sizes.get(PurePosixPath(fragment.path).name, 0) // max(1, len(fragment.row_groups))
            kept = fragment if where is None else fragment.subset(filter=where, schema=dataset.schema)
            groups = [group.id for group in kept.row_groups]
        found += [
            StoredGroups(fragment.subset(row_group_ids=some), dataset.schema, schema, wanted, n_bytes * len(some), table)
            for some in _runs(groups, max(1, PIECE_BYTES // max(1, n_bytes)))
        ]
    return found


def _file_sizes(log: DeltaTable) -> dict[str, int]:
    files = pa.table(log.get_add_actions(flatten=True)).select(["path", "size_bytes"]).to_pylist()
    return {PurePosixPath(file["path"]).name: file["size_bytes"] for file in files}


def _runs(groups: list[int], size: int) -> Iterator[list[int]]:
    for first in range(0, len(groups), size):
        yield groups[first : first + size]
