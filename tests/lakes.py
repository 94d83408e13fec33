"""Lakes compared: every table of the model, row by row, as delta-rs reads it."""

from pathlib import Path

import pyarrow as pa

from sigmalake.lake.log import open_table, read_columns
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.declaration import Table


def rows_of(lake: Path, table: Table) -> pa.Table | None:
    """A table's rows in the order of its key; None where it does not exist."""
    found = open_table(str(lake / table.name))
    if found is None:
        return None
    rows = read_columns(found, table.column_names)
    return rows.sort_by([(column, "ascending") for column in table.key]).combine_chunks()


def differences(one: Path, other: Path) -> list[str]:
    """The tables in which two lakes differ, rows and hashes to the last bit."""
    found = []
    for table in MODEL_TABLES:
        left, right = rows_of(one, table), rows_of(other, table)
        if (left is None) != (right is None):
            found.append(f"{table.name} is in one lake only")
        elif left is not None and right is not None and left.to_pylist() != right.to_pylist():
            found.append(f"{table.name}: {left.num_rows} rows and {right.num_rows} rows, not the same")
    return found
