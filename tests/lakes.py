"""Lakes compared: every table of the model, row by row, as delta-rs reads it."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from sigmalake.lake.log import open_table, read_columns
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.declaration import Table

RELATIVE = 1e-12  # of the largest number of a column: an increment and a rebuild sum the same numbers in other blocks


def rows_of(lake: Path, table: Table) -> pa.Table | None:
    """A table's rows in the order of its key; None where it does not exist."""
    found = open_table(str(lake / table.name))
    if found is None:
        return None
    rows = read_columns(found, table.column_names)
    return rows.sort_by([(column, "ascending") for column in table.key]).combine_chunks()


def differences(one: Path, other: Path) -> list[str]:
    """Where two lakes differ: keys, texts, counts and hashes to the last bit, numbers by more than 1e-12."""
    found = []
    for table in MODEL_TABLES:
        left, right = rows_of(one, table), rows_of(other, table)
        if (left is None) != (right is None):
            found.append(f"{table.name} is in one lake only")
        elif left is not None and right is not None:
            if left.num_rows != right.num_rows:
                found.append(f"{table.name}: {left.num_rows} rows and {right.num_rows} rows")
            else:
                found += [f"{table.name}.{name}" for name in left.column_names if not _same(left.column(name), right.column(name))]
    return found


def _same(left: pa.ChunkedArray, right: pa.ChunkedArray) -> bool:
    one, other = (column.combine_chunks() for column in (left, right))
    if pa.types.is_list(one.type) and (pa.types.is_floating(one.type.value_type) or pa.types.is_struct(one.type.value_type)):
        if one.value_lengths() != other.value_lengths():
            return False
        one, other = one.flatten(), other.flatten()
    if pa.types.is_struct(one.type):
        pairs = zip(one.flatten(), other.flatten(), strict=True)
        return all(_same(pa.chunked_array([a]), pa.chunked_array([b])) for a, b in pairs)
    if not pa.types.is_floating(one.type):
        return bool(one.equals(other))
    if one.is_null() != other.is_null():
        return False
    a, b = (column.drop_null().to_numpy() for column in (one, other))
    return a.size == 0 or bool(np.abs(a - b).max() <= RELATIVE * np.abs(b).max())
