"""Lakes compared: every table of the model, element by element, as delta-rs reads it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.lake.log import open_table, read_columns
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.declaration import Table

REBUILT = 1e-12  # relative, of each number of an increment and a rebuild
"""The windows of several as-of dates are summed by one matrix product. BLAS sums in another order where there is one date alone,
or where the product begins at another row: an increment of one day is not the last bits of a rebuild. Those of engines are."""

NOTHING = 1e-16  # what a number near 0, a difference of larger ones, may differ by where `relative` is not 0


def rows_of(lake: Path, table: Table) -> pa.Table | None:
    """A table's rows in the order of its key; None where it does not exist."""
    found = open_table(str(lake / table.name))
    if found is None:
        return None
    rows = read_columns(found, table.column_names)
    return rows.sort_by([(column, "ascending") for column in table.key]).combine_chunks()


def differences(one: Path, other: Path, tables: Sequence[Table] = MODEL_TABLES, *, relative: float = 0.0) -> list[str]:
    """Where two lakes differ, table by table and column by column, with the first row that does.

    Args:
        one: folder of a lake.
        other: folder of another.
        tables: that are compared.
        relative: by how much of the larger one two numbers may differ; 0: to the last bit.
    """
    found = []
    for table in tables:
        left, right = rows_of(one, table), rows_of(other, table)
        if (left is None) != (right is None):
            found.append(f"{table.name} is in one lake only")
        elif left is not None and right is not None:
            if left.num_rows != right.num_rows:
                found.append(f"{table.name}: {left.num_rows} rows and {right.num_rows} rows")
            else:
                found += [f"{table.name}.{text}" for text in _columns_that_differ(left, right, table.key, relative)]
    return found


def same_elements(one: pa.Array, other: pa.Array, relative: float = 0.0) -> np.ndarray:
    """Of each element, whether it is the same in both: null and null, NaN and NaN, numbers by their bits or nearly."""
    if one.type != other.type:
        return np.zeros(len(one), dtype=bool)
    null = [column.is_null().to_numpy(zero_copy_only=False) for column in (one, other)]
    if pa.types.is_struct(one.type):
        fields = [same_elements(one.field(n), other.field(n), relative) for n in range(one.type.num_fields)]
        same = np.logical_and.reduce([np.ones(len(one), dtype=bool), *fields])
    elif pa.types.is_list(one.type):
        same = _same_lists(one, other, relative)
    elif pa.types.is_floating(one.type):
        same = _same_numbers(*(_numbers(column) for column in (one, other)), relative)
    else:
        same = pc.fill_null(pc.equal(one, other), False).to_numpy(zero_copy_only=False)
    return np.where(null[0] | null[1], null[0] & null[1], same)


def _same_lists(one: pa.ListArray, other: pa.ListArray, relative: float) -> np.ndarray:
    lengths = [pc.fill_null(pc.list_value_length(column), 0).to_numpy() for column in (one, other)]
    same = lengths[0] == lengths[1]
    values = [column.filter(pa.array(same)).flatten() for column in (one, other)]
    rows = np.repeat(np.flatnonzero(same), lengths[0][same])
    same[rows[~same_elements(*values, relative)]] = False
    return same


def _same_numbers(one: np.ndarray, other: np.ndarray, relative: float) -> np.ndarray:
    same = one.view(np.int64) == other.view(np.int64)
    if relative:
        same |= np.abs(one - other) <= relative * np.maximum(np.abs(one), np.abs(other)) + NOTHING
    return same


def _numbers(column: pa.Array) -> np.ndarray:
    """Nulls as 0, and every NaN as the same one."""
    numbers = pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.isnan(numbers), np.nan, numbers)


def _columns_that_differ(left: pa.Table, right: pa.Table, key: Sequence[str], relative: float) -> list[str]:
    found = []
    for name in left.column_names:
        same = same_elements(*(_one_array(rows.column(name)) for rows in (left, right)), relative)
        if not same.all():
            first = left.take(pa.array(np.flatnonzero(~same)[:1])).select(list(key)).to_pylist()[0]
            found.append(f"{name}: {int((~same).sum())} of {len(same)} rows, the first {tuple(map(str, first.values()))}")
    return found


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], column.type), *column.chunks])
