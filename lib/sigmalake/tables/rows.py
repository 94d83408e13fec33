"""Rows of a table that are made one by one, by the names of its columns."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import index
from typing import Any, Protocol

import pyarrow as pa

from sigmalake.errors import DataError
from sigmalake.tables.checks import check_rows
from sigmalake.tables.declaration import Table


class Named(Protocol):
    """A named tuple."""

    def _asdict(self) -> dict[str, Any]:
        """Its values by name."""


def table_rows(table: Table, rows: Iterable[Mapping[str, Any] | Named]) -> pa.Table:
    """Rows of a table as Arrow holds them.

    Args:
        table: whose rows they are.
        rows: a value for each declared column, by name; those of structs by name as well, maps as dictionaries.

    Raises:
        DataError: names every difference to the declaration: columns, types, nulls, NaN, lengths of parallel arrays.
    """
    listed = [_by_name(row) for row in rows]
    declared, names = table.arrow_schema(), set(table.column_names)
    given = set().union(*listed) if listed else names
    lacking = sorted({name for row in listed for name in names - row.keys()}, key=table.column_names.index)
    problems = [f"{name} is missing in {sum(name not in row for row in listed)} of {len(listed)} rows" for name in lacking]
    problems += [f"{name} is not declared" for name in sorted(given - names)]
    columns = []
    for field in declared:
        try:
            columns.append(_column([row.get(field.name) for row in listed], field.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, OverflowError, ValueError) as error:
            problems.append(f"{field.name} is no {field.type}: {error}")
    if problems:
        raise DataError(f"rows of {table.name} are not as declared: {'; '.join(problems)}")
    made = pa.table(columns, schema=declared)
    check_rows(table, made)
    return made


def _by_name(row: Mapping[str, Any] | Named) -> Mapping[str, Any]:
    return row if isinstance(row, Mapping) else row._asdict()


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    as_they_are = pa.types.is_string(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_timestamp(kind)
    return pa.array(values if as_they_are else [_plain(value, kind) for value in values], kind)


def _plain(value: Any, kind: pa.DataType) -> Any:
    """A value as Arrow takes it: structs as dictionaries with all their fields and no other, maps as pairs."""
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [_plain(entry, kind.value_type) for entry in value] if _nested(kind.value_type) else value
    if pa.types.is_map(kind):
        return [(_plain(key, kind.key_type), _plain(item, kind.item_type)) for key, item in dict(value).items()]
    if pa.types.is_struct(kind):
        return _struct(value, kind)
    if pa.types.is_integer(kind):
        return index(value)  # Arrow would cut 1.5 to 1
    if pa.types.is_date(kind) and isinstance(value, datetime):
        raise TypeError(f"{value} has a time of day")  # and this to a day
    return value


def _struct(value: Any, kind: pa.StructType) -> dict[str, Any]:
    fields = [kind.field(position) for position in range(kind.num_fields)]
    if not isinstance(value, Mapping) and not hasattr(value, "_asdict"):
        raise TypeError(f"{value!r} does not name its fields {', '.join(field.name for field in fields)}")
    named = _by_name(value)
    if named.keys() != {field.name for field in fields}:
        raise TypeError(f"its fields are {', '.join(named)}, declared {', '.join(field.name for field in fields)}")
    return {field.name: _plain(named[field.name], field.type) for field in fields}


def _nested(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind) or pa.types.is_map(kind) or pa.types.is_list(kind))
