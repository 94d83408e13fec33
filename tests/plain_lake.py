"""A lake written without Spark: tables from their declarations, by delta-rs."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, WriterProperties, write_deltalake

from sigmalake.lake.format import FORMAT, FORMAT_PROPERTY
from sigmalake.tables.declaration import Table

PLAIN = {
    "STRING": pa.string(), "DATE": pa.date32(), "INT": pa.int32(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(), "TIMESTAMP": pa.timestamp("us", "UTC"),
}  # fmt: skip


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type of a Spark SQL type."""
    if kind in PLAIN:
        return PLAIN[kind]
    outer, inner = re.fullmatch(r"(\w+)<(.*)>", kind).groups()
    parts = re.findall(r"(?:[^,<]|<.*?>)+", inner)
    if outer == "ARRAY":
        return pa.list_(arrow_type(inner))
    if outer == "MAP":
        return pa.map_(*(arrow_type(part.strip()) for part in parts))
    return pa.struct([(name.strip(), arrow_type(part.strip())) for name, part in (part.split(":") for part in parts)])


def arrow_schema(table: Table) -> pa.Schema:
    return pa.schema([pa.field(column.name, arrow_type(column.type), column.nullable) for column in table.columns])


def create(root: Path, table: Table, lake_format: str | None = str(FORMAT)) -> None:
    made = DeltaTable.create(f"{root}/{table.name}", schema=arrow_schema(table))
    if lake_format is not None:  # delta-rs takes properties that it does not know only this way
        made.alter.set_table_properties({FORMAT_PROPERTY: lake_format}, raise_if_not_exists=False)


def append(root: Path, table: Table, rows: Sequence[Mapping[str, object]], group: int = 16) -> int:
    """Add rows; gives the version that holds them."""
    where = f"{root}/{table.name}"
    if not Path(where).exists():
        create(root, table)
    properties = WriterProperties(max_row_group_size=group)
    write_deltalake(where, pa.Table.from_pylist(list(rows), arrow_schema(table)), mode="append", writer_properties=properties)
    return DeltaTable(where).version()


def replace(root: Path, table: Table, rows: Sequence[Mapping[str, object]], predicate: str) -> int:
    """Put these rows in the place of those for which the SQL holds; gives the version."""
    where = f"{root}/{table.name}"
    write_deltalake(where, pa.Table.from_pylist(list(rows), arrow_schema(table)), mode="overwrite", predicate=predicate)
    return DeltaTable(where).version()
