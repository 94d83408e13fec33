"""Rows of a table that are made one by one, by the names of its columns."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
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
    return pa.array(values if as_they_are else list(map(_plain(kind), values)), kind)


@cache
def _plain(kind: pa.DataType) -> Callable[[Any], Any]:
    """What makes a value such as Arrow takes it: structs as dictionaries with all their fields and no other, maps as pairs."""
    make = _made(kind)
    return lambda value: None if value is None else make(value)


def _made(kind: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_list(kind):
        entry = _plain(kind.value_type)
        return (lambda value: [entry(one) for one in value]) if _nested(kind.value_type) else _same
    if pa.types.is_map(kind):
        key, item = _plain(kind.key_type), _plain(kind.item_type)
        return lambda value: [(key(name), item(one)) for name, one in dict(value).items()]
    if pa.types.is_struct(kind):
        fields = {kind.field(position).name: _plain(kind.field(position).type) for position in range(kind.num_fields)}
        return lambda value: _struct(value, fields)
    if pa.types.is_integer(kind):
        return index  # Arrow would cut 1.5 to 1
    return _day if pa.types.is_date(kind) else _same


def _same(value: Any) -> Any:
    return value


def _day(value: Any) -> Any:
    if isinstance(value, datetime):
        raise TypeError(f"{value} has a time of day")  # which Arrow would cut
    return value


def _struct(value: Any, fields: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    if not isinstance(value, Mapping) and not hasattr(value, "_asdict"):
        raise TypeError(f"{value!r} does not name its fields {', '.join(fields)}")
    named = _by_name(value)
    if named.keys() != fields.keys():
        raise TypeError(f"its fields are {', '.join(named)}, declared {', '.join(fields)}")
    return {name: make(named[name]) for name, make in fields.items()}


def _nested(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind) or pa.types.is_map(kind) or pa.types.is_list(kind))
