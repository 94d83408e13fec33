"""Files of a Delta table: written as its declaration wants them, by any process that has rows, and named by a commit later."""

import json
import uuid
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from sigmalake.errors import DataError
from sigmalake.lake.log import file_system
from sigmalake.lake.row_filter import RowFilter
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.checks import check_rows
from sigmalake.tables.checksums.contents import Contents, contents_of, together
from sigmalake.tables.declaration import Table

ROWS_A_GROUP = 16  # dates in a row group of a packed table: one date is read without the rest
LONG_ROWS_A_GROUP = 1 << 17
FILE_BYTES = 32 << 20  # of Arrow rows in a file: a date is replaced with this much around it


class DataFile(NamedTuple):
    """A file that no commit has named yet."""

    path: str  # below the table's folder
    size: int
    stats: str  # as the log keeps them: JSON of the number of rows, and of the keys' minima, maxima and nulls


class Filed(NamedTuple):
    """Rows of one table as files."""

    files: list[DataFile]
    contents: Contents  # of the rows that are new, where those of the table are counted


class FileWriter:
    """Rows of one table as files, a file whenever enough of them have come."""

    def __init__(self, location: str, table: Table, replaced: RowFilter | None = None) -> None:
        """Write no file yet.

        Args:
            location: folder or URI of the table.
            table: its declaration.
            replaced: what every row has to be one of; None: of no rows in particular.
        """
        self._table, self._replaced = table, replaced
        self._folder = file_system(location)
        self._schema = table.arrow_schema()
        self._held: list[pa.Table] = []
        self._size = 0.0  # bytes of them
        self._files: list[DataFile] = []
        self._counted: list[Contents] = []

    def add(self, rows: pa.Table) -> None:
        """Take rows, in the declared columns.

        Raises:
            DataError: some break the declaration, or are none of those that are replaced.
        """
        check_rows(self._table, rows)
        self._check_replaced(rows)
        if self._table in MODEL_TABLES:
            self._counted.append(contents_of(self._table, rows))
        self.keep(rows)

    def keep(self, rows: pa.Table) -> None:
        """Take rows that the table holds already."""
        width = max(1.0, rows.nbytes / max(1, rows.num_rows))
        start = 0
        while start < rows.num_rows:
            fitting = int((FILE_BYTES - self._size) / width)
            if fitting < 1 and self._held:
                self._write()
                continue
            some = rows.slice(start, max(1, fitting)).select(self._schema.names)
            self._held.append(some)
            self._size += some.num_rows * width
            start += some.num_rows

    def close(self) -> Filed:
        """Write what is left; all files."""
        if self._held:
            self._write()
        return Filed(self._files, together(self._counted))

    def remove(self) -> None:
        """Remove the files: no commit will name them."""
        remove_files(self._folder, [file.path for file in self._files])
        self._files = []

    def _write(self) -> None:
        rows = pa.concat_tables(self._held).cast(self._schema)
        self._held, self._size = [], 0.0
        path = f"part-{uuid.uuid4()}.snappy.parquet"
        try:
            pq.write_table(
                rows,
                path,
                filesystem=self._folder,
                row_group_size=ROWS_A_GROUP if self._table.packed else LONG_ROWS_A_GROUP,
                compression="snappy",
                use_dictionary=_repeating(self._table),
                write_statistics=self._table.key_for_skipping(),
                store_schema=False,
                write_page_checksum=True,
            )
        except BaseException:
            remove_files(self._folder, [path])
            raise
        self._files.append(DataFile(path, self._folder.get_file_info(path).size, _stats(self._table, rows)))

    def _check_replaced(self, rows: pa.Table) -> None:
        if self._replaced is None:
            return
        keys = rows.select([name for name in (self._replaced.column, "variant") if name in rows.column_names])
        if n_beyond := keys.num_rows - keys.filter(self._replaced.expression()).num_rows:
            raise DataError(f"{self._table.name}: {n_beyond} rows are none of those that this write replaces")


def remove_files(folder: fs.FileSystem, paths: list[str]) -> None:
    """Remove files that no commit names, those that are there."""
    for path in paths:
        if folder.get_file_info(path).type is not fs.FileType.NotFound:
            folder.delete_file(path)


def _repeating(table: Table) -> list[str]:
    """The Parquet paths of the columns for which a dictionary pays: none of a packed table, but numbers of a long one."""
    if table.packed:
        return []
    measured = set(table.measured_paths)
    return [column.name for column in table.columns if column.name not in measured]


def _stats(table: Table, rows: pa.Table) -> str:
    """What the log says of a file."""
    least: dict[str, object] = {}
    most: dict[str, object] = {}
    keys = [name for name in table.key_for_skipping() if rows.schema.field(name).type in _SAID]
    for name in keys:
        found = pc.min_max(rows.column(name))
        if found["min"].is_valid:
            say = _SAID[rows.schema.field(name).type]
            least[name], most[name] = say(found["min"].as_py()), say(found["max"].as_py())
    nulls = {name: rows.column(name).null_count for name in keys}
    return json.dumps({"numRecords": rows.num_rows, "minValues": least, "maxValues": most, "nullCount": nulls})


def _plain(value: object) -> object:
    return value


_SAID: dict[pa.DataType, Callable[..., object]] = {
    pa.date32(): date.isoformat,
    pa.string(): _plain,
    pa.int32(): _plain,
    pa.int64(): _plain,
}
