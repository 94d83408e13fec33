"""A lake written without Spark: tables from their declarations, by delta-rs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, WriterProperties, write_deltalake

from sigmalake.lake.format import FORMAT, FORMAT_PROPERTY
from sigmalake.tables.declaration import Table


def create(root: Path, table: Table, lake_format: str | None = str(FORMAT)) -> None:
    made = DeltaTable.create(f"{root}/{table.name}", schema=table.arrow_schema())
    if lake_format is not None:  # delta-rs takes properties that it does not know only this way
        made.alter.set_table_properties({FORMAT_PROPERTY: lake_format}, raise_if_not_exists=False)


def append(root: Path, table: Table, rows: Sequence[Mapping[str, object]], group: int = 16) -> int:
    """Add rows; gives the version that holds them."""
    where = f"{root}/{table.name}"
    if not Path(where).exists():
        create(root, table)
    properties = WriterProperties(max_row_group_size=group)
    write_deltalake(where, pa.Table.from_pylist(list(rows), table.arrow_schema()), mode="append", writer_properties=properties)
    return DeltaTable(where).version()


def replace(root: Path, table: Table, rows: Sequence[Mapping[str, object]], predicate: str) -> int:
    """Put these rows in the place of those for which the SQL holds; gives the version."""
    where = f"{root}/{table.name}"
    write_deltalake(where, pa.Table.from_pylist(list(rows), table.arrow_schema()), mode="overwrite", predicate=predicate)
    return DeltaTable(where).version()
