"""The tables of a model that was fitted in this process, or loaded from somewhere else."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.dataset as ds

from sigmalake.errors import MissingRiskError
from sigmalake.lake.upkeep.older import fill_missing
from sigmalake.reader.storage.table_reader import StoredRows
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Table


class MemoryTables:
    """Tables by name. They are read where they lie: nothing is copied but the requested rows."""

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self.tables = dict(tables)

    @property
    def place(self) -> str:
        """The word `memory`, since these tables have no folder and no URI."""
        return "memory"

    def rows(self, table: Table, columns: Sequence[str], where: ds.Expression | None = None) -> pa.Table:
        """Some columns of some rows; null where a table lacks a column that may be null.

        Raises:
            ConfigError: a table lacks a column that is never null.
            MissingRiskError: there is no such table.
        """
        if table.name not in self.tables:
            held = ", ".join(sorted(self.tables)) or "none"
            raise MissingRiskError(f"the model in memory has no table {table.name}; its tables: {held}")
        return ds.dataset(self._filled(table, columns)).to_table(columns=list(columns), filter=where)

    def stored(self) -> dict[str, StoredRows]:
        """As `TableReader`."""
        held = [table for table in ALL_TABLES if table.name in self.tables]
        return {table.name: self._filled(table, table.column_names).select(table.column_names) for table in held}

    def _filled(self, table: Table, columns: Sequence[str]) -> pa.Table:
        """A table with the columns that may be null and that it lacks."""
        stored = self.tables[table.name]
        schema = fill_missing(table, stored.schema, columns, f"{table.name} in memory")
        for field in list(schema)[len(stored.schema) :]:
            stored = stored.append_column(field, pa.nulls(stored.num_rows, field.type))
        return stored
