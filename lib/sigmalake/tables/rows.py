"""Rows of a table from what the driver knows of them, by name."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from sigmalake.tables.declaration import Table


def table_rows(table: Table, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows by the names of their columns, in the types that the table declares.

    Raises:
        ValueError: a row lacks a column, has one that the table does not know, or a null where none may be.
    """
    schema, listed = table.arrow_schema(), list(rows)
    for row in listed:
        if row.keys() != set(schema.names):
            raise ValueError(f"{table.name}: the columns {sorted(row.keys() ^ set(schema.names))} are on one side only")
    made = pa.Table.from_pylist(listed, schema=schema)
    for field in schema:
        if not field.nullable and made.column(field.name).null_count:
            raise ValueError(f"{table.name}.{field.name} is null in {made.column(field.name).null_count} rows, and never may be")
    return made
