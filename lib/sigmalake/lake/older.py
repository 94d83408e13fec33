"""Tables that were made before a column was declared: a column that may be null reads as null."""

from collections.abc import Iterable

import pyarrow as pa

from sigmalake.errors import ConfigError
from sigmalake.tables.declaration import Column, Table


def missing_columns(table: Table, stored: Iterable[str], where: str, columns: Iterable[str] | None = None) -> list[Column]:
    """The declared columns that a version of a table lacks, each of which reads as null.

    Args:
        table: the declaration.
        stored: names of the columns that the version has.
        where: the table is, for the message.
        columns: that are read; None: all.

    Raises:
        ConfigError: one of those that are read is never null.
    """
    there, read = set(stored), set(table.column_names if columns is None else columns)
    missing = [column for column in table.columns if column.name not in there]
    if lost := [column.name for column in missing if not column.nullable and column.name in read]:
        raise ConfigError(
            f"{where} was written by another version of sigmalake: it has no column {', '.join(lost)}, without which its rows mean "
            "nothing. Use the version that wrote it, or name another folder as `lake:` and run again"
        )
    return [column for column in missing if column.nullable]


def fill_missing(table: Table, stored: pa.Schema, columns: Iterable[str], where: str) -> pa.Schema:
    """The schema by which a version of a table is read: as it is stored, and the declared columns that it lacks.

    Raises:
        ConfigError: as `missing_columns`.
    """
    declared = table.arrow_schema()
    return pa.schema([*stored, *(declared.field(c.name) for c in missing_columns(table, stored.names, where, columns))])
