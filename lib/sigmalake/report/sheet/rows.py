"""A sheet as rows: section, name, column, value, unit, text; to .csv and .parquet."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sigmalake.report.sheet.blocks import Cell, Sheet

SCHEMA = pa.schema(
    [
        pa.field("section", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("column", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("text", pa.string()),
    ]
)

_Row = tuple[str, str, str, float | None, str | None, str | None]


def rows_of(sheet: Sheet) -> Iterator[_Row]:
    """A row a cell: a number with its unit, or a text; a cell without either has none."""
    for block in sheet.blocks:
        for name, cells in (*block.rows, *block.closing):
            for column, cell in zip(block.columns, cells, strict=True):
                value, text = _number(cell), cell if isinstance(cell, str) else None
                if value is not None or text:
                    yield block.key, name, column.key, value, column.unit or None, text


def _number(cell: Cell) -> float | None:
    return None if cell is None or isinstance(cell, str) or not np.isfinite(cell) else float(cell)


def write_csv(sheet: Sheet, path: Path) -> None:
    """UTF-8, with commas; an empty cell where there is no number or no text. Names stand as they are."""
    with path.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(SCHEMA.names)
        writer.writerows(rows_of(sheet))


def write_parquet(sheet: Sheet, path: Path) -> None:
    """The same rows, with null where there is no number, unit or text."""
    columns = list(zip(*rows_of(sheet), strict=True))
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), path)
