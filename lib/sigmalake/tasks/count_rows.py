"""Counts and checksums of stored rows by date, taken wherever the rows are read."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from sigmalake.tables.checksums.contents import contents_of
from sigmalake.tables.declaration import Column, Table, required
from sigmalake.tasks.contract import Input, MapTask, table_of

COUNTS = Table(
    name="counts",
    comment="Counts and checksums of rows; not stored",
    key=("variant", "date"),
    columns=(
        Column("variant", "STRING", "of the rows"),
        Column("date", "DATE", "of the rows"),
        required("rows", "BIGINT", "how many"),
        required("checksum", "BIGINT", "sum of their hashes"),
    ),
)


@dataclass(frozen=True)
class CountRows(MapTask):
    """The counts of some rows of a table; those of a date may come in several parts, to be added up."""

    table: Table
    into: Table = COUNTS

    @property
    def inputs(self) -> Mapping[str, Input]:
        """All columns of the table."""
        return {self.table.name: Input(self.table, tuple(self.table.column_names), self.table.date or "")}

    def __call__(self, rows: pa.Table) -> pa.Table:
        """A row a variant and date."""
        found = contents_of(self.table, rows)
        return table_of(
            self.into,
            {
                "variant": [key.variant for key in found],
                "date": [key.date for key in found],
                "rows": [content.rows for content in found.values()],
                "checksum": [content.hash for content in found.values()],
            },
        )
