"""What a table's declaration says of its rows, looked at before they are written, with what is wrong in words.

The table's own constraints refuse the same rows; the message of an engine's writer names neither the column nor the row.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sigmalake.errors import DataError
from sigmalake.tables.declaration import Constraint, Table

Bools = NDArray[np.bool_]


def check_rows(table: Table, rows: pa.Table | pa.RecordBatch) -> None:
    """Refuse rows that break the table's declaration.

    Columns, types and nulls are compared with the declared ones, numbers with NaN, the lengths of parallel arrays with each other,
    and what else holds with its Arrow form. A constraint without one is the table's alone.

    Args:
        table: the declaration.
        rows: all declared columns, in any order.

    Raises:
        DataError: names every difference, with a count and the first row that has it.
    """
    if differences := schema_differences(table, rows.schema):
        raise DataError(f"rows of {table.name} are not as declared: {'; '.join(differences)}")
    if problems := list(_problems(table, rows)):
        raise DataError(f"rows of {table.name} cannot be written: {'; '.join(problems)}")


def schema_differences(table: Table, schema: pa.Schema) -> list[str]:
    """Every difference between the declared columns and those of some rows, in words; nulls are looked at in the rows."""
    declared = table.arrow_schema()
    found = [f"{name} is missing" for name in declared.names if name not in schema.names]
    found += [f"{name} is not declared" for name in schema.names if name not in declared.names]
    found += [f"{name} comes {schema.names.count(name)} times" for name in declared.names if schema.names.count(name) > 1]
    return found + [
        f"{field.name} is {schema.field(field.name).type}, declared {field.type}"
        for field in declared
        if schema.names.count(field.name) == 1 and not schema.field(field.name).type.equals(field.type)
    ]


def _problems(table: Table, rows: pa.Table | pa.RecordBatch) -> Iterator[str]:
    for column in table.columns:
        values = rows.column(column.name)
        if not column.nullable and values.null_count:
            yield _complaint(table, rows, f"{column.name} is null", _bools(pc.is_null(values)))
    for check in table.checks:
        if check.column is None and check.holds is None:
            continue
        message, broken = _looked_at(check, rows)
        if (bad := broken()).any():
            yield _complaint(table, rows, message, bad)


def _looked_at(check: Constraint, rows: pa.Table | pa.RecordBatch) -> tuple[str, Callable[[], Bools]]:
    if check.column is None:
        return f"{check.name} ({check.sql}) does not hold", lambda: _broken(check, rows)
    column = check.column
    values = rows.column(column)
    if check.beside is not None:
        other = rows.column(check.beside)
        return f"{column} and {check.beside} are not equally long", lambda: _lengths_differ(values, other)
    if pa.types.is_list(values.type):
        return f"{column} holds NaN (missing is null)", lambda: _nan_in_lists(values)
    return f"{column} is NaN (missing is null)", lambda: np.isnan(_floats(values))


def _broken(check: Constraint, rows: pa.Table | pa.RecordBatch) -> Bools:
    """(rows,) true where the constraint is false or null."""
    about = pa.table({name: rows.column(name) for name in rows.schema.names if name in check.words})
    bad = np.ones(len(about), dtype=bool)
    bad[about.append_column("", pa.array(np.arange(len(about)))).filter(check.holds).column("").to_numpy()] = False
    return bad


def _lengths_differ(first: pa.ChunkedArray | pa.Array, second: pa.ChunkedArray | pa.Array) -> Bools:
    """(rows,) false where one of them is null."""
    lengths = (pc.list_value_length(values) for values in (first, second))
    return _bools(pc.fill_null(pc.not_equal(*lengths), False))


def _nan_in_lists(values: pa.ChunkedArray | pa.Array) -> Bools:
    bad = np.zeros(len(values), dtype=bool)
    nan = np.isnan(_floats(pc.list_flatten(values)))
    if nan.any():
        bad[pc.list_parent_indices(values).to_numpy()[nan]] = True
    return bad


def _floats(values: pa.ChunkedArray | pa.Array) -> NDArray[np.float64]:
    """The numbers, those that are null as 0."""
    plain = pc.fill_null(values, 0.0) if values.null_count else values
    found: NDArray[np.float64] = plain.to_numpy() if isinstance(plain, pa.ChunkedArray) else plain.to_numpy(zero_copy_only=False)
    return found


def _bools(values: pa.ChunkedArray | pa.Array) -> Bools:
    found: Bools = np.asarray(values.to_numpy() if isinstance(values, pa.ChunkedArray) else values.to_numpy(zero_copy_only=False))
    return found.astype(bool)


def _complaint(table: Table, rows: pa.Table | pa.RecordBatch, what: str, bad: Bools) -> str:
    first = int(np.flatnonzero(bad)[0])
    key = ", ".join(f"{name} {rows.column(name)[first].as_py()}" for name in table.key)
    return f"{what} in {int(bad.sum())} of {len(bad)} rows, first where {key}"
