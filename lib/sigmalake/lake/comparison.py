"""Two lakes compared: every table, row by row in the order of its key, element by element, to the last bit."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.lake.log import open_table, read_columns
from sigmalake.tables.declaration import Table

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

NOTHING = 1e-14  # what a number near 0, a difference of larger ones, may differ by where some difference is allowed


def differences(one: Path, other: Path, tables: Iterable[Table]) -> list[str]:
    """Where the newest versions of two lakes differ: a sentence for each table or column; empty where they are equal.

    Numbers are equal if all their bits are, so that NaN equals NaN, and 0.0 differs from -0.0.

    Args:
        one: a lake's folder.
        other: another's.
        tables: those that are compared; each is in both lakes, or in neither.
    """
    return [found for table in tables for found in _table_differences(one, other, table)]


def rows_by_key(lake: Path, table: Table) -> pa.Table | None:
    """A table's rows in the order of its key; None where the lake does not have it."""
    found = open_table(str(lake / table.name))
    if found is None:
        return None
    rows = read_columns(found, table.column_names, declared=table)
    return rows.sort_by([(column, "ascending") for column in table.key])


def _table_differences(one: Path, other: Path, table: Table) -> list[str]:
    left, right = rows_by_key(one, table), rows_by_key(other, table)
    if left is None or right is None:
        return [] if left is right else [f"{table.name} is in one lake only"]
    if left.num_rows != right.num_rows:
        return [f"{table.name} has {left.num_rows:,} rows in one lake and {right.num_rows:,} in the other"]
    return [f"{table.name}.{name} differs in {n:,} of its elements" for name, n in differing_columns(left, right).items()]


def differing_columns(one: pa.Table, other: pa.Table, relative: float = 0.0) -> dict[str, int]:
    """The columns of as many rows in the same order in which some elements differ, and how many.

    Args:
        one: rows.
        other: the same columns.
        relative: by how much of the larger one two numbers may differ; 0: to the last bit.
    """
    pairs = zip(one.column_names, one.columns, other.select(one.column_names).columns, strict=True)
    counted = {name: _n_different(_one_array(left), _one_array(right), relative) for name, left, right in pairs}
    return {name: n for name, n in counted.items() if n}


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    return joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)


def _n_different(one: pa.Array, other: pa.Array, relative: float) -> int:
    """How many elements differ; lists and structs are compared by what they hold."""
    nulls = _count(pc.xor(one.is_null(), other.is_null()))
    if nulls:
        return nulls
    if pa.types.is_map(one.type):
        return 0 if one.equals(other) else 1
    if pa.types.is_list(one.type):
        lengths = _count(pc.not_equal(one.value_lengths(), other.value_lengths()))
        return lengths or _n_different(one.flatten(), other.flatten(), relative)
    if pa.types.is_struct(one.type):
        return sum(_n_different(a, b, relative) for a, b in zip(one.flatten(), other.flatten(), strict=True))
    if pa.types.is_floating(one.type):
        left, right = _numbers(one), _numbers(other)
        apart = left.view(np.int64) != right.view(np.int64)
        if relative:
            apart &= ~(np.abs(left - right) <= relative * np.maximum(np.abs(left), np.abs(right)) + NOTHING)
        return int(np.count_nonzero(apart))
    return _count(pc.not_equal(one, other))


def _numbers(values: pa.Array) -> Floats:
    found: Floats = np.ascontiguousarray(values.drop_null().to_numpy(zero_copy_only=False)).astype(np.float64)
    return found


def _count(flags: pa.Array) -> int:
    return int(pc.sum(flags).as_py() or 0)
