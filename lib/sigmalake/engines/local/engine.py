"""This machine as an engine: rows are pieces of Arrow, tasks run in this process or in one a core."""

from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa

from sigmalake.engines.engine import NEWEST, NONE_GIVEN
from sigmalake.engines.local.pieces import Held, Mapped, Part, Piece
from sigmalake.engines.local.rows import LocalRows, LocalStorage
from sigmalake.lake.dates import DateRange
from sigmalake.lake.row_filter import RowFilter, of_dates
from sigmalake.tables.declaration import Table
from sigmalake.tasks.contract import Input, MapTask, PartTask


class LocalEngine:
    """The operations of an engine, on the cores of this machine."""

    def __init__(self, storage: LocalStorage) -> None:
        self._storage = storage

    @property
    def name(self) -> str:
        """As `Engine`."""
        return "local"

    @property
    def storage(self) -> LocalStorage:
        """As `Engine`."""
        return self._storage

    def map_rows(self, task: MapTask, rows: RowFilter) -> LocalRows:
        """As `Engine`: a piece for some row groups of the table."""
        stored = self._stored(task.input, rows)
        return LocalRows(task.into.arrow_schema(), [Mapped(piece, task) for piece in stored.pieces])

    def unpack(self, task: MapTask, rows: RowFilter) -> LocalRows:
        """As `Engine`: the same, since no piece minds how many rows come of it."""
        return self.map_rows(task, rows)

    def map_parts(
        self, task: PartTask, given: Mapping[str, LocalRows] = NONE_GIVEN, *, versions: Mapping[str, int] = NEWEST
    ) -> LocalRows:
        """As `Engine`: each part reads its own rows, so that no more than the parts at work are in memory."""
        dates = [task.dates(part) for part in range(task.n_parts)]
        rows = {}
        for role, read in task.inputs.items():
            known = sorted({day for of_part in dates for day in of_part[role]})
            every = of_dates(read.dated, [DateRange(known[0], known[-1])] if known else [])
            stored = given.get(role) if read.table is None or role in given else None
            rows[role] = stored or self._stored(read, every, None if read.table is None else versions.get(read.table.name))
        schemas = {role: found.schema for role, found in rows.items()}
        parts = [
            Part(
                number, {role: _of_part(rows[role], read, dates[number][role]) for role, read in task.inputs.items()}, schemas, task
            )
            for number in range(task.n_parts)
        ]
        return LocalRows(task.into.arrow_schema(), parts)

    def driver_rows(self, rows: pa.Table) -> LocalRows:
        """As `Engine`."""
        return LocalRows(rows.schema, [Held(rows)])

    def no_rows(self, table: Table) -> LocalRows:
        """As `Engine`."""
        return LocalRows(table.arrow_schema(), [])

    def union(self, rows: Sequence[LocalRows]) -> LocalRows:
        """As `Engine`."""
        return LocalRows(rows[0].schema, [piece for given in rows for piece in given.pieces])

    def collect(self, rows: LocalRows) -> pa.Table:
        """As `Engine`."""
        return pa.concat_tables([rows.schema.empty_table(), *rows.read(self._storage.workers)])

    def expect_width(self, row_bytes: int) -> None:
        """As `Engine`: a piece is a row group, whatever its rows."""

    def _stored(self, read: Input, rows: RowFilter, version: int | None = None) -> LocalRows:
        if read.table is None:
            raise ValueError("rows of a source are no stored rows")
        declared = read.table.arrow_schema()
        schema = pa.schema([declared.field(column) for column in read.columns])
        if not self._storage.exists(read.table):
            return LocalRows(schema, [])
        return LocalRows(schema, self._storage.pieces(read.table, schema, rows, version))


def _of_part(rows: LocalRows, read: Input, days: Sequence[date]) -> list[Piece]:
    if not days:
        return []
    return rows.until(read.dated, max(days)) if read.until else rows.within(read.dated, days)
