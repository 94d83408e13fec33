"""Rows as files: in types and formats that databases, frames and spreadsheets export."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
from deltalake import write_deltalake

from fuzz.draws import SHOWN_NAMES, happens, one_of

Columns = dict[str, list[Any]]
DATE_TYPES = (
    pa.date32(), pa.date32(), pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us"),
    pa.timestamp("ns"),
    pa.timestamp("us", "UTC"), pa.timestamp("us", "America/New_York"), pa.string(), pa.large_string(), pa.int32(),
    pa.dictionary(pa.int32(), pa.string()),
)  # fmt: skip
NUMBER_TYPES = (
    *[pa.float64()] * 5, pa.float32(), pa.float16(), pa.string(), pa.int64(), pa.int8(), pa.uint64(), pa.decimal128(38, 6),
    pa.decimal256(60, 10), pa.bool_(), pa.null(), pa.list_(pa.float64()), pa.dictionary(pa.int8(), pa.string()), pa.binary(),
)  # fmt: skip
TEXT_TYPES = (
    *[pa.string()] * 5, pa.large_string(), pa.dictionary(pa.int16(), pa.string()), pa.binary(), pa.int64(), pa.uint64(), pa.null(),
    pa.bool_(), pa.float64(), pa.list_(pa.string()), pa.string_view(),
)  # fmt: skip
TYPES = {"date": DATE_TYPES, "text": TEXT_TYPES, "number": NUMBER_TYPES, "flag": (pa.bool_(), pa.string())}


def as_text(rows: Columns) -> pa.Table:
    return pa.table(
        {name: pa.array([None if value is None else str(value) for value in values], pa.string()) for name, values in rows.items()}
    )


def typed(rng: np.random.Generator, rows: Columns, kinds: dict[str, str]) -> pa.Table:
    """The rows in types that databases and frames export; a column that a type does not hold stays as it is."""
    arrays = {}
    for name, values in rows.items():
        kind = one_of(rng, TYPES[kinds.get(name, "number")]) if happens(rng, 0.3) else None
        arrays[name] = _array(values, kind)
    if happens(rng, 0.1):
        arrays.pop(one_of(rng, list(arrays)))
    if happens(rng, 0.1):
        arrays[one_of(rng, SHOWN_NAMES)] = pa.nulls(len(next(iter(rows.values()))))
    return pa.table(arrays)


def _array(values: list[Any], kind: pa.DataType | None) -> pa.Array:
    natural = _natural(values)
    if kind is None:
        return natural
    try:
        if pa.types.is_null(kind):
            return pa.nulls(len(values))
        if pa.types.is_list(kind):
            return pa.array([[value] for value in natural.to_pylist()], kind)
        if pa.types.is_dictionary(kind):
            return natural.cast(pa.string()).dictionary_encode().cast(kind)
        return natural.cast(kind, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, ValueError, OverflowError):
        return natural


def _natural(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])


def write(rng: np.random.Generator, table: pa.Table, path: Path) -> dict[str, str]:
    """The table as a file or several, beginning with a path, in one of the formats; some files are cut or changed."""
    plain = path.with_name(f"{path.name}_delta")
    path = path.with_name(path.name + one_of(rng, ["", "", " b", "ü'x", "100%", "x=1", "[1]", "#", "+"]))
    if all(pa.types.is_string(kind) for kind in table.schema.types):
        form = one_of(rng, ["csv", "csv", "parquet"])
    else:
        form = one_of(rng, ["parquet", "parquet", "parquet", "delta"])
    if form == "delta" and _is_delta(table, plain):
        return {"path": plain.name, "format": "delta"}
    path = path.with_name(f"{path.name}.{form}")
    half = table.num_rows // 2
    if form == "csv":
        pv.write_csv(table, path)
    elif happens(rng, 0.2) and half:
        path.mkdir()
        for number, part in enumerate((table.slice(0, half), table.slice(half))):
            _write_parquet(part, path / f"{number}.parquet")
    else:
        _write_parquet(table, path)
    if path.is_file() and happens(rng, 0.03):
        content = bytearray(path.read_bytes())
        for at in rng.integers(0, len(content), 5):
            content[int(at)] = int(rng.integers(256))
        path.write_bytes(bytes(content[: int(rng.integers(len(content) + 1))] if happens(rng, 0.5) else content))
    return {"path": path.name, "format": "csv" if form == "csv" else "parquet"}


def _write_parquet(table: pa.Table, path: Path) -> None:
    try:
        pq.write_table(table, path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        pq.write_table(pa.table({n: pa.array(list(map(str, table.column(n).to_pylist()))) for n in table.column_names}), path)


def _is_delta(table: pa.Table, path: Path) -> bool:
    """Whether the table could be written as one of Delta, which holds fewer types and names."""
    try:
        write_deltalake(str(path), table)
    except Exception:  # errors of several kinds: then it is another format's turn
        shutil.rmtree(path, ignore_errors=True)
        return False
    return True
