"""Tables that were made before a column was declared: a column that may be null reads as null, some others as what they were."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from sigmalake.errors import ConfigError
from sigmalake.tables.declaration import Column, Table


def missing_columns(table: Table, stored: Iterable[str], where: str, columns: Iterable[str] | None = None) -> list[Column]:
    """The declared columns that a version of a table lacks, each of which is null there.

    Args:
        table: the declaration.
        stored: names of the columns that the version has.
        where: the table is, for the message.
        columns: that are read; None: all.

    Raises:
        ConfigError: one of those that are read is never null, and no version of sigmalake wrote the table without it.
    """
    there, read = set(stored), set(table.column_names if columns is None else columns)
    missing = [column for column in table.columns if column.name not in there]
    if lost := [column.name for column in missing if not _may_lack(column) and column.name in read]:
        raise ConfigError(
            f"{where} has no column {', '.join(lost)}, without which its rows mean nothing: no version of sigmalake that is known "
            "wrote it so. Restore it from a copy of the lake"
        )
    return [column for column in missing if _may_lack(column)]


def lacking(table: Table, stored: Iterable[str]) -> tuple[str, ...]:
    """The columns without which rows mean nothing, and that a stored table does not have; none of one in an earlier shape."""
    there = set(stored)
    needed = () if table.earlier_shape & there else table.columns
    return tuple(column.name for column in needed if column.name not in there and not _may_lack(column))


def fill_missing(table: Table, stored: pa.Schema, columns: Iterable[str], where: str) -> pa.Schema:
    """The schema by which a version of a table is read: as it is stored, and the declared columns that it lacks.

    Raises:
        ConfigError: as `missing_columns`.
    """
    declared = table.arrow_schema()
    missing = missing_columns(table, stored.names, where, columns)
    return pa.schema([*stored, *(declared.field(column.name).with_nullable(True) for column in missing)])


def beside(table: Table, columns: Sequence[str]) -> list[str]:
    """The columns that `with_older_values` needs beside those that are read."""
    needed = (column.older.beside for column in table.columns if column.older is not None and column.name in columns)
    return [name for name in dict.fromkeys(needed) if name is not None and name not in columns]


def with_older_values(table: Table, rows: pa.Table) -> pa.Table:
    """The rows, in which columns that are never null have a value also where the row is older than the column."""
    for column in table.columns:
        if column.older is None or column.name not in rows.column_names or not rows.column(column.name).null_count:
            continue
        if column.older.beside is not None and column.older.beside not in rows.column_names:
            continue
        place = rows.column_names.index(column.name)
        field = table.arrow_schema().field(column.name)
        shape = None if column.older.beside is None else rows.column(column.older.beside)
        known = rows.column(column.name)
        filled = [
            _older_value(field.type, None if shape is None else shape[n]) if not v.is_valid else v for n, v in enumerate(known)
        ]
        rows = rows.set_column(place, field, pa.chunked_array([pa.array([value.as_py() for value in filled], field.type)]))
    return rows


def _older_value(kind: pa.DataType, shape: pa.ListScalar | None) -> pa.Scalar:
    if shape is not None:
        return pa.scalar([None] * len(shape), kind)
    return pa.scalar([] if pa.types.is_list(kind) else 0, kind)


def _may_lack(column: Column) -> bool:
    return column.nullable or column.older is not None
