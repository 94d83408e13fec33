"""This machine as an engine: rows are pieces of Arrow, tasks run in this process or in one a core."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from sigmalake.engines.engine import Input, MapTask, PartTask
from sigmalake.engines.local.pieces import Held, Mapped, Part
from sigmalake.engines.local.rows import LocalRows, LocalStorage
from sigmalake.lake.row_filter import RowFilter
from sigmalake.tables.declaration import Table


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

    def stored(
        self, table: Table, columns: Sequence[str], rows: RowFilter | None = None, *, version: int | None = None
    ) -> LocalRows:
        """As `Engine`."""
        declared = table.arrow_schema()
        schema = pa.schema([declared.field(column) for column in columns])
        if not self._storage.exists(table):
            return LocalRows(schema, [])
        return LocalRows(schema, self._storage.pieces(table, schema, rows, version))

    def driver_rows(self, rows: pa.Table) -> LocalRows:
        """As `Engine`."""
        return LocalRows(rows.schema, [Held(rows)])

    def no_rows(self, table: Table) -> LocalRows:
        """As `Engine`."""
        return LocalRows(table.arrow_schema(), [])

    def map_rows(self, rows: LocalRows, task: MapTask, into: Table) -> LocalRows:
        """As `Engine`: a piece for each of these."""
        return LocalRows(into.arrow_schema(), [Mapped(piece, task) for piece in rows.pieces])

    def unpack(self, rows: LocalRows, task: MapTask, into: Table) -> LocalRows:
        """As `Engine`: the same, since no piece minds how many rows come of it."""
        return self.map_rows(rows, task, into)

    def map_parts(self, inputs: Mapping[str, Input], n_parts: int, task: PartTask, into: Table) -> LocalRows:
        """As `Engine`: each part reads its own rows, so that no more than the parts at work are in memory."""
        schemas = {role: given.rows.schema for role, given in inputs.items()}
        parts = [
            Part(
                number, {role: given.rows.within(given.dated, given.dates[number]) for role, given in inputs.items()}, schemas, task
            )
            for number in range(n_parts)
        ]
        return LocalRows(into.arrow_schema(), parts)

    def union(self, rows: Sequence[LocalRows]) -> LocalRows:
        """As `Engine`."""
        return LocalRows(rows[0].schema, [piece for given in rows for piece in given.pieces])

    def collect(self, rows: LocalRows) -> pa.Table:
        """As `Engine`."""
        return pa.concat_tables([rows.schema.empty_table(), *rows.read(self._storage.workers)])

    def expect_width(self, row_bytes: int) -> None:
        """As `Engine`: a piece is a row group, whatever its rows."""
