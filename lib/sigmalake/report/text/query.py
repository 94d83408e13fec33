"""What a query gave, as a table on a terminal, as CSV, JSON and Parquet; and the tables that can be queried."""

import json
import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from sigmalake.reader.sql.listing import Listed
from sigmalake.report.text.plain_text import table

MOST_ROWS = 100  # on a terminal
MOST_SIGNS = 40  # of a cell there
_ENTRIES = 3  # of an array there


class Rows(Protocol):
    """Batches of rows, which are read once."""

    @property
    def schema(self) -> pa.Schema:
        """Of each batch."""

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...


def query_table(rows: Rows) -> tuple[str, bool]:
    """The first rows, columns under their names; and whether there are more."""
    found: list[dict[str, Any]] = []
    for batch in rows:
        found += batch.slice(0, MOST_ROWS + 1 - len(found)).to_pylist()
        if len(found) > MOST_ROWS:
            break
    if rows.schema.names == ["explain_key", "explain_value"]:
        return "\n".join(str(row["explain_value"]) for row in found), False
    left = [n for n, field in enumerate(rows.schema) if not _is_number(field.type)]
    cells = [[_cell(row[name]) for name in rows.schema.names] for row in found[:MOST_ROWS]]
    return table(rows.schema.names, cells, left=left, width=None), len(found) > MOST_ROWS


def query_csv(rows: Rows) -> Iterator[str]:
    """Pieces of CSV, the first with the names of the columns; arrays and structs are JSON, missing is empty."""
    header = True
    for batch in _at_least_one(rows):
        columns = [_flat(column) for column in batch.columns]
        out = BytesIO()
        options = pa_csv.WriteOptions(include_header=header, quoting_style="needed")
        pa_csv.write_csv(pa.table(columns, names=batch.schema.names), out, options)
        header = False
        if text := out.getvalue().decode().removesuffix("\n"):
            yield text


def query_json(rows: Rows) -> Iterator[str]:
    """Pieces of a JSON array of objects, an object a line; what is no number is null, dates are ISO text."""
    before = "["
    for batch in rows:
        for row in batch.to_pylist():
            body = {name: plain(value) for name, value in row.items()}
            yield before + json.dumps(body, ensure_ascii=False, allow_nan=False)
            before = ","
    yield "]" if before == "," else "[]"


def write_query(rows: Rows, form: str, to: Path) -> int:
    """Write a file, csv, json or parquet, which is there when it is whole; gives the number of rows."""
    part, counted = to.with_name(f".{to.name}.part"), _Counted(rows)
    try:
        if form == "parquet":
            with pq.ParquetWriter(part, rows.schema) as writer:
                for batch in counted:
                    writer.write_batch(batch)
        else:
            pieces = query_csv if form == "csv" else query_json
            with part.open("w", encoding="utf-8") as file:
                file.writelines(f"{piece}\n" for piece in pieces(counted))
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
    return counted.rows


class _Counted:
    """Rows that are counted as they pass."""

    def __init__(self, rows: Rows) -> None:
        self._batches, self.schema, self.rows = rows, rows.schema, 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.rows += batch.num_rows
            yield batch


def listing_text(found: Sequence[Listed]) -> str:
    """Each table with its columns, types and meanings."""
    parts = []
    for one in found:
        lines = [(column.name, _short(column.type), column.comment) for column in one.columns]
        body = table(("column", "type", "what it holds"), lines, left=(0, 1, 2), width=None)
        parts.append(f"{one.name} ({one.kind}): {one.comment}. Key: {', '.join(one.key)}.\n{_indented(body)}\n")
    return "\n".join(parts)


def listing_rows(found: Sequence[Listed]) -> list[dict[str, object]]:
    """The same, a row a column."""
    return [
        {
            "table": one.name, "kind": one.kind, "holds": one.comment, "column": column.name, "type": column.type,
            "nullable": column.nullable, "is_key": column.name in one.key, "meaning": column.comment,
        }
        for one in found
        for column in one.columns
    ]  # fmt: skip


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): plain(of) for name, of in value.items()}
    if isinstance(value, list | tuple):
        return [plain(of) for of in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list) and len(value) > _ENTRIES:
        return f"[{', '.join(map(_cell, value[:_ENTRIES]))}, ... {len(value)}]"
    found = plain(value)
    return _short(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))


def _short(text: str) -> str:
    return text if len(text) <= MOST_SIGNS else f"{text[: MOST_SIGNS - 3]}..."


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _flat(column: pa.Array) -> pa.Array:
    """A column as CSV can have it."""
    if not (pa.types.is_nested(column.type) or pa.types.is_interval(column.type) or pa.types.is_duration(column.type)):
        return column
    return pa.array([None if v is None else json.dumps(plain(v), ensure_ascii=False) for v in column.to_pylist()], pa.string())


def _at_least_one(rows: Rows) -> Iterator[pa.RecordBatch]:
    none = True
    for batch in rows:
        none = False
        yield batch
    if none:
        yield pa.RecordBatch.from_pylist([], schema=rows.schema)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
